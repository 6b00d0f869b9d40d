// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/tls_context.h"

#include <algorithm>
#include <string_view>

#include "transport/tls/handshake_notes.h"
#include "transport/tls/openssl.h"

namespace afterimage::tls {
namespace {

constexpr std::size_t alpn_bytes_max = 64;
constexpr int presented_certificates_max = 4;
constexpr long certificate_list_bytes_max = 32 * 1024;
constexpr int supported_versions_extension = 43;  // RFC 8446, section 4.2

// Reads what the peer showed and decides. The error goes to the notes; the peer gets a plain "bad certificate".
Status judge_peer(HandshakeNotes& notes, X509_STORE_CTX* shown) {
  X509* leaf_handle = X509_STORE_CTX_get0_cert(shown);
  STACK_OF(X509)* others = X509_STORE_CTX_get0_untrusted(shown);
  if (leaf_handle == nullptr)
    return fail(ErrorCode::authentication, "verify a certificate", "the peer showed no certificate");
  if (sk_X509_num(others) > presented_certificates_max + 1) {
    return fail(ErrorCode::authentication, "verify a certificate", "the peer showed too many certificates");
  }
  AFI_TRY(const Certificate leaf, Certificate::from_handle(leaf_handle));
  for (int i = 0; i < sk_X509_num(others); ++i) {
    if (sk_X509_value(others, i) == leaf_handle) continue;
    AFI_TRY(Certificate other, Certificate::from_handle(sk_X509_value(others, i)));
    notes.chain.push_back(std::move(other));
  }
  const PeerExpectation expectation{.role = notes.context->side == Side::client ? PeerRole::server : PeerRole::client,
                                    .host = notes.expected,
                                    .now = notes.now};
  AFI_TRY(notes.peer, verify_peer(notes.context->trust, leaf, notes.chain, expectation));
  return {};
}

int on_peer_certificate(X509_STORE_CTX* shown, void*) {
  const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(shown, SSL_get_ex_data_X509_STORE_CTX_idx()));
  HandshakeNotes& notes = notes_of(ssl);
  auto verdict = judge_peer(notes, shown);
  if (verdict) {
    X509_STORE_CTX_set_error(shown, X509_V_OK);
    return 1;
  }
  notes.refusal = std::move(verdict).error();
  if (notes.refusal->code != ErrorCode::internal) notes.refusal->code = ErrorCode::authentication;
  X509_STORE_CTX_set_error(shown, X509_V_ERR_CERT_UNTRUSTED);
  return 0;
}

Error no_common_protocol(const HandshakeNotes& notes, const std::string& offered) {
  return {.code = ErrorCode::protocol,
          .system = 0,
          .what = "negotiate the protocol",
          .detail = "the peer speaks " + offered + ", and '" + notes.context->alpn +
                    "' is spoken here; is this the right port, and is the other side of a fitting version?"};
}

// Server: a client that names no protocol never reaches on_protocol_choice.
int on_client_hello(SSL* ssl, int* alert, void*) {
  HandshakeNotes& notes = notes_of(ssl);
  if (notes.context->missing_alpn == MissingAlpn::accepted) return SSL_CLIENT_HELLO_SUCCESS;
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  const bool is_tls13 = SSL_client_hello_get0_ext(ssl, supported_versions_extension, &data, &size) == 1;
  const bool has_alpn =
      SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &size) == 1;
  if (!is_tls13 || has_alpn) return SSL_CLIENT_HELLO_SUCCESS;  // an older version is refused, with its own reason, next
  notes.refusal = no_common_protocol(notes, "no named protocol (ALPN)");
  *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
  return SSL_CLIENT_HELLO_ERROR;
}

int on_protocol_choice(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                       unsigned int offered_size, void*) {
  HandshakeNotes& notes = notes_of(ssl);
  const std::string& own = notes.context->alpn;
  const std::string_view all(reinterpret_cast<const char*>(offered), offered_size);
  std::string seen;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t size = static_cast<unsigned char>(all[at]);
    const std::string_view one = all.substr(at + 1, size);
    if (one == own) {
      *chosen = offered + at + 1;
      *chosen_size = static_cast<unsigned char>(size);
      return SSL_TLSEXT_ERR_OK;
    }
    const bool is_printable = std::ranges::all_of(one, [](char c) { return c > 0x20 && c < 0x7f; });
    if (seen.size() < alpn_bytes_max)
      seen += (seen.empty() ? "'" : ", '") + (is_printable ? std::string(one) : "?") + "'";
    at += 1 + size;
  }
  notes.refusal = no_common_protocol(notes, seen);
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool set_algorithms(SSL_CTX* context) {
  // The fastest first where there are instructions for AES; all three are beyond reach.
  constexpr const char* suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
  constexpr const char* signatures =
      "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ed25519:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_"
      "sha512:"
      "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512";
  SSL_CTX_set_security_level(context, 3);
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_ciphersuites(context, suites) == 1 &&
         SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 &&
         SSL_CTX_set1_sigalgs_list(context, signatures) == 1;
}

bool set_behaviour(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_max_cert_list(context, certificate_list_bytes_max);
  return SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_max_early_data(context, 0) == 1 &&
         SSL_CTX_set_recv_max_early_data(context, 0) == 1;
}

bool set_identity(SSL_CTX* context, const Identity& identity, Side side) {
  if (SSL_CTX_use_certificate(context, identity.certificate.handle()) != 1 ||
      SSL_CTX_use_PrivateKey(context, identity.key.handle()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return false;
  }
  return side == Side::client || SSL_CTX_add1_chain_cert(context, identity.root.handle()) == 1;
}

bool set_side(SSL_CTX* context, const ContextOptions& options) {
  SSL_CTX_set_cert_verify_callback(context, on_peer_certificate, nullptr);
  int mode = SSL_VERIFY_PEER;
  if (options.side == Side::server) {
    if (options.client_certificate == ClientCertificate::required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
    SSL_CTX_set_alpn_select_cb(context, on_protocol_choice, nullptr);
  }
  SSL_CTX_set_verify(context, mode, nullptr);
  if (options.side == Side::server) return true;
  std::string offer(1, static_cast<char>(options.alpn.size()));
  offer += options.alpn;
  return SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(offer.data()),
                                 static_cast<unsigned int>(offer.size())) == 0;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::create(ContextOptions options) {
  constexpr const char* what = "make a TLS context";
  if (options.alpn.empty() || options.alpn.size() > alpn_bytes_max) {
    return fail(ErrorCode::invalid_argument, what, "a protocol name has 1 to 64 bytes");
  }
  if (options.side == Side::server && !options.identity.has_value()) {
    return fail(ErrorCode::invalid_argument, what, "a server needs a certificate");
  }
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> handle(SSL_CTX_new(options.side == Side::server ? TLS_server_method() : TLS_client_method()),
                                  OpensslFree{});
  if (!handle || !set_algorithms(handle.get()) || !set_behaviour(handle.get()) || !set_side(handle.get(), options)) {
    return fail_openssl(what);
  }
  if (options.identity.has_value() && !set_identity(handle.get(), *options.identity, options.side))
    return fail_openssl(what);
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(handle), std::move(options)));
}

}  // namespace afterimage::tls
