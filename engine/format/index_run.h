// SPDX-License-Identifier: Apache-2.0
// An index run: which frame of a segment holds the newest content of each block, for the frames between two point
// records of that segment. A cycle may span segments (its runs but the last have sequence 0) and a segment may hold
// many cycles.
//
// Invariants: disks ascending by id; the entries of a disk ascending by block and not overlapping (where frames of the
// run overlap, the later one won); every entry lies in one frame of frames(). Byte table: docs/journal-format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/format/frame.h"
#include "engine/format/point_record.h"
#include "io/base/bytes.h"
#include "io/base/identity.h"
#include "io/base/limits.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::format {

// Those of the point, and those that frames name although the point does not.
inline constexpr std::size_t run_disks_max = 2 * limits::disks_max;

// Where a frame stands in its segment, and who it is.
struct FramePlace {
  ByteOffset offset;  // in the segment
  ByteCount encoded;  // bytes to read there: the whole frame
  Epoch birth;
  std::uint32_t number = 0;
  std::uint32_t data_blocks = 0;  // all of the frame, live or not
  bool operator==(const FramePlace&) const = default;
};

struct IndexEntry {
  Extent extent;
  BlockKind kind = BlockKind::data;
  std::uint32_t frame = 0;      // in frames()
  std::uint32_t raw_block = 0;  // data: where the extent's first block stands in the frame's raw bytes, in blocks
  bool operator==(const IndexEntry&) const = default;
};

// What the record that closes a run says about it; all zero while the run is open or goes on in the next segment.
struct RunClosing {
  Epoch epoch;
  Sequence from;  // the run holds what changed since this point (exclusive)
  Sequence sequence;
  bool operator==(const RunClosing&) const = default;
};

struct RunDisk {
  DiskId disk;
  DiskSizes sizes;  // zero while the run is not closed, or where the point does not know the disk
  std::uint32_t entry_begin = 0;
  std::uint32_t entry_count = 0;
  bool operator==(const RunDisk&) const = default;
};

// Immutable: any thread.
class IndexRun {
 public:
  IndexRun() = default;

  [[nodiscard]] Epoch epoch() const { return closing_.epoch; }
  [[nodiscard]] Sequence from() const { return closing_.from; }
  [[nodiscard]] Sequence sequence() const { return closing_.sequence; }
  [[nodiscard]] bool closed() const { return closing_.sequence.value() != 0; }
  [[nodiscard]] std::span<const RunDisk> disks() const { return disks_; }
  [[nodiscard]] std::span<const FramePlace> frames() const { return frames_; }
  [[nodiscard]] const FramePlace& frame_of(const IndexEntry& entry) const { return frames_[entry.frame]; }

  // nullptr when the run does not know the disk.
  [[nodiscard]] const RunDisk* find(const DiskId& disk) const;
  [[nodiscard]] std::span<const IndexEntry> entries(const DiskId& disk) const;
  // The entries that overlap the window, in order; the first and last may reach beyond it.
  [[nodiscard]] std::span<const IndexEntry> lookup(const DiskId& disk, const Extent& window) const;

  [[nodiscard]] std::size_t memory_bytes() const;
  [[nodiscard]] std::size_t encoded_size() const;
  [[nodiscard]] Bytes encode() const;
  // `bytes` is exactly one run. Errors: damaged, limit_exceeded, unsupported.
  [[nodiscard]] static Result<IndexRun> parse(ByteView bytes);
  // The length of the run that begins with these (at least 12) bytes; believed only once parse() succeeds.
  [[nodiscard]] static Result<std::size_t> measure(ByteView bytes);

  bool operator==(const IndexRun&) const = default;

 private:
  friend class IndexRunBuilder;
  [[nodiscard]] Status read_tables(ByteReader& reader, std::uint32_t disks, std::uint32_t frames,
                                   std::uint32_t entries);
  [[nodiscard]] Status check_entries() const;

  RunClosing closing_;
  std::vector<RunDisk> disks_;
  std::vector<FramePlace> frames_;
  std::vector<IndexEntry> entries_;
};

struct DiskSize {
  DiskId disk;
  DiskSizes sizes;
  bool operator==(const DiskSize&) const = default;
};

// Gathers the frames of one run in the order they stand in the segment. Externally serialised.
class IndexRunBuilder {
 public:
  void add(const FrameView& frame, ByteOffset offset);

  [[nodiscard]] bool empty() const { return frames_.empty(); }
  [[nodiscard]] std::size_t frame_count() const { return frames_.size(); }
  [[nodiscard]] std::size_t disk_count() const { return disks_.size(); }
  [[nodiscard]] bool knows(const DiskId& disk) const;
  // What the run will take in an index at most.
  [[nodiscard]] std::size_t encoded_size_max(std::size_t point_disks) const;

  // Ends the run: later frames win. The builder is empty afterwards. `sizes` in any order; disks it does not name but
  // that have frames keep sizes of 0.
  [[nodiscard]] IndexRun close(const RunClosing& closing, std::span<const DiskSize> sizes);

 private:
  struct DiskEntries {
    DiskId disk;
    std::vector<IndexEntry> entries;
    bool ascending = true;
  };
  [[nodiscard]] DiskEntries& entries_of(const DiskId& disk);

  std::vector<FramePlace> frames_;
  std::vector<DiskEntries> disks_;  // few: searched in turn
  std::size_t extents_ = 0;
};

}  // namespace afterimage::format
