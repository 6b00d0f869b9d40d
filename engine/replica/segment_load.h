// SPDX-License-Identifier: Apache-2.0
// How a segment comes into memory again: a sealed one by its trailer, index and point records; one without a good index
// by scanning it from its first byte.
#pragma once

#include <optional>
#include <vector>

#include "engine/format/segment.h"
#include "engine/format/segment_scanner.h"
#include "engine/replica/epoch_ledger.h"
#include "engine/replica/journal_point.h"
#include "engine/replica/segment_table.h"

namespace afterimage::replica {

// Where the runs of a sealed segment stand. `footer_end` are the last bytes of the segment, from records_end or before.
[[nodiscard]] Result<std::vector<RunRef>> runs_in_footer(SegmentNumber number, ByteView tail, ByteCount segment_bytes);

struct LoadedSegment {
  std::vector<RunRef> runs;
  std::vector<JournalPoint> points;
  ByteCount
      open_stored;  // bytes of the frames behind the last point, that of segments before included where none is here
};

// Reads a sealed segment's header, index and point records, not its frames. The segment is in the table (its runs may
// be missing). `before`: the journal before it, as far as known; `open_stored`: frames before it that have no point
// yet. Errors: damaged (any check, or a point that does not follow), unsupported, io_failed.
[[nodiscard]] io::Task<Result<LoadedSegment>> load_sealed(io::Scope& scope, SegmentTable& table, SegmentNumber number,
                                                          const JournalIdentity& identity,
                                                          format::JournalPosition before, ByteCount open_stored);

// What a scan found.
struct ScannedSegment {
  format::ScanOutcome outcome;
  format::SegmentBuilder builder;      // everything good; can go on at outcome.good_end when nothing was damaged before
  std::vector<JournalPoint> points;    // in order; those behind damage say so
  std::optional<EpochLedger> ledger;   // frames behind the last point; none if there are none
  std::vector<OpenFrame> open_frames;  // of this segment, behind its last point
  ByteCount open_stored;
  std::optional<ByteOffset> unplaced;  // where frames begin that do not add up to an epoch
  bool has_lost_content = false;       // bytes that are or may be frames or points cannot be read
};

// Where the epoch of the first frames of a segment began: in what is scanned, or in sealed segments, whose frames are
// not read again; then the first point's sums are not checked (it was acknowledged, or nothing before it would be
// sealed).
enum class EpochStart : std::uint8_t { scanned, sealed };

struct ScanStart {
  format::ScanExpectation expectation;  // number, machine, lineage and disks are set
  std::optional<EpochLedger> ledger;    // of unfinished frames in the segments before
  ByteCount open_stored;
  EpochStart epoch_start = EpochStart::scanned;
};
// Errors: those of reading. Whatever the bytes are is in the result.
[[nodiscard]] io::Task<Result<ScannedSegment>> scan_segment(io::Scope& scope, SegmentTable& table, ScanStart start);

}  // namespace afterimage::replica
