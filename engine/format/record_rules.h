// SPDX-License-Identifier: Apache-2.0
// Which intact record may stand where. The writer asks before it appends (pair assertion) and the scanner asks when it
// reads, so that both hold the same rules. The labels are those of the recovery table in segment_scanner.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/format/frame.h"
#include "engine/format/point_record.h"
#include "engine/format/segment_header.h"
#include "engine/format/span_record.h"
#include "io/base/identity.h"
#include "io/base/units.h"

namespace afterimage::format {

enum class RecordLabel : std::uint8_t {
  frame,                // an intact frame in its place
  point,                // an intact point record that follows the one before
  span,                 // an intact span record of a merged segment
  index,                // an intact run or directory of the index
  foreign,              // intact, but of another machine, lineage, segment or disk
  stale,                // intact, but of an epoch or point that is closed already
  out_of_order,         // intact, but not behind what stands before it
  unsupported_version,  // intact, of a version this program does not know
  torn,                 // bad bytes of an unfinished tail: cut off
  rot,                  // bad bytes where good ones were durable: kept, quarantined, never cut off
  end_of_data,          // a clean end at a record boundary of an unsealed segment
  sealed,               // a clean end at a valid trailer
};

// "out_of_order", as reports show it.
[[nodiscard]] std::string_view name_of(RecordLabel label) noexcept;

// What is known of the journal before the first record of a segment. Unknown parts are not checked.
struct JournalPosition {
  std::optional<Epoch> closed;       // epoch of the last point
  std::optional<Sequence> sequence;  // of the last point; 0: there was none
  std::optional<Digest> digest;      // of the last point; none (all zero): there was none
};

// Externally serialised.
class RecordRules {
 public:
  // `disks`: those of the machine; empty: any.
  RecordRules(const SegmentHeader& header, JournalPosition before, std::vector<DiskId> disks);

  // frame, or why not: foreign, stale, out_of_order.
  [[nodiscard]] RecordLabel judge(const FrameIdentity& frame) const;
  // point, or why not: foreign, stale, out_of_order.
  [[nodiscard]] RecordLabel judge(const PointRecord& point) const;
  // span, or why not: out_of_order, stale.
  [[nodiscard]] RecordLabel judge(const SpanRecord& span) const;

  // Require: judged well.
  void accept(const FrameIdentity& frame);
  void accept(const PointRecord& point, const Digest& digest);
  void accept(const SpanRecord& span);

  // Bytes were lost here: a point may be missing, so the next one need not follow the last one known.
  void lose_track();

  [[nodiscard]] const JournalPosition& position() const { return position_; }
  // Of the frames since the last point; none when there are none.
  [[nodiscard]] std::optional<Epoch> newest_birth() const { return newest_birth_; }
  [[nodiscard]] const std::optional<SpanRecord>& open_span() const { return span_; }

 private:
  struct Serial {
    Epoch birth;
    std::uint32_t number;
    auto operator<=>(const Serial&) const = default;
  };

  SegmentHeader header_;
  JournalPosition position_;
  std::vector<DiskId> disks_;
  std::optional<Epoch> newest_birth_;
  std::optional<Serial> last_frame_;
  std::optional<SpanRecord> span_;
  bool track_lost_ = false;
};

}  // namespace afterimage::format
