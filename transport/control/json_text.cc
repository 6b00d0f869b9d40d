// SPDX-License-Identifier: Apache-2.0
#include "transport/control/json_text.h"

#include <set>
#include <vector>

#include <nlohmann/json.hpp>

namespace afterimage::control {

using nlohmann::ordered_json;

Result<ordered_json> parse_json(std::string_view text, ErrorCode code) {
  if (text.empty()) return ordered_json::object();
  std::vector<std::set<std::string, std::less<>>> names;  // of the objects that are open
  const char* fault = nullptr;
  const auto watch = [&](int depth, ordered_json::parse_event_t event, ordered_json& value) {
    using Event = ordered_json::parse_event_t;
    if (static_cast<std::size_t>(depth) > json_depth_max) fault = "it is nested too deeply";
    if (fault != nullptr) return false;  // what follows is read, and not kept
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(value.get<std::string>()).second) fault = "it names a member twice";
    return true;
  };
  ordered_json value = ordered_json::parse(text, watch, false);
  if (fault == nullptr && value.is_discarded()) fault = "it does not parse";
  if (fault != nullptr) return fail(code, "parse JSON", std::string("this is no JSON that can be used: ") + fault);
  return value;
}

std::string print_json(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace afterimage::control
