// SPDX-License-Identifier: Apache-2.0
// The version of the programs, from the project's CMakeLists.txt.
#pragma once

namespace afterimage::tools {

[[nodiscard]] const char* program_version();  // "0.1.0"

}  // namespace afterimage::tools
