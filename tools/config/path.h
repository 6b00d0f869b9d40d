// SPDX-License-Identifier: Apache-2.0
// Paths as operators write them, made absolute by their text alone: a daemon has another working folder than the shell.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace afterimage::tools {

inline constexpr std::size_t path_bytes_max = 4095;  // of the kernel

// `path` as it is seen from `folder` (absolute), without ".", "//" and a slash at its end. ".." stays as it is: what it
// means depends on links. Empty stays empty.
[[nodiscard]] std::string absolute_path(std::string_view path, std::string_view folder);

}  // namespace afterimage::tools
