// SPDX-License-Identifier: Apache-2.0
// UringPlatform: io::Platform on one io_uring: data of files and sockets through the ring; names, look-ups, computing
// and what the ring does badly on the threads of io/posix.
#pragma once

#include <memory>

#include "io/posix/host_platform.h"
#include "io/uring/ring.h"

namespace afterimage::io::uring {

struct UringOptions {
  posix::PosixOptions host;  // its table of calls is for what does not go through the ring
  RingOptions ring;
};

class UringPlatform final : public posix::HostPlatform {
 public:
  // `unsupported`, with the reason, where there is no io_uring; limit_exceeded when there are not enough descriptors or
  // threads.
  [[nodiscard]] static Result<std::unique_ptr<UringPlatform>> create(UringOptions options = {});
};

}  // namespace afterimage::io::uring
