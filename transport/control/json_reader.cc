// SPDX-License-Identifier: Apache-2.0
#include "transport/control/json_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "io/base/printable.h"

namespace afterimage::control {

using nlohmann::ordered_json;

namespace {

constexpr double seconds_max = 3600.0 * 24 * 366 * 100;

}  // namespace

double seconds_of(Duration duration) { return std::round(static_cast<double>(duration.count()) / 1e3) / 1e6; }

std::optional<Duration> duration_of(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > seconds_max) return std::nullopt;
  return Duration(static_cast<std::int64_t>(std::llround(seconds * 1e6)) * 1000);
}

ObjectReader::ObjectReader(const ordered_json& value, Source source) : value_(value), source_(source) {
  if (!value.is_object()) {
    fault_ =
        Error{.code = source_.code, .what = "read JSON", .detail = std::string(source_.what) + " has to be an object"};
  }
}

const ordered_json* ObjectReader::find(std::string_view name) {
  asked_.emplace(name);
  if (!value_.is_object()) return nullptr;
  const auto found = value_.find(name);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

bool ObjectReader::has(std::string_view name) { return find(name) != nullptr; }

void ObjectReader::require(std::string_view name) {
  if (find(name) == nullptr) refuse(name, "is missing");
}

void ObjectReader::refuse(std::string_view name, std::string_view rule) {
  if (fault_) return;
  std::string sentence = std::string(source_.what) + ": '" + std::string(name) + "' " + std::string(rule);
  fault_ = Error{.code = source_.code, .what = "read JSON", .detail = std::move(sentence)};
}

void ObjectReader::take(const Status& part) {
  if (!fault_ && !part) fault_ = part.error();
}

void ObjectReader::optional(std::string_view name, std::string& out) {
  const ordered_json* found = find(name);
  if (found == nullptr) return;
  const auto* text = found->get_ptr<const std::string*>();
  if (text == nullptr) return refuse(name, "has to be a text");
  if (source_.code == ErrorCode::protocol) {
    out = without_controls(*text, ' ');
    return;
  }
  if (text->size() > json_text_bytes_max) return refuse(name, "is longer than 4096 bytes");
  if (has_controls(*text)) return refuse(name, "has a control character in it");
  out = *text;
}

void ObjectReader::optional(std::string_view name, std::optional<std::string>& out) {
  std::string text;
  optional(name, text);
  if (has(name)) out = std::move(text);
}

void ObjectReader::long_text(std::string_view name, std::size_t bytes_max, std::string& out) {
  const ordered_json* found = find(name);
  if (found == nullptr) return;
  const auto* text = found->get_ptr<const std::string*>();
  if (text == nullptr) return refuse(name, "has to be a text");
  if (text->size() > bytes_max) return refuse(name, "is longer than " + std::to_string(bytes_max) + " bytes");
  out = *text;
}

void ObjectReader::optional(std::string_view name, bool& out) {
  const ordered_json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_boolean()) return refuse(name, "has to be true or false");
  out = found->get<bool>();
}

void ObjectReader::optional(std::string_view name, std::uint64_t& out) {
  const ordered_json* found = find(name);
  if (found == nullptr) return;
  const bool whole = found->is_number_unsigned() || (found->is_number_integer() && found->get<std::int64_t>() >= 0);
  if (!whole) return refuse(name, "has to be a whole number, not negative");
  out = found->get<std::uint64_t>();
}

void ObjectReader::optional(std::string_view name, int& out) {
  std::uint64_t number = 0;
  optional(name, number);
  if (!has(name)) return;
  if (number > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) return refuse(name, "is too large");
  out = static_cast<int>(number);
}

void ObjectReader::optional(std::string_view name, std::int64_t& out) {
  const ordered_json* value = find(name);
  if (value == nullptr) return;
  const bool fits =
      !value->is_number_unsigned() || value->get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
  if (!value->is_number_integer() || !fits) return refuse(name, "has to be a whole number");
  out = value->get<std::int64_t>();
}

void ObjectReader::optional(std::string_view name, ByteCount& out) {
  std::uint64_t number = out.value();
  optional(name, number);
  out = ByteCount(number);
}

void ObjectReader::optional(std::string_view name, std::optional<ByteCount>& out) {
  ByteCount count;
  optional(name, count);
  if (has(name)) out = count;
}

void ObjectReader::optional(std::string_view name, Sequence& out) {
  std::uint64_t number = out.value();
  optional(name, number);
  out = Sequence(number);
}

void ObjectReader::optional(std::string_view name, Duration& out) {
  const ordered_json* found = find(name);
  if (found == nullptr) return;
  if (!found->is_number()) return refuse(name, "has to be a number of seconds");
  const auto duration = duration_of(found->get<double>());
  if (!duration) return refuse(name, "is no number of seconds that can be");
  out = *duration;
}

void ObjectReader::optional(std::string_view name, std::optional<Duration>& out) {
  Duration duration{};
  optional(name, duration);
  if (has(name)) out = duration;
}

void ObjectReader::optional(std::string_view name, WallTime& out) {
  std::string text;
  optional(name, text);
  if (!has(name)) return;
  const auto time = parse_rfc3339(text);
  if (!time) return refuse(name, "has to be a time as 2026-01-31T12:00:00Z");
  out = *time;
}

void ObjectReader::optional(std::string_view name, std::optional<WallTime>& out) {
  WallTime time;
  optional(name, time);
  if (has(name)) out = time;
}

void ObjectReader::optional(std::string_view name, Digest& out) {
  std::string text;
  optional(name, text);
  if (!has(name)) return;
  const auto raw = from_hex(text);
  if (!raw || raw->size() != out.bytes.size()) return refuse(name, "has to be a digest of 64 hexadecimal digits");
  std::copy(raw->begin(), raw->end(), out.bytes.begin());
}

const ordered_json* ObjectReader::list(std::string_view name, std::size_t items_max) {
  const ordered_json* found = find(name);
  if (found == nullptr) return nullptr;
  if (!found->is_array()) {
    refuse(name, "has to be a list");
    return nullptr;
  }
  if (found->size() > items_max) {
    refuse(name, "has more than " + std::to_string(items_max) + " entries");
    return nullptr;
  }
  return found;
}

const ordered_json* ObjectReader::object(std::string_view name) {
  const ordered_json* found = find(name);
  if (found == nullptr) return nullptr;
  if (!found->is_object()) {
    refuse(name, "has to be an object");
    return nullptr;
  }
  return found;
}

Status ObjectReader::finish(UnknownMembers unknown) {
  if (fault_) return std::unexpected(*fault_);
  if (unknown == UnknownMembers::refuse) {
    for (const auto& [name, member] : value_.items()) {
      if (asked_.contains(name)) continue;
      refuse(name.size() > 64 ? std::string_view(name).substr(0, 64) : std::string_view(name), "is not known here");
      return std::unexpected(*fault_);
    }
  }
  return {};
}

}  // namespace afterimage::control
