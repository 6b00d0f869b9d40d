// SPDX-License-Identifier: Apache-2.0
// PosixPlatform: io::Platform on epoll, system calls and threads: for every Linux.
#pragma once

#include <memory>

#include "io/posix/host_platform.h"

namespace afterimage::io::posix {

class PosixPlatform final : public HostPlatform {
 public:
  // Starts the threads. limit_exceeded when there are not enough descriptors or threads.
  [[nodiscard]] static Result<std::unique_ptr<PosixPlatform>> create(PosixOptions options = {});
};

}  // namespace afterimage::io::posix
