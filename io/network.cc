// SPDX-License-Identifier: Apache-2.0
#include "io/network.h"

#include <charconv>

namespace afterimage::io {

std::string Endpoint::text() const {
  if (!unix_path.empty()) return "unix:" + unix_path;
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return shown + ":" + std::to_string(port);
}

Result<Endpoint> Endpoint::parse(std::string_view text, std::uint16_t port) {
  const auto bad = [&] {
    return fail(ErrorCode::invalid_argument, "parse an address",
                "not an address: '" + std::string(text) + "'; write HOST, HOST:PORT or [V6]:PORT");
  };
  std::string_view host = text;
  std::string_view digits;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad();
    host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') return bad();
      digits = text.substr(end + 2);
      if (digits.empty()) return bad();
    }
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
    host = text.substr(0, colon);
    digits = text.substr(colon + 1);
    if (digits.empty()) return bad();
  }
  if (host.empty() || host.size() > 255 || host.find_first_of(" \t\r\n/@") != std::string_view::npos) return bad();
  if (!digits.empty()) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size() || value == 0 || value > 65535) return bad();
    port = static_cast<std::uint16_t>(value);
  }
  return Endpoint{.host = std::string(host), .port = port};
}

Task<Status> read_exactly(Scope& scope, Stream& stream, MutableBytes out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    AFI_CO_TRY(const std::size_t count, stream.read_some(scope, out.subspan(filled)));
    if (count == 0) {
      if (filled == 0) co_return fail(ErrorCode::end_of_data, "read from a stream");
      co_return fail(ErrorCode::unreachable, "the peer ended in the middle of a message");
    }
    filled += count;
  }
  co_return Status{};
}

}  // namespace afterimage::io
