// SPDX-License-Identifier: Apache-2.0
// What a merge of journal content will do: pure, printable, made from indexes alone. The newest content of each block
// wins. A frame is copied as it is while at least three quarters of its data blocks are live (their dead blocks are
// covered by later frames of the result); of any other frame the live blocks are gathered into new frames behind the
// copied ones. A shrink cuts older content, so a frame that still holds cut blocks is never copied.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/format/index_run.h"
#include "engine/format/view_plan.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::format {

// Where a frame is to be fetched.
struct FrameSource {
  SegmentNumber segment;
  FramePlace place;
  bool operator==(const FrameSource&) const = default;
};

struct MergePiece {
  DiskId disk;
  ViewPiece piece;  // source frame or zero
};

struct MergePlan {
  Epoch epoch;
  Sequence from;  // exclusive
  Sequence to;
  std::vector<DiskSize> sizes;       // across all runs, every disk of point `to`
  std::vector<FrameSource> copies;   // in the order of the journal
  std::vector<MergePiece> rewrites;  // by disk, then block
  std::uint64_t frames_in = 0;       // of all runs
  std::uint64_t live_blocks = 0;     // data blocks of the result that count
  std::uint64_t copied_bytes = 0;    // encoded
  std::uint64_t rewritten_blocks = 0;
};

// `oldest_first`: whole cycles, the last run closed. Errors: invalid_argument (no runs, an open end, points that do not
// ascend).
[[nodiscard]] Result<MergePlan> plan_merge(const std::vector<JournalRun>& oldest_first);

}  // namespace afterimage::format
