// SPDX-License-Identifier: Apache-2.0
// Text of others, made fit for a terminal or a log: neither may obey it. Controls are C0, DEL and C1 (U+0080 to U+009F,
// which terminals obey too), and every byte that begins no UTF-8 character (RFC 3629: shortest forms, no surrogates).
#pragma once

#include <string>
#include <string_view>

namespace afterimage {

// Each byte of a control as \xNN.
[[nodiscard]] std::string printable(std::string_view text);
// One `instead` for each control.
[[nodiscard]] std::string without_controls(std::string_view text, char instead);
[[nodiscard]] bool has_controls(std::string_view text);

}  // namespace afterimage
