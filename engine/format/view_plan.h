// SPDX-License-Identifier: Apache-2.0
// A moment of a disk, read without copying: which piece of which frame, or of the base, or zeros, makes up each block.
// Pure: it plans, the caller reads.
//
// Resizes: the sizes of a closed run say what happened to the disk in its epoch. They are taken to have happened before
// all frames of the run and of the open runs before it (its cycle): what is older is cut at the smallest size, also
// inside a block; what was regrown is zeros. A tracker that shrinks a disk while staged frames stand in the open run
// therefore marks the blocks from the new size on dirty again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/format/index_run.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::format {

// A run, and the segment that its frames stand in.
struct JournalRun {
  SegmentNumber segment;
  std::shared_ptr<const IndexRun> run;
};

enum class PieceSource : std::uint8_t { frame, zero, base };

struct ViewPiece {
  Extent extent;
  PieceSource source = PieceSource::zero;
  // Of the last block of the extent only so many bytes come from the source, the rest are zeros. The block in the frame
  // still has all its bytes, and its hash is that of all of them.
  std::uint32_t last_block_bytes = static_cast<std::uint32_t>(block_size);
  // For a frame:
  std::uint32_t run = 0;        // which of the runs the plan was made of
  std::uint32_t frame = 0;      // in its frames()
  std::uint32_t raw_block = 0;  // where the extent's first block stands in the frame's raw bytes, in blocks
  SegmentNumber segment;
  FramePlace place;

  [[nodiscard]] bool whole() const { return last_block_bytes == block_size; }
  bool operator==(const ViewPiece&) const = default;
};

// Immutable: any thread.
class ViewPlan {
 public:
  // `newest_first`: the runs from the one that closes the point back to the base; runs of one cycle in several segments
  // follow each other. Without runs the view is the base. Errors: not_found (the point does not know the disk),
  // invalid_argument (the first run is open, or the points do not descend).
  [[nodiscard]] static Result<ViewPlan> make(const DiskId& disk, std::vector<JournalRun> newest_first,
                                             ByteCount base_bytes);

  // Of the disk at the point.
  [[nodiscard]] ByteCount size() const { return size_; }
  // What older content than all runs is cut to: min(base, every smallest size).
  [[nodiscard]] ByteCount base_limit() const { return base_limit_; }

  // The blocks of `window` that lie in the disk, each in exactly one piece, ascending.
  [[nodiscard]] std::vector<ViewPiece> plan(const Extent& window) const;
  // Only what the runs' frames say: frames, and zeros that a frame names. What lies between is the base below
  // base_limit() and zeros above: what to write when the runs are folded into the base.
  [[nodiscard]] std::vector<ViewPiece> changes(const Extent& window) const;

  // True when a shrink cut content of this run away.
  [[nodiscard]] bool cuts(std::size_t run) const;

 private:
  struct Layer {
    JournalRun source;
    ByteCount limit;  // of the run's content only what lies before it still counts
  };

  ViewPlan() = default;
  void overlay(const Layer& layer, std::uint32_t run, const Extent& part, std::vector<ViewPiece>& pieces,
               std::vector<Extent>& uncovered) const;

  DiskId disk_;
  ByteCount size_;
  ByteCount base_limit_;
  std::vector<Layer> layers_;  // newest first
};

}  // namespace afterimage::format
