// SPDX-License-Identifier: Apache-2.0
#include "transport/control/target.h"

#include <utility>

#include "io/base/bytes.h"

namespace afterimage::control {
namespace {

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const std::string_view digits = text.substr(i + 1, 2);
      const auto byte = from_hex(digits);
      if (digits.size() != 2 || !byte)
        return fail(ErrorCode::invalid_argument, "parse a target", "bad escape in the target");
      c = static_cast<char>((*byte)[0]);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return fail(ErrorCode::invalid_argument, "parse a target", "control character in the target");
    }
    out += c;
  }
  return out;
}

void append_escaped(std::string& out, std::string_view text) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += to_hex(view_of(std::string_view(&c, 1)));
    }
  }
}

// Calls `take` with each part of `text` between `separator`s.
template <typename Take>
Status each_part(std::string_view text, char separator, Take take) {
  while (true) {
    const std::size_t end = text.find(separator);
    AFI_TRY_STATUS(take(text.substr(0, end)));
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Result<Target> parse_target(std::string_view target) {
  Target out;
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  if (!path.starts_with('/'))
    return fail(ErrorCode::invalid_argument, "parse a target", "the target is no absolute path");
  if (target.find('#') != std::string_view::npos)
    return fail(ErrorCode::invalid_argument, "parse a target", "'#' in the target");
  AFI_TRY_STATUS(each_part(path.substr(1), '/', [&](std::string_view part) -> Status {
    if (part.empty()) return fail(ErrorCode::invalid_argument, "parse a target", "the path has an empty part");
    AFI_TRY(std::string segment, unescape(part));
    out.segments.push_back(std::move(segment));
    out.written.emplace_back(part);
    return {};
  }));
  if (mark == std::string_view::npos) return out;
  if (mark + 1 == target.size()) return fail(ErrorCode::invalid_argument, "parse a target", "the query is empty");
  AFI_TRY_STATUS(each_part(target.substr(mark + 1), '&', [&](std::string_view part) -> Status {
    const std::size_t equal = part.find('=');
    AFI_TRY(std::string name, unescape(part.substr(0, equal)));
    AFI_TRY(std::string value, unescape(equal == std::string_view::npos ? std::string_view() : part.substr(equal + 1)));
    for (const auto& [known, _] : out.query) {
      if (known == name)
        return fail(ErrorCode::invalid_argument, "parse a target", "the query names '" + name + "' twice");
    }
    out.query.emplace_back(std::move(name), std::move(value));
    return {};
  }));
  return out;
}

std::string make_target(std::initializer_list<std::string_view> segments,
                        const std::vector<std::pair<std::string, std::string>>& query) {
  std::string out;
  for (const std::string_view segment : segments) {
    out += '/';
    append_escaped(out, segment);
  }
  char separator = '?';
  for (const auto& [name, value] : query) {
    out += std::exchange(separator, '&');
    append_escaped(out, name);
    out += '=';
    append_escaped(out, value);
  }
  return out;
}

}  // namespace afterimage::control
