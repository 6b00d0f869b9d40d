// SPDX-License-Identifier: Apache-2.0
// Reading a segment from its first byte: recovery of an unsealed one, verification of any. The caller reads windows of
// the file and feeds them; the scanner never needs more than one record at once.
//
// What stands at a place, its label, and what recovery does with it:
//
//   bytes           | in its place?                            | label               | action
//   ----------------+------------------------------------------+---------------------+---------------------------------
//   intact frame    | yes                                      | frame               | keep
//   intact point    | yes                                      | point               | keep
//   intact span     | yes                                      | span                | keep
//   intact run, dir | behind the records                       | index               | keep if sealed, else cut_off
//   intact record   | other machine, lineage, segment or disk  | foreign             | as bad bytes, see below
//   intact record   | epoch or point already closed            | stale               | as bad bytes, see below
//   intact record   | number, point or place does not follow   | out_of_order        | as bad bytes, see below
//   intact record   | version unknown                          | unsupported_version | none: the segment is refused
//   no bytes        | at a record boundary, no trailer         | end_of_data         | append here
//   valid trailer   | at the end of the file                   | sealed              | done
//
// Bad bytes (or an end that comes too early) are torn -> cut_off, or rot -> quarantine. In this order:
//
//   1. the caller says all of this segment was durable           -> rot
//   2. a point at or below the high-water mark has not been
//      seen before it                                            -> rot   (also at a clean end: the file lost its end)
//   3. nothing valid follows                                     -> torn
//   4. the caller says nothing above it was acknowledged         -> torn
//   5. a valid point, span or trailer follows                    -> rot
//   6. only frames follow, and the first of them is of an epoch
//      so late that a point may have stood in the bad bytes      -> rot
//   7. only frames follow                                        -> torn  (a power cut reorders writes of one cycle)
//
// "Follows" is found by searching behind the bad bytes for the next intact record of the same machine, lineage and
// disks that may stand there. A guest can write bytes that look like a frame, but not one with its disk's random id.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/format/frame.h"
#include "engine/format/point_record.h"
#include "engine/format/record_rules.h"
#include "engine/format/segment_footer.h"
#include "engine/format/segment_header.h"
#include "engine/format/span_record.h"
#include "io/base/bytes.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::format {

enum class TailPromise : std::uint8_t {
  unknown,         // what stands above the high-water mark may or may not have been acknowledged
  unacknowledged,  // nothing above the high-water mark (without one: nothing in here) was ever acknowledged
  durable,         // a later segment holds acknowledged content: everything in this one was durable
};

// What the caller knows of the segment. Everything may be left out: then the segment's own header is believed.
struct ScanExpectation {
  std::optional<MachineId> machine;
  std::optional<LineageId> lineage;
  std::optional<SegmentNumber> number;
  std::optional<SegmentKind> kind;  // believed only where the segment's header is damaged
  std::vector<DiskId> disks;        // of the machine; empty: any
  JournalPosition before;           // the journal before this segment
  std::optional<Sequence>
      durable;  // high-water mark: the newest acknowledged point that stands in this segment or before
  TailPromise tail = TailPromise::unknown;
};

// An intact record, in its place or not.
struct ScanRecord {
  RecordLabel label = RecordLabel::frame;
  ByteOffset offset;
  ByteView bytes;             // valid until the next feed()
  bool after_damage = false;  // something before it was bad or misplaced: believe it only when the outcome is known
  std::optional<FrameView> frame;
  std::optional<PointRecord> point;
  std::optional<SpanRecord> span;
};

enum class DamageAction : std::uint8_t { cut_off, quarantine };

struct Damage {
  RecordLabel label = RecordLabel::torn;  // torn, rot, foreign, stale, out_of_order
  DamageAction action = DamageAction::cut_off;
  ByteOffset offset;
  ByteOffset end;                      // the next good record, or the end of the file
  std::optional<FrameIdentity> frame;  // where the header of a damaged frame is still intact
};

