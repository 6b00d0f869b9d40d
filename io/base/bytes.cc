// SPDX-License-Identifier: Apache-2.0
#include "io/base/bytes.h"

#include "io/base/check.h"

namespace afterimage {

Result<std::string> ByteReader::read_text(std::size_t bytes_max) {
  AFI_TRY(const std::uint16_t length, read<std::uint16_t>());
  if (length > bytes_max) return fail(ErrorCode::limit_exceeded, "read a text over its limit");
  AFI_TRY(const ByteView taken, read_bytes(length));
  return std::string(text_of(taken));
}

void ByteWriter::write_text(std::string_view text) {
  AFI_CHECK(text.size() <= 0xffff);
  write(static_cast<std::uint16_t>(text.size()));
  write_bytes(view_of(text));
}

std::string to_hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    text.push_back(digits[value >> 4U]);
    text.push_back(digits[value & 15U]);
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(ErrorCode::invalid_argument, "an odd number of hexadecimal digits");
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return fail(ErrorCode::invalid_argument, "not a hexadecimal digit");
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return bytes;
}

}  // namespace afterimage
