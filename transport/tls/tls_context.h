// SPDX-License-Identifier: Apache-2.0
// What a side of a connection brings: its identity, whom it trusts, which protocol it speaks. Immutable: a renewal or a
// revocation builds a new context, validated before it replaces the old one; connections keep the one they began with.
//
// TLS 1.3 only; AES-256-GCM, ChaCha20-Poly1305, AES-128-GCM; X25519, P-256, P-384; no tickets, no resumption, no early
// data, no renegotiation, no compression, no post-handshake authentication; security level 3 (128 bits). The system's
// trust store is never loaded. A server sends its root after its leaf, for those who know it by its fingerprint.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "io/base/result.h"
#include "transport/tls/pki.h"
#include "transport/tls/trust.h"

struct ssl_ctx_st;

namespace afterimage::tls {

enum class Side { client, server };
enum class ClientCertificate { required, optional };  // what a server asks for
enum class MissingAlpn { refused, accepted };         // a client that names no protocol at all

inline constexpr const char* replication_alpn = "afterimage/1";
inline constexpr const char* control_alpn = "http/1.1";

struct ContextOptions {
  Side side = Side::client;
  std::optional<Identity> identity;  // a server must have one; a client without one shows no certificate
  TrustPolicy trust;
  std::string alpn = replication_alpn;
  ClientCertificate client_certificate = ClientCertificate::required;
  MissingAlpn missing_alpn = MissingAlpn::refused;
};

// Any thread.
class TlsContext {
 public:
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> create(ContextOptions options);

  [[nodiscard]] const ContextOptions& options() const { return options_; }
  [[nodiscard]] ssl_ctx_st* handle() const { return handle_.get(); }

 private:
  TlsContext(std::shared_ptr<ssl_ctx_st> handle, ContextOptions options)
      : handle_(std::move(handle)), options_(std::move(options)) {}

  std::shared_ptr<ssl_ctx_st> handle_;
  ContextOptions options_;
};

// The context of the moment, replaced while connections come in. Any thread.
class CurrentContext {
 public:
  explicit CurrentContext(std::shared_ptr<const TlsContext> context) : context_(std::move(context)) {}

  [[nodiscard]] std::shared_ptr<const TlsContext> get() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }
  void replace(std::shared_ptr<const TlsContext> context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> context_;  // guarded by mutex_
};

}  // namespace afterimage::tls