struct ScanOutcome {
  std::optional<SegmentHeader> header;  // none: damaged
  // end_of_data, sealed, torn, rot; or, with nothing more read: foreign, unsupported_version.
  RecordLabel end = RecordLabel::end_of_data;
  // Every record before it is good: an unsealed segment is cut here and goes on here.
  ByteOffset good_end;
  // Behind the last point record of the good ones (behind the header when there is none).
  ByteOffset durable_end;
  JournalPosition position;             // as of the last point among the good records
  std::vector<Damage> damage;           // in order; at most damage_max, the last one then covers the rest
  std::optional<SegmentFooter> footer;  // when sealed
};
inline constexpr std::size_t damage_max = 1024;

// Externally serialised. Use: while (auto want = scanner.want()) { read it; scanner.feed(...); while (auto record =
// scanner.next()) ...; } then outcome().
class SegmentScanner {
 public:
  struct Want {
    ByteOffset offset;
    ByteCount bytes;
  };

  // `file_bytes`: the length of the file, at most segment_bytes_max is scanned.
  SegmentScanner(ScanExpectation expectation, ByteCount file_bytes);

  // What to read next; none: the scan has ended.
  [[nodiscard]] std::optional<Want> want() const;
  // The bytes at want()->offset; fewer than wanted mean that the file ends there. They must stay until next() answers
  // none. Requires: want().
  void feed(ByteView bytes);
  // The next record in the bytes fed; none: feed more, or the scan has ended.
  [[nodiscard]] std::optional<ScanRecord> next();

  // Requires: the scan has ended.
  [[nodiscard]] const ScanOutcome& outcome() const;

 private:
  enum class Mode : std::uint8_t { header, records, searching, ended };
  // What stands at a place.
  struct Found {
    enum class Kind : std::uint8_t { more, record, trailer, unsupported, bad } kind = Kind::bad;
    std::size_t bytes = 0;  // more: how many are needed; record: its length; bad: its length if known, else 0
    ScanRecord record;
    std::optional<FrameIdentity> frame;
    std::optional<SegmentFooter> footer;
  };
  struct Suspect {  // a damage whose label is decided at the end
    Damage damage;
    std::optional<Sequence> point_before;
    Epoch hidden_from;  // a follower born after this epoch may follow a point that stood here
    bool followed = false;
    std::optional<Epoch> follower_birth;
  };

  [[nodiscard]] ByteView at(ByteOffset offset) const;
  [[nodiscard]] Found inspect() const;
  [[nodiscard]] Found inspect_frame(ByteView rest, std::size_t remaining) const;
  [[nodiscard]] Found inspect_small(ByteView rest, std::size_t remaining) const;
  [[nodiscard]] Found inspect_trailer(ByteView rest, std::size_t remaining) const;
  [[nodiscard]] RecordLabel judge(const ScanRecord& record) const;
  [[nodiscard]] bool disk_known(const DiskId& disk) const;

  [[nodiscard]] std::optional<ScanRecord> step_header();
  [[nodiscard]] std::optional<ScanRecord> step_record();
  [[nodiscard]] std::optional<ScanRecord> step_search();
  [[nodiscard]] std::optional<ScanRecord> take(Found found);
  [[nodiscard]] bool find_candidate();
  void accept(const ScanRecord& record);
  void begin_damage(RecordLabel label, std::size_t known_bytes, const std::optional<FrameIdentity>& frame);
  void end_damage(const ScanRecord* follower);
  void take_trailer(const SegmentFooter& footer);
  void finish(RecordLabel end);
  void decide(Suspect& suspect) const;
  [[nodiscard]] bool is_rot(const Suspect& suspect) const;
  void stop(RecordLabel end);

  ScanExpectation expectation_;
  std::uint64_t file_bytes_;
  ByteView window_;
  ByteOffset window_offset_;
  ByteOffset position_;
  std::size_t needed_ = segment_header_bytes;
  bool hungry_ = true;
  Mode mode_ = Mode::header;
  RecordRules rules_;
  std::vector<DiskId> disks_seen_;
  std::vector<Suspect> suspects_;
  ByteOffset last_closing_;  // offset of the last good point, span or trailer
  bool in_index_ = false;
  ScanOutcome outcome_;
};

}  // namespace afterimage::format
