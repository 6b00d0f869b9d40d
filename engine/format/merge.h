// SPDX-License-Identifier: Apache-2.0
// Carrying out a merge plan. Merger is a step machine: it says which frame it wants next, is fed its bytes, and yields
// the encoded frames of the result in order; the caller does the reading and writing, and closes the result with the
// span and the point record. merge() does all of it over two plain callbacks, for callers that may block.
//
// Block hashes are checked against the content and carried over, never made anew, with one exception: the block in
// whose middle a shrink cut is new content, and its hash is made after the old one was verified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/format/frame.h"
#include "engine/format/merge_plan.h"
#include "engine/format/point_record.h"
#include "engine/format/segment_header.h"
#include "engine/format/span_record.h"
#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::format {

struct DiskHasher {
  DiskId disk;
  std::shared_ptr<const BlockHasher> hasher;
};

struct MergeOptions {
  std::vector<DiskHasher> hashers;  // one for every disk whose frames are rewritten
  ByteCount raw_target{limits::cycle_frame_raw_bytes};
  Compression compression;
  ByteCount cache{32 * limits::MiB};  // decoded frames kept, because rewriting jumps between them
};

// Externally serialised; CPU work, so not on a reactor's thread.
class Merger {
 public:
  Merger(MergePlan plan, MergeOptions options);

  // The next frame of the result, encoded; none: see want(). Errors: invalid_argument (no hasher for a disk).
  [[nodiscard]] Result<std::optional<Bytes>> next_frame();
  // The frame to feed next; none once everything was yielded (or after next_frame() failed).
  [[nodiscard]] const std::optional<FrameSource>& want() const { return want_; }
  // The bytes of the wanted frame. Errors: damaged (it does not parse, is another frame than the index says, or a block
  // does not match its hash); the merge cannot go on, and what it read is named in the error.
  [[nodiscard]] Status feed(ByteView encoded);

  [[nodiscard]] const MergePlan& plan() const { return plan_; }
  // The record to stand before the point.
  [[nodiscard]] SpanRecord span() const;

 private:
  struct Decoded {
    FrameSource source;
    Epoch birth;
    std::vector<BlockHash> hashes;
    Bytes content;
  };

  [[nodiscard]] const Decoded* cached(const FrameSource& source);
  [[nodiscard]] Result<const BlockHasher*> hasher_of(const DiskId& disk) const;
  [[nodiscard]] Status gather(const MergePiece& work, const Decoded* from);
  [[nodiscard]] Bytes emit();
  [[nodiscard]] std::optional<Bytes> emit_if_due(const DiskId& next_disk);

  MergePlan plan_;
  MergeOptions options_;
  FrameEncoder encoder_;
  FrameDecoder decoder_;
  std::optional<FrameSource> want_;
  std::optional<Bytes> ready_;  // a copied frame
  std::size_t next_copy_ = 0;
  std::size_t next_rewrite_ = 0;
  std::uint64_t block_in_piece_ = 0;
  FrameBuilder builder_;
  DiskId building_;
  Epoch newest_birth_;
  std::uint32_t number_ = merged_frame_number;
  std::deque<Decoded> cache_;  // the least recently used first
  std::uint64_t cached_bytes_ = 0;
};

// Where merge() gets encoded frames and puts segments. Implementations may block.
class MergeStore {
 public:
  virtual ~MergeStore() = default;
  // The bytes of the frame, exactly place.encoded of them.
  [[nodiscard]] virtual Result<Bytes> fetch(const FrameSource& source) = 0;
  // The next bytes of a segment of the result; segments come one after the other, each ends sealed.
  [[nodiscard]] virtual Status append(SegmentNumber segment, ByteView bytes) = 0;
};

struct MergeTarget {
  MachineId machine;
  LineageId lineage;
  SegmentNumber first;  // the segments of the result count up from here
  PointRecord point;    // of MergePlan::to, as it stands in the journal
};

// Writes the result as sealed merged segments. Answers how many. Errors: those of the store, of Merger, and conflict
// (the point is not the plan's).
[[nodiscard]] Result<std::uint64_t> merge(MergePlan plan, MergeOptions options, const MergeTarget& target,
                                          MergeStore& store);

}  // namespace afterimage::format
