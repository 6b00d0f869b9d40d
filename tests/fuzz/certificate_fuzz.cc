// SPDX-License-Identifier: Apache-2.0
// Any bytes as a certificate, a key and a request, in PEM and in DER, and then before the judge: it trusts none of
// them.
#include "transport/tls/certificate.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/base/check.h"
#include "transport/tls/authority.h"
#include "transport/tls/trust.h"

namespace {

using namespace afterimage;
using namespace afterimage::tls;

constexpr WallTime now{1'790'000'000'000'000'000};

const Authority& authority() {
  static const Authority made = [] {
    auto result = Authority::create({.id = {.bytes = {std::byte{1}}}, .name = "fuzz"}, now);
    AFI_CHECK(result.has_value());
    return std::move(*result);
  }();
  return made;
}

void judge(const Result<Certificate>& certificate) {
  if (!certificate) return;
  static_cast<void>(check_root(*certificate, now));
  const TrustPolicy policy{.anchors = {{.host = {}, .root = authority().certificate()}},
                           .pin = {},
                           .revoked_hosts = {},
                           .revoked_serials = {}};
  AFI_CHECK(!verify_peer(policy, *certificate, {}, {.role = PeerRole::server, .host = {}, .now = now}).has_value());
  const auto pem = certificate->to_pem();
  AFI_CHECK(!pem.has_value() || Certificate::from_pem(*pem).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  judge(Certificate::from_pem(text));
  judge(Certificate::from_der(view_of(text)));
  static_cast<void>(PrivateKey::from_pem(text));
  static_cast<void>(
      authority().sign_request(text, {.host = {.id = {.bytes = {std::byte{1}}}, .name = "x"}, .now = now}));
  return 0;
}
