// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/tls_failure.h"

#include <algorithm>
#include <array>
#include <string>

#include <openssl/sslerr.h>

namespace afterimage::tls {
namespace {

Error make(ErrorCode code, std::string detail) {
  return {.code = code, .system = 0, .what = "TLS", .detail = std::move(detail)};
}

bool is_about_certificates(int alert) {
  constexpr std::array alerts{SSL_AD_HANDSHAKE_FAILURE,   SSL_AD_BAD_CERTIFICATE,     SSL_AD_UNSUPPORTED_CERTIFICATE,
                              SSL_AD_CERTIFICATE_REVOKED, SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN,
                              SSL_AD_UNKNOWN_CA,          SSL_AD_ACCESS_DENIED,       SSL_AD_DECRYPT_ERROR};
  return std::ranges::find(alerts, alert) != alerts.end();
}

// The peer has said what it dislikes, in one number.
Error alert_received(int alert) {
  const std::string name = std::string("TLS alert '") + SSL_alert_desc_string_long(alert) + "'";
  if (alert == TLS13_AD_CERTIFICATE_REQUIRED) {
    return make(ErrorCode::authentication, "the peer requires a certificate, and this side showed none (" + name + ")");
  }
  if (is_about_certificates(alert)) {
    return make(ErrorCode::authentication,
                "the peer refused the certificate of this host (" + name + "); its own log has the reason");
  }
  if (alert == SSL_AD_PROTOCOL_VERSION)
    return make(ErrorCode::protocol, "the peer does not speak TLS 1.3 (" + name + ")");
  if (alert == SSL_AD_NO_APPLICATION_PROTOCOL) {
    return make(ErrorCode::protocol, "the peer does not speak our protocol on this port (" + name + ")");
  }
  return make(ErrorCode::protocol, "the peer ended the connection with " + name);
}

bool is_of_older_version(int reason) {
  return reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_WRONG_SSL_VERSION || reason == SSL_R_VERSION_TOO_LOW ||
         reason == SSL_R_UNKNOWN_SSL_VERSION;
}

bool is_no_tls(int reason) {
  return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST ||
         reason == SSL_R_RECORD_LENGTH_MISMATCH || reason == SSL_R_UNEXPECTED_MESSAGE ||
         reason == SSL_R_UNEXPECTED_RECORD || reason == SSL_R_BAD_RECORD_TYPE ||
         reason == SSL_R_PACKET_LENGTH_TOO_LONG || reason == SSL_R_ENCRYPTED_LENGTH_TOO_LONG;
}

Error cut(Phase phase) {
  if (phase == Phase::established) return make(ErrorCode::unreachable, "the connection was cut without a goodbye");
  return make(ErrorCode::unreachable,
              "the peer closed the connection during the TLS handshake; its own log may have the reason");
}

}  // namespace

Error failure_of(const HandshakeNotes& notes, int reason, Phase phase) {
  const unsigned long first = ERR_peek_error();
  const std::string text = take_openssl_errors();
  if (notes.refusal.has_value()) return *notes.refusal;
  if (reason == SSL_ERROR_ZERO_RETURN || first == 0) return cut(phase);
  const int code = ERR_GET_LIB(first) == ERR_LIB_SSL ? ERR_GET_REASON(first) : 0;
  if (code == SSL_R_UNEXPECTED_EOF_WHILE_READING) return cut(phase);
  if (code >= SSL_AD_REASON_OFFSET) return alert_received(code - SSL_AD_REASON_OFFSET);
  if (code == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    return make(ErrorCode::authentication, "the peer showed no certificate; it has to enrol first");
  }
  if (code == SSL_R_CERTIFICATE_VERIFY_FAILED || code == SSL_R_BAD_SIGNATURE) {
    return make(ErrorCode::authentication, "the peer could not prove its certificate: " + text);
  }
  if (is_of_older_version(code))
    return make(ErrorCode::protocol, "the peer does not speak TLS 1.3; older versions are refused");
  if (phase == Phase::handshake && is_no_tls(code)) {
    return make(ErrorCode::protocol, "what the peer sent is not TLS; is this the right port? (" + text + ")");
  }
  return make(ErrorCode::protocol, "the TLS of the peer is broken: " + text);
}

}  // namespace afterimage::tls
