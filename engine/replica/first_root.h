// SPDX-License-Identifier: Apache-2.0
// The change root of a machine's first point: over every block of a disk, as the staged base has it and the frames of
// the first cycle over that. Reads the sums and those frames, in order, whatever their number in little memory.
#pragma once

#include <span>

#include "engine/image/hash_file.h"
#include "engine/replica/journal_point.h"
#include "engine/replica/segment_table.h"
#include "io/platform.h"

namespace afterimage::replica {

struct DiskRoot {
  BlockCount blocks;
  Digest root;
};

// `frames`: those of all disks, in order; others than `sums.disk()`'s are passed over. Errors: damaged, io_failed.
[[nodiscard]] io::Task<Result<DiskRoot>> first_root(io::Scope& scope, io::Workers& workers, image::HashFile& sums,
                                                    SegmentTable& table, std::span<const OpenFrame> frames);

}  // namespace afterimage::replica
