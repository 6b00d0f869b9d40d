// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/certificate_notice.h"

namespace afterimage::daemon {

std::optional<std::string> certificate_notice(const tls::Identity& identity, WallTime now) {
  const tls::Certificate& certificate = identity.certificate;
  constexpr const char* way_out = "put a new key and certificate into the pki folder, then send SIGHUP";
  const std::string ends = to_rfc3339(certificate.not_after());
  if (now >= certificate.not_after()) {
    return "the certificate of this host expired at " + ends + ", and every peer refuses it; " + way_out;
  }
  if (!tls::renewal_due(certificate, now)) return std::nullopt;
  return "the certificate of this host ends in " + std::to_string(tls::days_left(certificate, now)) + " days (" + ends +
         "); " + way_out;
}

}  // namespace afterimage::daemon
