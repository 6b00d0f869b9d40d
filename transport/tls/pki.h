// SPDX-License-Identifier: Apache-2.0
// The identity of this host: its key, its certificate and the root that signed it, checked to belong together. Pure:
// texts in, texts out; pki_files.h keeps them in DIR/pki.
#pragma once

#include <string>
#include <string_view>

#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "transport/tls/authority.h"
#include "transport/tls/certificate.h"

namespace afterimage::tls {

struct Identity {
  HostLabel host;  // from the certificate
  PrivateKey key;
  Certificate certificate;
  Certificate root;
};

// The four texts of DIR/pki. Keys are secret.
struct PkiTexts {
  std::string authority_key;
  std::string authority_certificate;
  std::string host_key;
  std::string host_certificate;
};

// A new host: authority, key, certificate.
[[nodiscard]] Result<PkiTexts> create_pki(const HostLabel& host, WallTime now, Duration life = host_certificate_life);

// refused, with what to do, when the key and the certificate do not belong together, the certificate was not signed by
// the root, or it carries no host id. An expired one is loaded: health and every peer will say so, and it can be
// renewed.
[[nodiscard]] Result<Identity> load_identity(std::string_view key_pem, std::string_view certificate_pem,
                                             std::string_view root_pem);

// Is a new certificate wanted now: two thirds of the life are over, or it begins later than now (the clock was wrong
// when it was made)? Only where a new one would be better: none outlives the root.
[[nodiscard]] bool renewal_wanted(const Identity& identity, WallTime now, Duration life = host_certificate_life);

struct Renewal {
  std::string host_key;
  std::string host_certificate;
};
// A new key and a new certificate for the same host.
[[nodiscard]] Result<Renewal> renew_identity(const Identity& identity, const Authority& authority, WallTime now,
                                             Duration life = host_certificate_life);

}  // namespace afterimage::tls
