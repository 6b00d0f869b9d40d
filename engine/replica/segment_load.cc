// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/segment_load.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "io/base/limits.h"

namespace afterimage::replica {
namespace {

constexpr std::size_t measure_bytes = 12;  // what PointRecord::measure wants to see

ByteOffset from_end(ByteCount size, std::uint64_t bytes) { return ByteOffset(size.value() - bytes); }

std::unexpected<Error> damaged_segment(SegmentNumber number, std::string_view why) {
  return fail(ErrorCode::damaged, "read a segment", fmt::format("segment {} of the journal: {}", number.value(), why));
}

Status check_header(const format::SegmentHeader& header, SegmentNumber number, const JournalIdentity& identity) {
  if (header.machine == identity.machine && header.lineage == identity.lineage && header.number == number) return {};
  return damaged_segment(number, "it is a segment of another journal or number");
}

Status check_follows(const format::PointRecord& record, const JournalIdentity& identity,
                     const format::JournalPosition& before) {
  if (record.machine != identity.machine) return fail(ErrorCode::damaged, "a point record is of another machine");
  const bool follows =
      (!before.sequence || record.sequence > *before.sequence) && (!before.digest || record.parent == *before.digest);
  if (follows) return {};
  return fail(ErrorCode::damaged, "a point does not follow the one before",
              fmt::format("point {} does not follow the point before it", record.sequence.value()));
}

io::Task<Result<format::PointRecord>> read_point(io::Scope& scope, SegmentTable& table, SegmentNumber number,
                                                 ByteOffset offset) {
  std::array<std::byte, measure_bytes> start{};
  AFI_CO_TRY_STATUS(table.read(scope, number, offset, start));
  AFI_CO_RESULT(const std::size_t size, format::PointRecord::measure(start));
  if (size > limits::point_record_bytes_max) co_return fail(ErrorCode::limit_exceeded, "a point record is too long");
  Bytes bytes(size);
  AFI_CO_TRY_STATUS(table.read(scope, number, offset, bytes));
  co_return format::PointRecord::parse(bytes);
}

io::Task<Result<std::vector<RunRef>>> read_footer(io::Scope& scope, SegmentTable& table, SegmentNumber number) {
  AFI_CO_TRY(const ByteCount size, table.size(scope, number));
  if (size.value() < format::segment_header_bytes + format::segment_trailer_bytes ||
      size.value() > limits::segment_bytes_max) {
    co_return damaged_segment(number, "its size is wrong");
  }
  std::array<std::byte, format::segment_trailer_bytes> trailer{};
  AFI_CO_TRY_STATUS(table.read(scope, number, from_end(size, trailer.size()), trailer));
  AFI_CO_RESULT(const format::SegmentFooter footer, format::parse_trailer(trailer, size));
  Bytes tail(static_cast<std::size_t>(size.value() - footer.directory.value()));
  AFI_CO_TRY_STATUS(table.read(scope, number, from_end(size, tail.size()), tail));
  co_return runs_in_footer(number, tail, size);
}

}  // namespace

Result<std::vector<RunRef>> runs_in_footer(SegmentNumber number, ByteView tail, ByteCount segment_bytes) {
  if (tail.size() < format::segment_trailer_bytes) return damaged_segment(number, "its end is missing");
  AFI_TRY(const format::SegmentFooter footer,
          format::parse_trailer(tail.last(format::segment_trailer_bytes), segment_bytes));
  const std::uint64_t behind = segment_bytes.value() - footer.directory.value();
  if (behind > tail.size()) return damaged_segment(number, "its end is missing");
  const ByteView directory =
      tail.last(static_cast<std::size_t>(behind)).first(static_cast<std::size_t>(footer.directory_bytes().value()));
  AFI_TRY(const std::vector<format::RunPlace> places, format::parse_directory(directory, footer));
  std::vector<RunRef> runs;
  runs.reserve(places.size());
  for (const format::RunPlace& place : places) runs.push_back(RunRef{.segment = number, .place = place});
  return runs;
}

io::Task<Result<LoadedSegment>> load_sealed(io::Scope& scope, SegmentTable& table, SegmentNumber number,
                                            const JournalIdentity& identity, format::JournalPosition before,
                                            ByteCount open_stored) {
  std::array<std::byte, format::segment_header_bytes> start{};
  AFI_CO_TRY_STATUS(table.read(scope, number, ByteOffset(std::uint64_t{0}), start));
  AFI_CO_RESULT(const format::SegmentHeader header, format::SegmentHeader::parse(start));
  AFI_CO_STATUS(check_header(header, number, identity));
  if (header.kind != format::SegmentKind::stream) co_return fail(ErrorCode::unsupported, "a merged segment");
  LoadedSegment loaded{.runs = {}, .points = {}, .open_stored = open_stored};
  AFI_CO_TRY(loaded.runs, read_footer(scope, table, number));
  ByteOffset at(std::uint64_t{format::segment_header_bytes});
  for (const RunRef& ref : loaded.runs) {
    AFI_CO_TRY(const std::shared_ptr<const format::IndexRun> run, table.load(scope, ref));
    for (const format::FramePlace& frame : run->frames()) {
      at = std::max(at, frame.offset + frame.encoded);
      loaded.open_stored += frame.encoded;
    }
    if (!run->closed()) continue;
    AFI_CO_TRY(format::PointRecord record, read_point(scope, table, number, at));
    AFI_CO_STATUS(check_follows(record, identity, before));
    if (record.sequence != run->sequence())
      co_return damaged_segment(number, "its index names other points than stand in it");
    JournalPoint point{.record = std::move(record), .digest = {}, .segment = number, .offset = at};
    point.digest = point.record.digest();
    point.stored = loaded.open_stored + ByteCount(std::uint64_t{point.record.encoded_size()});
    at = point.end();
    before = point.position();
    loaded.open_stored = ByteCount{};
    loaded.points.push_back(std::move(point));
  }
  co_return loaded;
}

namespace {

// Takes the records of a scan, one after the other.
class ScanTaker {
 public:
  ScanTaker(ScannedSegment& into, SegmentNumber number, std::size_t disks, EpochStart epoch_start)
      : into_(into), number_(number), disks_(disks), began_sealed_(epoch_start == EpochStart::sealed) {}

