// SPDX-License-Identifier: Apache-2.0
#include "io/base/identity.h"

#include <cstddef>

#include "io/base/limits.h"

namespace afterimage {
namespace {

// Length of the well-formed UTF-8 sequence at the front of `text` (RFC 3629, section 4), 0 if there is none.
std::size_t utf8_sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0U) == 0x80U; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;
    if (lead == 0xed && byte(1) > 0x9f) return 0;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    if (lead == 0xf4 && byte(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

const char* broken_name_rule(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > limits::name_bytes_max) return "is over 64 bytes";
  if (name == "." || name == "..") return "is not a name";
  if (name.front() == ' ' || name.back() == ' ') return "begins or ends with a space";
  if (name.front() == '-') return "begins with '-'";
  for (std::size_t i = 0; i < name.size();) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (c < 0x20 || c == 0x7f) return "has a control character";
    if (c == '/' || c == '\\') return "has a slash";
    const std::size_t length = utf8_sequence_length(name.substr(i));
    if (length == 0) return "is not UTF-8";
    if (length == 2 && c == 0xc2 && static_cast<unsigned char>(name[i + 1]) < 0xa0) return "has a control character";
    i += length;
  }
  return nullptr;
}

}  // namespace

Status check_name(std::string_view kind, std::string_view name) {
  const char* broken = broken_name_rule(name);
  if (broken == nullptr) return {};
  std::string detail = "the ";
  detail += kind;
  detail += " name ";
  detail += broken;
  detail += "; use 1 to 64 bytes of letters, digits, '-', '_' or '.'";
  return fail(ErrorCode::invalid_argument, "check a name", std::move(detail));
}

}  // namespace afterimage
