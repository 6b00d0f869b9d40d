// SPDX-License-Identifier: Apache-2.0
// How a journal comes back: sealed segments by their index, staging files by scanning them past the page cache.
// Recovery clears nothing that was acknowledged, cuts only what tail_verdict.h says, and doing it twice is doing it
// once.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/replica/journal.h"
#include "engine/replica/segment_load.h"
#include "engine/replica/store_files.h"
#include "io/durable_file.h"

namespace afterimage::replica {

struct Journal::TailScan {
  std::vector<SegmentNumber> numbers;
  std::vector<std::shared_ptr<io::File>> files;
  std::vector<ByteCount> sizes;
  std::vector<ScannedSegment> segments;
  std::vector<TailSegment> facts;
};

namespace {

constexpr int cuts_max = 4;  // each is followed by a scan that finds nothing more to cut

TailSegment facts_of(SegmentNumber number, const ScannedSegment& scanned) {
  return TailSegment{.number = number,
                     .outcome = scanned.outcome,
                     .points = scanned.points,
                     .unplaced = scanned.unplaced,
                     .has_open_frames = scanned.builder.open_frames() > 0};
}

// The runs of a segment that was scanned. One that is complete has its last run too, which may go on in the next
// segment; sealing the builder makes it.
std::vector<RunRef> pinned_runs(SegmentNumber number, format::RecordLabel end, format::SegmentBuilder& builder) {
  if (end == format::RecordLabel::sealed) {
    [[maybe_unused]] const auto footer = builder.seal();
  }
  std::vector<RunRef> runs;
  runs.reserve(builder.runs().size());
  for (const auto& run : builder.runs()) runs.push_back(pinned_run(number, run));
  return runs;
}

}  // namespace

void Journal::mark_damaged(std::size_t first, const std::string& why) {
  for (std::size_t i = first; i < points_.size(); ++i) {
    if (points_[i].damage.empty()) points_[i].damage = why;
    points_[i].is_readable = false;
  }
}

io::Task<Status> Journal::recover_sealed(io::Scope& scope) {
  AFI_CO_TRY(const std::vector<SegmentNumber> numbers, table_->store().list(scope));
  for (const SegmentNumber number : numbers) {
    if (number != sealed_end_.next() && sealed_damage_.empty()) {
      sealed_damage_ = fmt::format("segment {} of the journal is missing", sealed_end_.next().value());
      stopped_ = sealed_damage_;
    }
    const std::size_t first = points_.size();
    const std::string damage_before = sealed_damage_;
    AFI_CO_TRY_STATUS(load_one_sealed(scope, number));
    if (!damage_before.empty()) mark_damaged(first, damage_before);
    sealed_end_ = number;
  }
  sealed_points_ = points_.size();
  co_return Status{};
}

io::Task<Status> Journal::load_one_sealed(io::Scope& scope, SegmentNumber number) {
  const format::JournalPosition before = sealed_damage_.empty() ? position() : format::JournalPosition{};
  table_->set(number, nullptr, {});
  auto loading = load_sealed(scope, *table_, number, identity_, before, sealed_open_stored_);
  Result<LoadedSegment> loaded = co_await loading;
  if (loaded) {
    table_->set(number, nullptr, std::move(loaded->runs));
    std::ranges::move(loaded->points, std::back_inserter(points_));
    sealed_open_stored_ = loaded->open_stored;
    co_return Status{};
  }
  // Its index or a point record does not verify: the records themselves say what can still be read.
  findings_.push_back(
      fmt::format("segment {} of the journal is read without its index: {}", number.value(), loaded.error().text()));
  format::ScanExpectation expectation;
  expectation.machine = identity_.machine;
  expectation.lineage = identity_.lineage;
  expectation.number = number;
  expectation.kind = format::SegmentKind::stream;
  expectation.disks = identity_.disks;
  expectation.tail = format::TailPromise::durable;
  expectation.before = before;
  ScanStart start{.expectation = std::move(expectation),
                  .ledger = {},
                  .open_stored = sealed_open_stored_,
                  .epoch_start = sealed_open_stored_ != ByteCount{} ? EpochStart::sealed : EpochStart::scanned};
  auto scanning = scan_segment(scope, *table_, std::move(start));
  Result<ScannedSegment> scanned = co_await scanning;
  if (!scanned) {
    sealed_damage_ =
        fmt::format("segment {} of the journal cannot be read: {}", number.value(), scanned.error().text());
    stopped_ = sealed_damage_;
    co_return Status{};
  }
  table_->set(number, nullptr, pinned_runs(number, format::RecordLabel::sealed, scanned->builder));
  std::ranges::move(scanned->points, std::back_inserter(points_));
  sealed_open_stored_ = scanned->open_stored;
  // What was sealed did add up: frames that do not stand beside some that cannot be read.
  if ((scanned->has_lost_content || scanned->unplaced) && sealed_damage_.empty()) {
    sealed_damage_ = fmt::format("segment {} of the journal is damaged", number.value());
    stopped_ = sealed_damage_;
  }
  co_return Status{};
}

io::Task<Result<Journal::TailScan>> Journal::scan_tail(io::Scope& scope) {
  TailScan scan;
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, folder_->list(scope));
  for (const io::DirectoryEntry& entry : entries) {
    const auto number = parse_segment_name(entry.name, staging_suffix);
    if (!number) continue;
    if (*number <= sealed_end_) {
      findings_.push_back(fmt::format("{} is left over: the segment is sealed", entry.name));
      continue;
    }
    AFI_CO_TRY(std::unique_ptr<io::File> file, folder_->open_file(scope, entry.name, io::OpenMode::write));
    AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
    // What is found here will be believed, so it is made durable first; and what a failed sync once left in the cache
    // is not what the device holds, so it is read from there.
    AFI_CO_TRY_STATUS(file->sync(scope));
    const io::FileRange all{.offset = ByteOffset(std::uint64_t{0}), .size = facts.size};
    if (facts.size.value() > 0) AFI_CO_TRY_STATUS(file->drop_cache(scope, all));
    scan.numbers.push_back(*number);
    scan.sizes.push_back(facts.size);
    scan.files.push_back(std::move(file));
    table_->set(*number, scan.files.back(), {});
  }
  if (!scan.files.empty()) AFI_CO_TRY_STATUS(folder_->sync(scope));
  AFI_CO_TRY_STATUS(scan_pass(scope, scan, known_.newest()));
  const bool has_damage =
      std::ranges::any_of(scan.facts, [](const TailSegment& facts) { return !facts.outcome.damage.empty(); });
  // Damage is judged again with all that the first pass has shown to be acknowledged.
  if (has_damage) {
    const Sequence mark = acknowledged_mark(points_, scan.facts, known_);
    AFI_CO_TRY_STATUS(scan_pass(scope, scan, mark));
  }
  co_return scan;
}

