// SPDX-License-Identifier: Apache-2.0
// Pieces that the JSON of answers is made of. Private to the .cc files of this folder.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/host/commands.h"
#include "transport/control/json_reader.h"

namespace afterimage::control {

inline constexpr ObjectReader::Source answer_source = {.what = "the daemon's answer", .code = ErrorCode::protocol};
inline constexpr std::size_t answer_items_max = 1024 * 1024;

[[nodiscard]] inline nlohmann::ordered_json time_or_null(WallTime time) {
  return time == WallTime{} ? nlohmann::ordered_json() : nlohmann::ordered_json(to_rfc3339(time));
}

// Reads each entry of a list with `read_one`.
template <typename T>
void read_list(ObjectReader& in, std::string_view name, std::size_t items_max, std::vector<T>& out,
               Result<T> (*read_one)(const nlohmann::ordered_json&)) {
  const nlohmann::ordered_json* list = in.list(name, items_max);
  if (list == nullptr) return;
  for (const nlohmann::ordered_json& item : *list) {
    auto value = read_one(item);
    if (!value) return in.take(std::unexpected(value.error()));
    out.push_back(std::move(*value));
  }
}

inline Result<std::string> text_from(const nlohmann::ordered_json& value) {
  const nlohmann::ordered_json wrapped = {{"entry", value}};
  std::string text;
  ObjectReader in(wrapped, answer_source);
  in.required("entry", text);
  AFI_TRY_STATUS(in.finish(UnknownMembers::ignore));
  return text;
}

inline void read_texts(ObjectReader& in, std::string_view name, std::vector<std::string>& out) {
  read_list(in, name, answer_items_max, out, text_from);
}

[[nodiscard]] nlohmann::ordered_json json_of(const host::DiskStatus& disk);
[[nodiscard]] Result<host::DiskStatus> disk_from(const nlohmann::ordered_json& value);

}  // namespace afterimage::control