  void take(const format::ScanRecord& record) {
    if (record.label == format::RecordLabel::index) {
      if (index_begin_ == ByteOffset{}) index_begin_ = record.offset;
      return;
    }
    records_end_ = record.offset;
    if (into_.unplaced) return;
    if (record.after_damage && record.offset > into_.builder.size()) take_gap(record);
    if (record.frame) take_frame(*record.frame, record);
    if (record.point) take_point(*record.point, record);
  }

  // Bad bytes between records were content, and so were those behind the last one unless the index begins there.
  [[nodiscard]] bool has_lost_content(const format::ScanOutcome& outcome) const {
    for (const format::Damage& damage : outcome.damage) {
      if (damage.offset <= records_end_) continue;
      if (outcome.footer ? damage.offset < outcome.footer->records_end : index_begin_ == ByteOffset{}) return true;
    }
    return lost_track_;
  }

 private:
  // Bytes that cannot be read stand before this record. If they are just a point record, between the last frame of its
  // epoch and the beginning of the next, only that point is lost; else frames may be, and nobody knows of which blocks.
  void take_gap(const format::ScanRecord& record) {
    const std::uint64_t gap = (record.offset - into_.builder.size()).value();
    const bool begins_epoch = record.point || (record.frame && record.frame->identity().number == 0);
    const bool is_point = begins_epoch && gap == format::point_fixed_bytes + disks_ * format::point_disk_bytes + 8;
    if (!into_.builder.skip_to(record.offset)) return;
    if (!is_point) lost_track_ = true;
    into_.ledger.reset();
    into_.open_frames.clear();
    into_.open_stored = ByteCount{};
  }

