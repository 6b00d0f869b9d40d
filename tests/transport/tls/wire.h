// SPDX-License-Identifier: Apache-2.0
// Two ends of a TLS connection in memory: both ours, or one of them OpenSSL with settings that ours never has.
#pragma once

#include <memory>
#include <string>

#include "tests/transport/tls/forge.h"
#include "transport/tls/openssl.h"
#include "transport/tls/tls_context.h"
#include "transport/tls/tls_engine.h"

namespace afterimage::tls::forge {

// Aborts the test program if the options are refused.
[[nodiscard]] TlsEngine make_engine(ContextOptions options, HostId expected = {}, WallTime now = noon);

// Options of two hosts that have enrolled with each other.
[[nodiscard]] ContextOptions server_options(const Host& server, const Host& client);
[[nodiscard]] ContextOptions client_options(const Host& client, const Host& server);

struct Ends {
  Status client;
  Status server;
};
// Carries bytes to and fro until neither side moves. A side that fails still gets its alert delivered; a client that is
// done reads once more, because the server's refusal comes after.
[[nodiscard]] Ends shake(TlsEngine& client, TlsEngine& server);
// Whatever one side has to send, into the other.
void carry(TlsEngine& from, TlsEngine& to);
// Reads once: the text, "" for needs_input, "(end)" for the goodbye, "(error)" for an error.
[[nodiscard]] std::string read_text(TlsEngine& engine);

// A peer made of OpenSSL alone. It verifies nobody.
class RawPeer {
 public:
  enum class Role { client, server };
  explicit RawPeer(Role role);
  void use(const Certificate& leaf, const PrivateKey& key);
  void offer(std::string_view alpn);  // client
  [[nodiscard]] SSL_CTX* context() { return context_.get(); }
  [[nodiscard]] SSL* ssl();
  // Handshakes with `engine` until neither moves; the engine's verdict.
  [[nodiscard]] Status meet(TlsEngine& engine);
  // A client's first message.
  [[nodiscard]] Bytes hello();
  // What it has to send, and what has come for it.
  [[nodiscard]] Bytes take_output();
  void give(ByteView bytes);
  void carry_to(TlsEngine& engine);
  void carry_from(TlsEngine& engine);

 private:
  Role role_;
  OpensslPtr<SSL_CTX> context_;
  OpensslPtr<SSL> ssl_;
  BIO* input_ = nullptr;
  BIO* output_ = nullptr;
};

}  // namespace afterimage::tls::forge
