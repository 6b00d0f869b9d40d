// SPDX-License-Identifier: Apache-2.0
// What recovery does with the staging files of a journal, decided from what scanning them found. Pure.
//
//   the scans say                                                  | verdict     | action
//   ---------------------------------------------------------------+-------------+-------------------------------------
//   a segment's number is missing before acknowledged points       | gap         | stop the machine, change nothing
//   a segment is of another machine, lineage or number             | foreign     | stop the machine, change nothing
//   a segment or record is of a version this program does not know | unsupported | stop the machine, change nothing
//   the catalogue knows a newer point than the journal ends with   | rolled_back | stop the machine, change nothing
//   frames at the end of the sealed segments have no point behind  | rolled_back | stop the machine, change nothing
//   them (they are only sealed once it was acknowledged)           |             |
//   the catalogue knows another digest for a point                 | forked      | stop the machine, change nothing
//   bytes before an acknowledged point are bad, or its frames do   | rot         | stop the machine, change nothing;
//   not add up                                                     |             | points before it stay usable
//   a segment's number is missing, and nothing behind it was ever  | torn        | cut: remove all behind it
//   acknowledged (its name was not durable)                        |             |
//   a staging file has no header, and nothing was acknowledged in  | torn        | cut: remove it and all behind it
//   it                                                             |             |
//   bad bytes behind the last acknowledged point                   | torn        | cut there, remove the files behind
//   frames that belong to no one epoch, behind the last            | unplaced    | cut there, remove the files behind
//   acknowledged point; or a last point nobody was told of whose   |             |
//   frames do not add up                                           |             |
//   whole frames of one epoch behind the last point                | resumable   | keep: the epoch goes on
//   nothing behind the last point                                  | clean       | append here
//
// Cutting is followed by a sync and another scan; so recovery ends with resumable or clean, or stops, and doing it
// again changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/segment_scanner.h"
#include "engine/replica/journal_point.h"

namespace afterimage::replica {

enum class TailVerdict : std::uint8_t {
  gap,
  foreign,
  unsupported,
  rolled_back,
  forked,
  rot,
  torn,
  unplaced,
  resumable,
  clean
};
[[nodiscard]] std::string_view name_of(TailVerdict verdict) noexcept;

// What is known of a machine's points apart from its journal.
struct KnownPoints {
  bool is_complete = false;  // the catalogue has this machine: what it does not know was never acknowledged
  std::vector<std::pair<Sequence, Digest>> points;  // ascending
  [[nodiscard]] Sequence newest() const { return points.empty() ? Sequence{} : points.back().first; }
};

// A staging file, scanned.
struct TailSegment {
  SegmentNumber number;
  format::ScanOutcome outcome;
  std::vector<JournalPoint> points;
  std::optional<ByteOffset> unplaced;
  bool has_open_frames = false;  // behind its last point
};

struct TailDecision {
  TailVerdict verdict = TailVerdict::clean;
  SegmentNumber segment;  // torn, unplaced: cut here ...
  ByteOffset offset;      // ... at this byte (0: remove the file), and remove those behind
  std::string reason;     // a sentence, where the machine stops or something is cut
};

// The sealed segments before the staging files.
struct SealedEnd {
  SegmentNumber end;             // the newest; 0: there is none
  bool has_open_frames = false;  // behind its last point
};

// `sealed_points`: what the sealed segments hold.
[[nodiscard]] TailDecision decide_tail(const SealedEnd& sealed, const std::vector<JournalPoint>& sealed_points,
                                       const std::vector<TailSegment>& tail, const KnownPoints& known);

// The newest point that was surely acknowledged: known, or followed by frames or points (they are only appended after
// it was). For the scanner's expectations.
[[nodiscard]] Sequence acknowledged_mark(const std::vector<JournalPoint>& sealed_points,
                                         const std::vector<TailSegment>& tail, const KnownPoints& known);

}  // namespace afterimage::replica
