// SPDX-License-Identifier: Apache-2.0
// The file of a listening unix socket: mode 0600 from its first moment, a stale one replaced, a live one left alone.
#pragma once

#include <string>

#include "io/posix/connection.h"
#include "io/posix/unique_fd.h"

namespace afterimage::io::posix {

struct BoundSocket {
  UniqueFd fd;  // non-blocking, listening
  SocketFile file;
};

// Blocking: file system calls. `busy` if somebody answers on it, `already_exists` if something else is there.
// Programs that do the same in one folder at the same time take turns (flock of the folder).
[[nodiscard]] Result<BoundSocket> listen_at_path(const std::string& path);

}  // namespace afterimage::io::posix