  void take_frame(const format::FrameView& frame, const format::ScanRecord& record) {
    if (!lost_track_ && !began_sealed_) {
      if (!into_.ledger) into_.ledger.emplace(frame.identity().birth);
      if (!into_.ledger->add(frame)) {
        into_.unplaced = record.offset;
        return;
      }
    }
    if (!into_.builder.append_frame(frame)) {
      into_.unplaced = record.offset;
      return;
    }
    into_.open_stored += ByteCount(std::uint64_t{frame.encoded_size()});
    into_.open_frames.push_back(OpenFrame{.disk = frame.identity().disk,
                                          .segment = number_,
                                          .offset = record.offset,
                                          .bytes = static_cast<std::uint32_t>(frame.encoded_size())});
  }

  void take_point(const format::PointRecord& record, const format::ScanRecord& at) {
    if (!into_.builder.append_point(record)) {
      into_.unplaced = at.offset;
      return;
    }
    JournalPoint point{.record = record, .digest = record.digest(), .segment = number_, .offset = at.offset};
    point.stored = into_.open_stored + ByteCount(std::uint64_t{at.bytes.size()});
    if (lost_track_) {
      point.damage =
          fmt::format("segment {} of the journal cannot be read before byte {}", number_.value(), at.offset.value());
      point.is_readable = false;
    } else if (!began_sealed_) {
      EpochLedger nothing(record.epoch);
      const Status adds_up = (into_.ledger ? *into_.ledger : nothing).close(record);
      if (!adds_up) point.damage = adds_up.error().text();
      point.is_readable = adds_up.has_value();
    }
    began_sealed_ = false;
    into_.ledger.reset();
    into_.open_frames.clear();
    into_.open_stored = ByteCount{};
    into_.points.push_back(std::move(point));
  }

  ScannedSegment& into_;
  SegmentNumber number_;
  std::size_t disks_;       // of the machine
  ByteOffset records_end_;  // offset of the last record seen
  ByteOffset index_begin_;  // of the first part of the index seen
  bool lost_track_ = false;
  bool began_sealed_;  // the epoch of these frames began in sealed segments
};

}  // namespace

io::Task<Result<ScannedSegment>> scan_segment(io::Scope& scope, SegmentTable& table, ScanStart start) {
  const SegmentNumber number = *start.expectation.number;
  const format::JournalPosition before = start.expectation.before;
  AFI_CO_TRY(const ByteCount size, table.size(scope, number));
  ScannedSegment scanned;
  scanned.ledger = std::move(start.ledger);
  scanned.open_stored = start.open_stored;
  format::SegmentHeader header{.kind = format::SegmentKind::stream,
                               .machine = *start.expectation.machine,
                               .lineage = *start.expectation.lineage,
                               .number = number};
  std::array<std::byte, format::segment_header_bytes> first{};
  AFI_CO_TRY(const std::size_t first_count, table.read_some(scope, number, ByteOffset(std::uint64_t{0}), first));
  const auto parsed = format::SegmentHeader::parse(ByteView(first).first(first_count));
  if (parsed && parsed->machine == header.machine && parsed->number == number) header.kind = parsed->kind;
  [[maybe_unused]] const Bytes header_bytes = scanned.builder.begin(header, before);
  ScanTaker taker(scanned, number, start.expectation.disks.size(), start.epoch_start);
  format::SegmentScanner scanner(std::move(start.expectation), size);
  Bytes window;
  while (const auto want = scanner.want()) {
    window.resize(static_cast<std::size_t>(want->bytes.value()));
    AFI_CO_TRY(const std::size_t count, table.read_some(scope, number, want->offset, window));
    scanner.feed(ByteView(window).first(count));
    while (const auto record = scanner.next()) taker.take(*record);
  }
  scanned.outcome = scanner.outcome();
  scanned.has_lost_content = taker.has_lost_content(scanned.outcome);
  co_return scanned;
}

}  // namespace afterimage::replica
