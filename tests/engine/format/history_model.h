// SPDX-License-Identifier: Apache-2.0
// A machine's history twice over: as plain images, one kept for every moment, and as a journal. The laws compare them.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "engine/format/merge.h"
#include "engine/format/segment.h"
#include "engine/format/view_plan.h"
#include "tests/engine/format/journal_kit.h"

namespace afterimage::format::model {

using Image = Bytes;

// What happens to one disk in one cycle: it is resized, then blocks are written.
struct Write {
  std::uint64_t block;
  std::uint64_t seed;  // 0: zeros
};
struct DiskCycle {
  std::uint64_t smallest;
  std::uint64_t after;
  std::vector<Write> writes;
};
struct Cycle {
  std::vector<DiskCycle> disks;    // as many as there are disks
  std::uint64_t frame_blocks = 1;  // how frames are grouped
  bool staged = false;             // older content of the same blocks was sent ahead
  bool new_segment = false;        // the cycle's frames end one segment and its point stands in the next
};

inline const std::vector<DiskId> disks = {kit::disk_a, kit::disk_b};

// A store of segments in memory, and the runs of their indexes.
struct Journal {
  std::map<std::uint64_t, Bytes> segments;
  std::vector<JournalRun> runs;  // oldest first
  std::vector<PointRecord> points;

  [[nodiscard]] Bytes fetch(SegmentNumber segment, const FramePlace& place) const;
  // Runs from the one that closes `sequence` back to the beginning.
  [[nodiscard]] std::vector<JournalRun> newest_first(std::uint64_t sequence) const;
};

// Runs the cycles on `images` (changed in place), and answers the journal of them. `moments[k][d]` becomes disk d after
// cycle k.
[[nodiscard]] Journal record(const std::vector<Cycle>& cycles, std::vector<Image> images,
                             std::vector<std::vector<Image>>& moments);

// The whole disk as the view shows it, every block checked against its hash.
[[nodiscard]] Image read_view(const Journal& journal, std::size_t disk, std::uint64_t sequence, const Image& base);
// The base with everything up to the point applied in one go: cut, regrown, written.
[[nodiscard]] Image fold(const Journal& journal, std::size_t disk, std::uint64_t sequence, Image base);
// The same journal with the cycles of each group merged into one. `groups`: how many cycles each takes, in turn; a
// group of 0 leaves one cycle as it is.
[[nodiscard]] Journal merged(const Journal& journal, const std::vector<std::uint64_t>& groups);
// True when every segment scans clean to its trailer.
[[nodiscard]] bool all_sealed(const Journal& journal);

}  // namespace afterimage::format::model
