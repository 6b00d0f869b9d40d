// SPDX-License-Identifier: Apache-2.0
// TLS both ways: what one engine encrypts, another decrypts, in the steps in which a stream uses them.
#include <array>
#include <string>
#include <utility>

#include <openssl/evp.h>

#include "bench/stages/ratios.h"
#include "transport/tls/tls_engine.h"

namespace afterimage::bench {
namespace {

constexpr WallTime now{1'790'000'000'000'000'000};
constexpr std::size_t steps = 16;
constexpr std::size_t content_bytes = steps * tls::engine_step_bytes;

void count_bytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * std::int64_t{content_bytes});
}

tls::Identity make_identity(std::byte id, std::string name) {
  HostId host;
  host.bytes[0] = id;
  const tls::PkiTexts texts = require(tls::create_pki({.id = host, .name = std::move(name)}, now));
  return require(tls::load_identity(texts.host_key, texts.host_certificate, texts.authority_certificate));
}

tls::TlsEngine make_engine(tls::Side side, const tls::Identity& own, const tls::Identity& other) {
  tls::ContextOptions options;
  options.side = side;
  options.identity = own;
  options.trust.anchors.push_back({.host = other.host.id, .root = other.root});
  const tls::ConnectionOptions connection{.expected = side == tls::Side::client ? other.host.id : HostId{}, .now = now};
  return require(tls::TlsEngine::create(require(tls::TlsContext::create(std::move(options))), connection));
}

struct Ends {
  tls::TlsEngine client;
  tls::TlsEngine server;
};

void carry(tls::TlsEngine& from, tls::TlsEngine& to) {
  if (from.has_output()) require(to.feed(from.take_output()));
}

Ends connected() {
  const tls::Identity server = make_identity(std::byte{1}, "server");
  const tls::Identity client = make_identity(std::byte{2}, "client");
  Ends ends{.client = make_engine(tls::Side::client, client, server),
            .server = make_engine(tls::Side::server, server, client)};
  for (int turn = 0; turn < 4; ++turn) {
    require(ends.client.handshake());
    carry(ends.client, ends.server);
    require(ends.server.handshake());
    carry(ends.server, ends.client);
  }
  return ends;
}

void encrypt_and_decrypt(benchmark::State& state) {
  Ends ends = connected();
  const Bytes content = image_like_bytes(content_bytes);
  Bytes out(tls::engine_step_bytes);
  Bytes wire;
  for ([[maybe_unused]] const auto round : state) {
    for (std::size_t at = 0; at < content_bytes; at += tls::engine_step_bytes) {
      require(ends.client.write(ByteView(content).subspan(at, tls::engine_step_bytes)));
      wire = ends.client.take_output(std::move(wire));
      require(ends.server.feed(wire));
      for (std::size_t got = 0; got < tls::engine_step_bytes;) got += require(ends.server.read(out)).count;
    }
  }
  count_bytes(state);
}

// The cipher that the engines agree on, as one call for each record.
void aes_gcm_alone(benchmark::State& state) {
  const Bytes content = image_like_bytes(content_bytes);
  std::array<unsigned char, 16> key{1};
  std::array<unsigned char, 12> nonce{2};
  std::array<unsigned char, 16> tag{};
  Bytes cipher(tls::engine_step_bytes);
  Bytes plain(tls::engine_step_bytes);
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  const auto as_chars = [](const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); };
  const auto pass = [&](int encrypts, const std::byte* from, Bytes& to) {
    int size = 0;
    EVP_CipherInit_ex(context, EVP_aes_128_gcm(), nullptr, key.data(), nonce.data(), encrypts);
    if (encrypts == 0) EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, int{tag.size()}, tag.data());
    EVP_CipherUpdate(context, reinterpret_cast<unsigned char*>(to.data()), &size, as_chars(from),
                     int{tls::engine_step_bytes});
    if (EVP_CipherFinal_ex(context, tag.data(), &size) != 1) std::abort();
    if (encrypts != 0) EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, int{tag.size()}, tag.data());
  };
  for ([[maybe_unused]] const auto round : state) {
    for (std::size_t at = 0; at < content_bytes; at += tls::engine_step_bytes) {
      pass(1, content.data() + at, cipher);
      pass(0, cipher.data(), plain);
    }
    benchmark::DoNotOptimize(plain.data());
  }
  EVP_CIPHER_CTX_free(context);
  count_bytes(state);
}

}  // namespace

void add_tls_stages(Stages& stages) {
  stages.add("TLS, both ends", encrypt_and_decrypt, Limit{.name = "AES-128-GCM both ways", .body = aes_gcm_alone});
}

}  // namespace afterimage::bench