// Scans each staging file, with what is known of points up to `mark`. Which segment holds the mark is taken from the
// pass before, if there was one.
io::Task<Status> Journal::scan_pass(io::Scope& scope, TailScan& scan, Sequence mark) {
  std::optional<std::size_t> mark_index;
  for (std::size_t i = 0; i < scan.facts.size(); ++i) {
    for (const JournalPoint& point : scan.facts[i].points) {
      if (point.record.sequence <= mark) mark_index = i;
    }
  }
  const bool is_first_pass = scan.facts.empty();
  bool has_point = false;
  scan.segments.clear();
  scan.facts.clear();
  std::optional<EpochLedger> ledger;
  ByteCount open_stored = sealed_open_stored_;
  format::JournalPosition before = sealed_damage_.empty() ? position() : format::JournalPosition{};
  for (std::size_t i = 0; i < scan.numbers.size(); ++i) {
    format::ScanExpectation expectation;
    expectation.machine = identity_.machine;
    expectation.lineage = identity_.lineage;
    expectation.number = scan.numbers[i];
    expectation.kind = format::SegmentKind::stream;
    expectation.disks = identity_.disks;
    expectation.before = before;
    if (known_.is_complete) expectation.tail = format::TailPromise::unacknowledged;
    const bool may_hold_mark = is_first_pass ? i + 1 == scan.numbers.size() : (!mark_index || i >= *mark_index);
    if (may_hold_mark && mark != Sequence{}) expectation.durable = mark;
    if (!is_first_pass && mark_index && i < *mark_index) expectation.tail = format::TailPromise::durable;
    if (is_first_pass) expectation.tail = format::TailPromise::unknown;
    const bool began_sealed = sealed_open_stored_ != ByteCount{} && !has_point;
    ScanStart start{.expectation = std::move(expectation),
                    .ledger = std::move(ledger),
                    .open_stored = open_stored,
                    .epoch_start = began_sealed ? EpochStart::sealed : EpochStart::scanned};
    AFI_CO_TRY(ScannedSegment scanned, scan_segment(scope, *table_, std::move(start)));
    ledger = std::move(scanned.ledger);
    open_stored = scanned.open_stored;
    has_point = has_point || !scanned.points.empty();
    if (!scanned.points.empty()) before = scanned.points.back().position();
    scan.facts.push_back(facts_of(scan.numbers[i], scanned));
    scan.segments.push_back(std::move(scanned));
  }
  if (!scan.segments.empty()) scan.segments.back().ledger = std::move(ledger);
  co_return Status{};
}

io::Task<Status> Journal::measure_sealed_end(io::Scope& scope) {
  sealed_open_stored_ = ByteCount{};
  for (std::uint64_t number = sealed_end_.value(); number > 0; --number) {
    const std::vector<RunRef> runs = table_->runs_of(SegmentNumber(number));
    if (runs.empty() || runs.back().place.sequence != Sequence{}) co_return Status{};
    AFI_CO_TRY(const std::shared_ptr<const format::IndexRun> run, table_->load(scope, runs.back()));
    for (const format::FramePlace& frame : run->frames()) sealed_open_stored_ += frame.encoded;
    if (runs.size() > 1) co_return Status{};
  }
  co_return Status{};
}

