// SPDX-License-Identifier: Apache-2.0
#include "io/base/printable.h"

namespace afterimage {
namespace {

// The length of the UTF-8 character that `text` begins with; 0 if it begins with none. Shortest forms only, no
// surrogates.
std::size_t character_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first < 0xF0) {
    const bool is_short = first == 0xE0 && byte(1) < 0xA0;
    const bool is_surrogate = first == 0xED && byte(1) >= 0xA0;
    return follows(1) && follows(2) && !is_short && !is_surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first < 0xF5) {
    const bool is_outside = (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90);
    return follows(1) && follows(2) && follows(3) && !is_outside ? 4 : 0;
  }
  return 0;
}

// C0 and DEL, and the C1 controls (U+0080 to U+009F), which terminals obey too.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  return character.size() == 2 && first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

void append_escaped(std::string& out, char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  out += "\\x";
  out += digits[value >> 4U];
  out += digits[value & 0xFU];
}

// Gives the text piece by piece: a character, or a byte that is none, and whether a terminal may have it.
template <typename Piece>
void walk(std::string_view text, Piece piece) {
  while (!text.empty()) {
    const std::size_t size = character_at(text);
    const std::string_view here = text.substr(0, size == 0 ? 1 : size);
    piece(here, size != 0 && !is_control(here));
    text.remove_prefix(here.size());
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  walk(text, [&out](std::string_view piece, bool is_plain) {
    if (is_plain) {
      out += piece;
    } else {
      for (const char byte : piece) append_escaped(out, byte);
    }
  });
  return out;
}

std::string without_controls(std::string_view text, char instead) {
  std::string out;
  out.reserve(text.size());
  walk(text, [&out, instead](std::string_view piece, bool is_plain) {
    if (is_plain) {
      out += piece;
    } else {
      out += instead;
    }
  });
  return out;
}

bool has_controls(std::string_view text) {
  bool has = false;
  walk(text, [&has](std::string_view, bool is_plain) { has = has || !is_plain; });
  return has;
}

}  // namespace afterimage
