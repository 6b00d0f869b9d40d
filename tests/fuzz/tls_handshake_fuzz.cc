// SPDX-License-Identifier: Apache-2.0
// Any bytes as the peer of a handshake: the first byte picks the side that hears them. Nobody gets in with them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "io/base/check.h"
#include "transport/tls/tls_context.h"
#include "transport/tls/tls_engine.h"

namespace {

using namespace afterimage;
using namespace afterimage::tls;

constexpr WallTime now{1'790'000'000'000'000'000};

std::shared_ptr<const TlsContext> make_context(Side side) {
  const auto texts = create_pki({.id = {.bytes = {std::byte{1}}}, .name = "fuzz"}, now);
  AFI_CHECK(texts.has_value());
  auto identity = load_identity(texts->host_key, texts->host_certificate, texts->authority_certificate);
  AFI_CHECK(identity.has_value());
  ContextOptions options{.side = side, .identity = *identity};
  options.trust.anchors = {{.host = {}, .root = identity->root}};
  auto context = TlsContext::create(std::move(options));
  AFI_CHECK(context.has_value());
  return std::move(*context);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const TlsContext> server = make_context(Side::server);
  static const std::shared_ptr<const TlsContext> client = make_context(Side::client);
  if (size == 0) return 0;
  auto engine = TlsEngine::create((data[0] & 1) != 0 ? client : server, {.expected = {}, .now = now});
  AFI_CHECK(engine.has_value());
  static_cast<void>(engine->handshake());
  ByteView rest = view_of(std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  while (!rest.empty()) {
    const ByteView part = rest.first(std::min<std::size_t>(rest.size(), 4096));
    AFI_CHECK(engine->feed(part).has_value());
    rest = rest.subspan(part.size());
    const auto step = engine->handshake();
    static_cast<void>(engine->take_output());
    if (!step) return 0;
    AFI_CHECK(*step != Handshake::done);
  }
  engine->feed_end();
  AFI_CHECK(!engine->handshake().has_value());
  return 0;
}