// Where it cannot be read, what was known stays known, points and what they are made of: nobody must be told of an
// older head because of that.
io::Task<Status> Journal::recover_tail(io::Scope& scope) {
  const std::vector<JournalPoint> known = points_;
  const SegmentNumber first = sealed_end_.next();
  SegmentTable::Segments segments = table_->from(first);
  auto reading = read_tail(scope);
  Status read = co_await reading;
  if (!read) {
    points_ = known;
    table_->put_back(first, std::move(segments));
  }
  co_return read;
}

io::Task<Status> Journal::read_tail(io::Scope& scope) {
  AFI_CO_TRY_STATUS(measure_sealed_end(scope));
  for (int attempt = 0; attempt < cuts_max; ++attempt) {
    points_.resize(sealed_points_);
    AFI_CO_TRY(TailScan scan, scan_tail(scope));
    const TailDecision decision = decide_tail(
        {.end = sealed_end_, .has_open_frames = sealed_open_stored_ != ByteCount{}}, points_, scan.facts, known_);
    switch (decision.verdict) {
      case TailVerdict::clean:
      case TailVerdict::resumable:
        install(std::move(scan), stopped_.empty());
        if (stopped_.empty()) {
          auto putting = put_full_segments(scope);
          co_await putting;
        }
        co_return Status{};
      case TailVerdict::gap:
      case TailVerdict::foreign:
      case TailVerdict::unsupported:
      case TailVerdict::rolled_back:
      case TailVerdict::forked:
      case TailVerdict::rot:
        if (stopped_.empty()) stopped_ = decision.reason;
        findings_.push_back(fmt::format("{}: {}", name_of(decision.verdict), decision.reason));
        install(std::move(scan), false);
        co_return Status{};
      case TailVerdict::torn:
      case TailVerdict::unplaced: break;
    }
    if (!stopped_.empty()) {  // sealed segments are missing: nothing is changed any more
      install(std::move(scan), false);
      co_return Status{};
    }
    findings_.push_back(fmt::format("{}: {}", name_of(decision.verdict), decision.reason));
    AFI_CO_TRY_STATUS(cut(scope, decision));
  }
  co_return fail(ErrorCode::internal, "recover a journal", "the tail of a journal could not be cut to whole records");
}

// Cuts segment decision.segment at decision.offset and removes every staging file behind it; durable. What is cut off
// goes before the names behind it, so that a cut of power in between leaves a tail that is cut again.
io::Task<Status> Journal::cut(io::Scope& scope, const TailDecision& decision) {
  AFI_CHECK(decision.segment > sealed_end_);
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, folder_->list(scope));
  tail_.reset();
  full_.clear();
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const auto number = parse_segment_name(entry->name, staging_suffix);
    if (!number || *number < decision.segment) continue;
    if (*number > decision.segment || decision.offset == ByteOffset{}) {
      AFI_CO_TRY_STATUS(folder_->remove_file(scope, entry->name));
      continue;
    }
    AFI_CO_TRY(const std::unique_ptr<io::File> file, folder_->open_file(scope, entry->name, io::OpenMode::write));
    AFI_CO_TRY_STATUS(file->resize(scope, ByteCount(decision.offset.value())));
    AFI_CO_TRY_STATUS(file->sync(scope));
  }
  auto syncing = folder_->sync(scope);
  co_return co_await syncing;
}

void Journal::install(TailScan scan, bool may_append) {
  tail_.reset();
  full_.clear();
  ledger_.reset();
  first_frames_.clear();
  spoilt_ = false;
  names_unsynced_ = false;
  const std::size_t count = scan.segments.size();
  std::string damage = sealed_damage_;
  for (std::size_t i = 0; i < count; ++i) {
    ScannedSegment& segment = scan.segments[i];
    const SegmentNumber number = scan.numbers[i];
    table_->set(number, scan.files[i], pinned_runs(number, segment.outcome.end, segment.builder));
    const std::size_t first = points_.size();
    std::ranges::move(segment.points, std::back_inserter(points_));
    if (!damage.empty()) mark_damaged(first, damage);
    if (damage.empty() && segment.has_lost_content)
      damage = fmt::format("segment {} of the journal is damaged", number.value());
    if (!may_append) continue;
    if (points_.empty()) std::ranges::move(segment.open_frames, std::back_inserter(first_frames_));
    if (segment.outcome.end == format::RecordLabel::sealed) {
      full_.push_back(number);
    } else {
      tail_.emplace(Tail{.number = number,
                         .file = scan.files[i],
                         .builder = std::move(segment.builder),
                         .written = ByteOffset(scan.sizes[i].value())});
    }
    if (i + 1 == count) ledger_ = std::move(segment.ledger);
  }
  const std::vector<SegmentNumber> numbers = table_->numbers();
  if (!numbers.empty()) {
    const SegmentNumber last = count == 0 ? sealed_end_ : scan.numbers.back();
    table_->cut_from(last.next());
  }
}

}  // namespace afterimage::replica
