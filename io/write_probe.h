// SPDX-License-Identifier: Apache-2.0
// Whether a device that has failed takes writes again, asked so that the question does no harm.
//
// A sync that has data of its own fails with this data, and nothing else comes of it (measured: ext4, XFS, Btrfs). One
// that has none, of a file or a folder, makes the file system write its own trees or log: when that fails Btrfs turns
// read-only and does not find its files any more, XFS shuts down, and what could be read until then is lost until it is
// mounted anew. So nobody syncs what is there before fresh data has gone well.
#pragma once

#include "io/disk.h"

namespace afterimage::io {

inline constexpr const char* probe_file_name = "device-probe";

// Writes and syncs a few blocks in a file of its own in `directory`, and removes it; a leftover means nothing. Errors:
// those of the device. That a disk is full is none: what comes next may need no space.
[[nodiscard]] Task<Status> probe_writes(Scope& scope, Directory& directory);

}  // namespace afterimage::io
