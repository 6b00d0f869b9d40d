// SPDX-License-Identifier: Apache-2.0
#include "tests/transport/tls/wire.h"

#include <array>

#include "io/base/check.h"

namespace afterimage::tls::forge {
namespace {

constexpr int rounds_max = 20;

Status step(TlsEngine& engine) {
  const auto result = engine.handshake();
  if (!result) return std::unexpected(result.error());
  return {};
}

}  // namespace

TlsEngine make_engine(ContextOptions options, HostId expected, WallTime now) {
  auto context = TlsContext::create(std::move(options));
  AFI_CHECK(context.has_value());
  auto engine = TlsEngine::create(std::move(*context), {.expected = expected, .now = now});
  AFI_CHECK(engine.has_value());
  return std::move(*engine);
}

ContextOptions server_options(const Host& server, const Host& client) {
  return {.side = Side::server, .identity = server.identity(), .trust = trusting({client.anchor()})};
}

ContextOptions client_options(const Host& client, const Host& server) {
  return {.side = Side::client, .identity = client.identity(), .trust = trusting({server.anchor()})};
}

void carry(TlsEngine& from, TlsEngine& to) {
  const Bytes bytes = from.take_output();
  AFI_CHECK(to.feed(bytes).has_value());
}

Ends shake(TlsEngine& client, TlsEngine& server) {
  Ends ends;
  for (int round = 0; round < rounds_max; ++round) {
    ends.client = step(client);
    const bool sent = client.has_output();
    carry(client, server);
    ends.server = step(server);
    if (!sent && !server.has_output()) break;
    carry(server, client);
  }
  std::array<std::byte, 1> none{};
  if (ends.client) {
    const auto outcome = client.read(none);
    if (!outcome) ends.client = std::unexpected(outcome.error());
  }
  return ends;
}

std::string read_text(TlsEngine& engine) {
  std::array<std::byte, 4096> buffer{};
  const auto outcome = engine.read(buffer);
  if (!outcome) return "(error)";
  if (outcome->kind == ReadOutcome::Kind::end) return "(end)";
  return std::string(text_of(ByteView(buffer).first(outcome->count)));
}

RawPeer::RawPeer(Role role) : role_(role), context_(SSL_CTX_new(TLS_method())) {
  AFI_CHECK(context_ != nullptr);
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
}

void RawPeer::use(const Certificate& leaf, const PrivateKey& key) {
  SSL_CTX_set_security_level(context_.get(), 0);
  AFI_CHECK(SSL_CTX_use_certificate(context_.get(), leaf.handle()) == 1);
  AFI_CHECK(SSL_CTX_use_PrivateKey(context_.get(), key.handle()) == 1);
}

void RawPeer::offer(std::string_view alpn) {
  std::string list(1, static_cast<char>(alpn.size()));
  list += alpn;
  AFI_CHECK(SSL_CTX_set_alpn_protos(context_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                                    static_cast<unsigned>(list.size())) == 0);
}

SSL* RawPeer::ssl() {
  if (ssl_) return ssl_.get();
  ssl_.reset(SSL_new(context_.get()));
  input_ = BIO_new(BIO_s_mem());
  output_ = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl_.get(), input_, output_);
  if (role_ == Role::client) {
    SSL_set_connect_state(ssl_.get());
  } else {
    SSL_set_accept_state(ssl_.get());
  }
  return ssl_.get();
}

Bytes RawPeer::take_output() {
  Bytes bytes(BIO_ctrl_pending(output_));
  std::size_t count = 0;
  if (!bytes.empty()) BIO_read_ex(output_, bytes.data(), bytes.size(), &count);
  bytes.resize(count);
  return bytes;
}

Bytes RawPeer::hello() {
  SSL_do_handshake(ssl());
  ERR_clear_error();
  return take_output();
}

void RawPeer::carry_to(TlsEngine& engine) { AFI_CHECK(engine.feed(take_output()).has_value()); }

void RawPeer::carry_from(TlsEngine& engine) {
  const Bytes bytes = engine.take_output();
  give(bytes);
}

void RawPeer::give(ByteView bytes) {
  std::size_t count = 0;
  if (!bytes.empty()) BIO_write_ex(input_, bytes.data(), bytes.size(), &count);
}

Status RawPeer::meet(TlsEngine& engine) {
  Status verdict;
  for (int round = 0; round < rounds_max; ++round) {
    SSL_do_handshake(ssl());
    ERR_clear_error();
    carry_to(engine);
    verdict = step(engine);
    carry_from(engine);
  }
  return verdict;
}

}  // namespace afterimage::tls::forge
