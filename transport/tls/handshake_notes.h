// SPDX-License-Identifier: Apache-2.0
// What OpenSSL's callbacks learn during a handshake. The engine owns it and hangs it on its SSL object; the callbacks,
// which the context installs, write to it. Inside this folder only.
#pragma once

#include <optional>
#include <vector>

#include "io/base/result.h"
#include "transport/tls/openssl.h"
#include "transport/tls/tls_context.h"
#include "transport/tls/trust.h"

namespace afterimage::tls {

struct HandshakeNotes {
  const ContextOptions* context = nullptr;
  HostId expected;
  WallTime now;
  std::optional<PeerIdentity> peer;
  std::vector<Certificate> chain;  // beside the leaf
  std::optional<Error> refusal;    // our own reason; OpenSSL's would be vague
};

inline HandshakeNotes& notes_of(const SSL* ssl) { return *static_cast<HandshakeNotes*>(SSL_get_app_data(ssl)); }

}  // namespace afterimage::tls
