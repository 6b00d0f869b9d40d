// SPDX-License-Identifier: Apache-2.0
// Why io_uring cannot be had here, for the operator who asked for it.
#pragma once

#include <optional>
#include <string>

#include "io/base/result.h"

namespace afterimage::io::uring {

// The kernel's setting kernel.io_uring_disabled (0, 1, 2); nothing where there is no such setting.
[[nodiscard]] std::optional<int> setting_of_kernel();

// The sentence for an errno of io_uring_setup or io_uring_enter under that setting.
[[nodiscard]] std::string reason_of_refusal(int system, std::optional<int> setting);

// `unsupported`, "io_uring cannot be used: REASON".
[[nodiscard]] std::unexpected<Error> refuse(int system, const std::string& reason);

}  // namespace afterimage::io::uring
