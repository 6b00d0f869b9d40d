// SPDX-License-Identifier: Apache-2.0
// Writing a segment: each call answers the bytes to append to the file at size() as it was before the call, and keeps
// the index of what was appended. Nothing is written here, so nothing here is durable; the caller appends in order.
//
// States: empty -> begin() -> open -> seal() -> sealed. Only an open segment takes records. A segment is opened again
// by beginning it and appending what SegmentScanner found good, in order; the bytes answered are those that stand
// there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/format/frame.h"
#include "engine/format/index_run.h"
#include "engine/format/point_record.h"
#include "engine/format/record_rules.h"
#include "engine/format/segment_footer.h"
#include "engine/format/segment_header.h"
#include "engine/format/span_record.h"
#include "io/base/bytes.h"
#include "io/base/result.h"

namespace afterimage::format {

// Externally serialised; movable.
class SegmentBuilder {
 public:
  SegmentBuilder() = default;

  // The header's 64 bytes. `before`: the journal before this segment, as far as known. Requires: nothing begun yet.
  [[nodiscard]] Bytes begin(const SegmentHeader& header, JournalPosition before = {});

  // True when a frame of that size still fits together with the point record, index and trailer that must follow.
  // An empty segment fits any frame; when false, seal this one and begin the next.
  [[nodiscard]] bool fits(std::size_t frame_bytes, std::size_t frame_extents) const;
  // The same for a point record (and span) without frames.
  [[nodiscard]] bool fits_point() const;

  // The frame's own bytes (not a copy). Errors: those of FrameView::parse; conflict (out of order, stale);
  // limit_exceeded (does not fit); refused (not open).
  [[nodiscard]] Result<ByteView> append_frame(ByteView encoded);
  [[nodiscard]] Result<ByteView> append_frame(const FrameView& frame);
  // Merged segments only, right before the point. Errors: conflict, limit_exceeded, refused.
  [[nodiscard]] Result<Bytes> append_span(const SpanRecord& span);
  // Closes the run. Errors: conflict (does not follow the point before, or is of another machine), limit_exceeded,
  // refused.
  [[nodiscard]] Result<Bytes> append_point(const PointRecord& point);
  // Index and trailer. Errors: refused (not open).
  [[nodiscard]] Result<Bytes> seal();

  // For a damaged segment that is indexed again: the bytes up to `offset` hold nothing that can be read.
  // Errors: invalid_argument (behind), refused (not open).
  [[nodiscard]] Status skip_to(ByteOffset offset);

  [[nodiscard]] const SegmentHeader& header() const { return header_; }
  [[nodiscard]] ByteOffset size() const { return size_; }
  [[nodiscard]] bool open() const { return state_ == State::open; }
  [[nodiscard]] bool sealed() const { return state_ == State::sealed; }
  // The journal as of the last point appended.
  [[nodiscard]] const JournalPosition& position() const { return rules_.position(); }
  // The runs closed so far, oldest first (after seal() also the one that goes on in the next segment). A run never
  // changes, and stays alive with whoever holds it.
  [[nodiscard]] std::span<const std::shared_ptr<const IndexRun>> runs() const { return runs_; }
  // Frames since the last point record.
  [[nodiscard]] std::size_t open_frames() const { return open_run_.frame_count(); }

 private:
  enum class State : std::uint8_t { empty, open, sealed };

  [[nodiscard]] Status check_open() const;
  [[nodiscard]] std::uint64_t index_bytes_max() const;
  void close_run(const RunClosing& closing, std::span<const DiskSize> sizes);

  State state_ = State::empty;
  SegmentHeader header_;
  RecordRules rules_{SegmentHeader{}, {}, {}};
  ByteOffset size_;
  IndexRunBuilder open_run_;
  std::vector<std::shared_ptr<const IndexRun>> runs_;
  std::uint64_t closed_index_bytes_ = 0;
  std::size_t extents_ = 0;
};

}  // namespace afterimage::format
