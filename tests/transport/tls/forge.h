// SPDX-License-Identifier: Apache-2.0
// Certificates of every shape, also such as no authority of ours would issue, and hosts for tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "io/base/identity.h"
#include "io/base/time.h"
#include "transport/tls/authority.h"
#include "transport/tls/certificate.h"
#include "transport/tls/openssl.h"
#include "transport/tls/pki.h"
#include "transport/tls/trust.h"

namespace afterimage::tls::forge {

inline constexpr Duration day = std::chrono::hours(24);
inline constexpr WallTime noon{1'790'000'000'000'000'000};  // the moment of all tests

[[nodiscard]] HostId id_of(unsigned char number);

// A host with an authority of its own, as `host init` makes it.
struct Host {
  HostLabel label;
  Authority authority;
  PrivateKey key;
  Certificate certificate;

  [[nodiscard]] Identity identity() const {
    return {.host = label, .key = key, .certificate = certificate, .root = authority.certificate()};
  }
  // The identity with another leaf.
  [[nodiscard]] Identity identity_with(Certificate leaf) const {
    return {.host = label, .key = key, .certificate = std::move(leaf), .root = authority.certificate()};
  }
  [[nodiscard]] TrustAnchor anchor() const { return {.host = label.id, .root = authority.certificate()}; }
};
[[nodiscard]] Host make_host(unsigned char number, std::string name);

// What goes into a forged certificate. An empty text leaves the extension out.
struct Recipe {
  std::string common_name = "forged";
  std::string alternative_names = {};  // "URI:...,DNS:..."
  std::string constraints = "critical,CA:FALSE";
  std::string key_usage = "critical,digitalSignature";
  std::string extended_key_usage = "serverAuth,clientAuth";
  std::vector<std::pair<int, std::string>> others = {};
  WallTime from = noon + -day;
  WallTime until = noon + 30 * day;
  const EVP_MD* digest = EVP_sha256();
};
// A recipe that is right in everything, for `host`.
[[nodiscard]] Recipe good_recipe(const HostLabel& host);

struct Issuer {
  const PrivateKey& key;
  const Certificate& certificate;
};
[[nodiscard]] Certificate forge(const Recipe& recipe, const PrivateKey& key, const Issuer& issuer);
// Signed by itself; with another subject if it is to be mistaken for that.
[[nodiscard]] Certificate forge_self_signed(const Recipe& recipe, const PrivateKey& key,
                                            const X509_NAME* subject = nullptr);
[[nodiscard]] inline Issuer issuer_of(const Authority& authority) { return {authority.key(), authority.certificate()}; }
[[nodiscard]] PrivateKey make_key();
[[nodiscard]] PrivateKey make_rsa_key(unsigned bits);  // may be too weak to be read back from a PEM

// A policy that trusts these hosts' roots, each for its host.
[[nodiscard]] TrustPolicy trusting(std::vector<TrustAnchor> anchors);

}  // namespace afterimage::tls::forge
