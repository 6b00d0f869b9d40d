// SPDX-License-Identifier: Apache-2.0
// JSON text to a value and back, bounded: what comes from outside is at most json_depth_max deep and names no member
// twice.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "io/base/result.h"

namespace afterimage::control {

inline constexpr std::size_t json_depth_max = 16;

// `code` is the error of a text that is no JSON, too deep, or ambiguous: invalid_argument for a request, protocol for
// an answer. An empty text is an empty object.
[[nodiscard]] Result<nlohmann::ordered_json> parse_json(std::string_view text, ErrorCode code);

// One line, without a line end. Bytes that are no UTF-8 (of a path) show as U+FFFD.
[[nodiscard]] std::string print_json(const nlohmann::ordered_json& value);

}  // namespace afterimage::control
