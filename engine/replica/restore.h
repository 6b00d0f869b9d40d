// SPDX-License-Identifier: Apache-2.0
// Restore: a disk at a point becomes an ordinary image. Every byte was checked against its hash on the way.
#pragma once

#include <memory>

#include "engine/port/progress.h"
#include "engine/replica/machine.h"
#include "io/disk.h"

namespace afterimage::replica {

struct RestoreOutcome {
  ByteCount size;
  ByteCount written;
};

// Writes the disk into `target`, whose content is replaced, sparsely where it is a file, and syncs it. Durable when it
// returns (the name is the caller's). Errors: not_found, damaged (the detail names the extent; `target` is then no
// image), refused (a point that is known to be damaged), no_space (a device that is too small), io_failed, cancelled.
// `progress` may be null.
[[nodiscard]] io::Task<Result<RestoreOutcome>> restore(io::Scope& scope, std::shared_ptr<Machine> machine,
                                                       Sequence point, DiskId disk, io::File& target,
                                                       Progress* progress);

}  // namespace afterimage::replica
