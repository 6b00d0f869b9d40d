// SPDX-License-Identifier: Apache-2.0
// Segments read from their first byte to the last: records, their content, what they add up to, and the index and
// trailer against those that the records make.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/format/segment.h"
#include "engine/format/segment_scanner.h"
#include "engine/replica/segment_load.h"
#include "engine/replica/verifier.h"
#include "io/base/limits.h"

namespace afterimage::replica {

struct Verifier::Segment {
  SegmentNumber number;
  ByteCount limit;           // what of the file is to be read
  bool is_complete = false;  // it has an index and a trailer
  format::SegmentScanner scanner;
  format::SegmentBuilder builder;
  bool is_whole = true;  // nothing was damaged: the builder holds all of it
};

io::Task<Status> Verifier::report_range(SegmentNumber number, ByteOffset offset, ByteOffset end, std::string what) {
  const auto overlaps = [&](ByteOffset from, ByteCount size) { return from < end && from + size > offset; };
  bool is_named = false;
  std::pair<Sequence, Sequence> of_segment;
  for (const PointRuns& point : added_) {
    for (const RunRef& ref : point.runs) {
      if (ref.segment != number) continue;
      if (of_segment.first == Sequence{}) of_segment.first = point.sequence;
      of_segment.second = point.sequence;
      auto loading = table_->load(scope_, ref);
      const auto run = co_await loading;
      if (!run) continue;
      for (const format::RunDisk& disk : (*run)->disks()) {
        std::vector<Extent> extents;
        for (const format::IndexEntry& entry : (*run)->entries(disk.disk)) {
          const format::FramePlace& frame = (*run)->frame_of(entry);
          if (overlaps(frame.offset, frame.encoded)) extents.push_back(entry.extent);
        }
        is_named = is_named || !extents.empty();
        AFI_CO_TRY_STATUS(report_extents(disk.disk, std::move(extents), point.sequence, what));
      }
    }
  }
  for (const JournalPoint& point : points_) {
    if (point.segment != number || !overlaps(point.offset, ByteCount(std::uint64_t{point.record.encoded_size()})))
      continue;
    is_named = true;
    report(DamagedPlace{.disk = {},
                        .extent = {},
                        .first_point = point.record.sequence,
                        .last_point = point.record.sequence,
                        .what = what + " (the point's record)"});
  }
  if (is_named) co_return Status{};
  // Header, index or trailer: the points stay readable, but what leads to them is damaged.
  const DamagedPlace place{.disk = {},
                           .extent = {},
                           .first_point = of_segment.first,
                           .last_point = of_segment.second,
                           .what = what + " (header, index or trailer)"};
  if (outcome_.damage.size() < damage_places_max) outcome_.damage.push_back(place);
  co_return Status{};
}

void Verifier::take_point(Segment& segment, const format::PointRecord& record) {
  const auto point =
      std::ranges::find(points_, record.sequence, [](const JournalPoint& other) { return other.record.sequence; });
  const auto damage = [&](std::string what) {
    report(DamagedPlace{.disk = {},
                        .extent = {},
                        .first_point = record.sequence,
                        .last_point = record.sequence,
                        .what = std::move(what)});
  };
  if (point == points_.end() || point->digest != record.digest()) {
    damage(fmt::format("segment {}: point {} is not the one that was acknowledged", segment.number.value(),
                       record.sequence.value()));
  } else if (epoch_is_whole_) {
    EpochLedger nothing(record.epoch);
    const Status adds_up = (ledger_ ? *ledger_ : nothing).close(record);
    if (!adds_up) damage(fmt::format("segment {}: {}", segment.number.value(), adds_up.error().text()));
  }
  position_ = {.closed = record.epoch, .sequence = record.sequence, .digest = record.digest()};
  ledger_.reset();
  epoch_is_whole_ = true;
}

// Takes the records of one window; their content is proven before the window goes.
io::Task<Status> Verifier::take_window(Segment& segment, ByteView window) {
  std::vector<format::ScanRecord> records;
  segment.scanner.feed(window);
  while (auto record = segment.scanner.next()) records.push_back(std::move(*record));
  std::vector<const format::FrameView*> frames;
  for (const format::ScanRecord& record : records) {
    if (record.frame) frames.push_back(&*record.frame);
  }
  auto checking = checker_.check(frames, machine_->hashers());
  const std::vector<Status> checked = co_await checking;
  std::size_t next = 0;
  for (const format::ScanRecord& record : records) {
    if (record.after_damage && segment.is_whole) {
      segment.is_whole = false;
      epoch_is_whole_ = false;
    }
    if (record.frame) {
      const Status& frame = checked[next++];
      if (!frame) {
        epoch_is_whole_ = false;
        const std::string what = fmt::format("segment {}: {}", segment.number.value(), frame.error().text());
        AFI_CO_TRY_STATUS(report_range(segment.number, record.offset,
                                       record.offset + ByteCount(std::uint64_t{record.bytes.size()}), what));
      }
      if (!ledger_) ledger_.emplace(record.frame->identity().birth);
      if (epoch_is_whole_ && !ledger_->add(*record.frame)) epoch_is_whole_ = false;
      if (segment.is_whole && !segment.builder.append_frame(*record.frame)) segment.is_whole = false;
    }
    if (record.point) {
      if (segment.is_whole && !segment.builder.append_point(*record.point)) segment.is_whole = false;
      take_point(segment, *record.point);
    }
  }
  co_return Status{};
}

// Index and trailer are what the records make of them, to the last byte.
io::Task<Status> Verifier::compare_footer(Segment& segment) {
  const ByteOffset start = segment.builder.size();
  AFI_CO_RESULT(const Bytes expected, segment.builder.seal());
  bool is_same = start.value() + expected.size() == segment.limit.value();
  if (is_same) {
    Bytes found(expected.size());
    AFI_CO_TRY_STATUS(table_->read(scope_, segment.number, start, found));
    is_same = found == expected;
  }
  if (is_same) co_return Status{};
  auto reporting =
      report_range(segment.number, start, ByteOffset(segment.limit.value()),
                   fmt::format("segment {}: its index is not that of its records", segment.number.value()));
  co_return co_await reporting;
}

io::Task<Status> Verifier::read_segment(Segment& segment) {
  Bytes window;
  while (const auto want = segment.scanner.want()) {
    AFI_CO_STATUS(scope_.check());
    const std::uint64_t rest = segment.limit.value() - std::min(segment.limit.value(), want->offset.value());
    window.resize(static_cast<std::size_t>(std::min(want->bytes.value(), rest)));
    auto reading = table_->read_some(scope_, segment.number, want->offset, window);
    const auto count = co_await reading;
    if (!count && count.error().code == ErrorCode::cancelled) co_return std::unexpected(count.error());
    if (!count) {
      auto reporting =
          report_range(segment.number, want->offset, ByteOffset(segment.limit.value()), count.error().text());
      co_return co_await reporting;
    }
    AFI_CO_TRY_STATUS(take_window(segment, ByteView(window).first(*count)));
    advance(*count);
  }
  co_return Status{};
}

io::Task<Status> Verifier::verify_segment(SegmentNumber number) {
  const JournalPoint& last = points_.back();
  AFI_CO_TRY(const ByteCount size, table_->size(scope_, number));
  AFI_CO_TRY_STATUS(table_->drop_cache(scope_, number));
  const std::vector<RunRef>& runs = table_->runs_of(number);
  const bool is_indexed = !runs.empty() && runs.front().pinned == nullptr;
  const bool is_complete = is_indexed || !table_->is_staged(number);
  // Behind the last point of the newest staging file stands what belongs to no point yet.
  const ByteCount limit = is_complete || number != last.segment ? size : ByteCount(last.end().value());
  const JournalIdentity& identity = journal_->identity();
  format::ScanExpectation expectation;
  expectation.machine = identity.machine;
  expectation.lineage = identity.lineage;
  expectation.number = number;
  expectation.kind = format::SegmentKind::stream;
  expectation.disks = identity.disks;
  expectation.before = position_;
  expectation.tail = format::TailPromise::durable;
  Segment segment{.number = number,
                  .limit = limit,
                  .is_complete = is_complete,
                  .scanner = format::SegmentScanner(std::move(expectation), limit),
                  .builder = {}};
  const format::SegmentHeader header{
      .kind = format::SegmentKind::stream, .machine = identity.machine, .lineage = identity.lineage, .number = number};
  [[maybe_unused]] const Bytes header_bytes = segment.builder.begin(header, position_);
  const std::size_t found_before = outcome_.damage.size();
  AFI_CO_TRY_STATUS(read_segment(segment));
  if (segment.scanner.want()) co_return Status{};  // it could not be read to its end, and that was said
  const format::ScanOutcome& outcome = segment.scanner.outcome();
  for (const format::Damage& damage : outcome.damage) {
    AFI_CO_TRY_STATUS(report_range(number, damage.offset, damage.end,
                                   fmt::format("segment {}: bytes {} to {} do not verify", number.value(),
                                               damage.offset.value(), damage.end.value())));
  }
  const bool ends_well = outcome.end == (is_complete ? format::RecordLabel::sealed : format::RecordLabel::end_of_data);
  if (!ends_well && outcome_.damage.size() == found_before) {
    AFI_CO_TRY_STATUS(report_range(number, outcome.good_end, ByteOffset(limit.value()),
                                   fmt::format("segment {} ends as {}", number.value(), name_of(outcome.end))));
  }
  if (!outcome.damage.empty()) segment.is_whole = false;
  if (!is_complete || !segment.is_whole || !ends_well) co_return Status{};
  auto comparing = compare_footer(segment);
  co_return co_await comparing;
}

io::Task<Status> Verifier::verify_journal() {
  if (points_.empty()) co_return Status{};
  position_ = {.closed = {}, .sequence = Sequence{}, .digest = Digest{}};
  for (const SegmentNumber number : table_->numbers()) {
    if (number > points_.back().segment) break;
    AFI_CO_TRY_STATUS(verify_segment(number));
  }
  co_return Status{};
}

}  // namespace afterimage::replica
