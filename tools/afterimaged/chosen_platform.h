// SPDX-License-Identifier: Apache-2.0
// ChosenPlatform: the platform that the daemon runs on, and why that one.
#pragma once

#include <memory>
#include <string>

#include "io/posix/host_platform.h"
#include "tools/config/config.h"

namespace afterimage::daemon {

struct ChosenPlatform {
  std::unique_ptr<io::posix::HostPlatform> host;
  std::string reason;  // a sentence for the log
};

// `unsupported` when io_uring is demanded and cannot be had: the sentence says why, and what to do.
[[nodiscard]] Result<ChosenPlatform> choose_platform(tools::IoChoice wanted);

}  // namespace afterimage::daemon
