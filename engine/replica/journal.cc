// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/journal.h"

#include <utility>

#include <fmt/format.h>

#include "engine/replica/folder_segments.h"
#include "engine/replica/segment_load.h"
#include "engine/replica/store_files.h"

namespace afterimage::replica {
namespace {

constexpr std::size_t batch_bytes_max = 1024 * 1024;

}  // namespace

Journal::Journal(std::shared_ptr<io::Directory> folder, RunCache& cache, ByteCount segment_bytes,
                 JournalIdentity identity, KnownPoints known)
    : folder_(std::move(folder)),
      segment_bytes_(segment_bytes),
      identity_(std::move(identity)),
      known_(std::move(known)),
      table_(std::make_shared<SegmentTable>(std::make_unique<FolderSegments>(folder_), cache)) {}

io::Task<Result<std::unique_ptr<Journal>>> Journal::open(io::Scope& scope, std::shared_ptr<io::Directory> folder,
                                                         RunCache& cache, ByteCount segment_bytes,
                                                         JournalIdentity identity, KnownPoints known) {
  std::unique_ptr<Journal> journal(
      new Journal(std::move(folder), cache, segment_bytes, std::move(identity), std::move(known)));
  AFI_CO_TRY_STATUS(journal->recover_sealed(scope));
  AFI_CO_TRY_STATUS(journal->recover_tail(scope));
  co_return journal;
}

Head Journal::head() const {
  const JournalPoint* last = last_point();
  return last == nullptr ? Head{} : Head{.sequence = last->record.sequence, .digest = last->digest};
}

ByteCount Journal::bytes() const {
  ByteCount sum = ledger_ ? ledger_->stored() : ByteCount{};
  for (const JournalPoint& point : points_) sum += point.stored;
  return sum;
}

format::JournalPosition Journal::position() const {
  if (!points_.empty()) return points_.back().position();
  return {.closed = {}, .sequence = Sequence{}, .digest = Digest{}};
}

void Journal::begin(Epoch epoch) {
  AFI_CHECK(!ledger_);
  ledger_.emplace(epoch);
}

io::Task<Status> Journal::write_batch(io::Scope& scope, Bytes& batch) {
  if (batch.empty()) co_return Status{};
  AFI_CO_TRY_STATUS(tail_->file->write_at(scope, tail_->written, batch));
  tail_->written += ByteCount(std::uint64_t{batch.size()});
  batch.clear();
  co_return Status{};
}

io::Task<Status> Journal::seal_tail(io::Scope& scope) {
  AFI_CO_RESULT(Bytes footer, tail_->builder.seal());
  const ByteCount size(tail_->builder.size().value());
  AFI_CO_RESULT(std::vector<RunRef> runs, runs_in_footer(tail_->number, footer, size));
  AFI_CO_TRY_STATUS(write_batch(scope, footer));
  AFI_CO_TRY_STATUS(sync_tail(scope));
  table_->set(tail_->number, tail_->file, std::move(runs));
  full_.push_back(tail_->number);
  tail_.reset();
  co_return Status{};
}

bool Journal::has_room(const format::FrameView& frame) const {
  return tail_ && tail_->builder.size().value() < segment_bytes_.value() &&
         tail_->builder.fits(frame.encoded_size(), frame.extents().size());
}

// Seals the tail, if there is one, and begins the next segment; its header waits in `batch`, which must be empty.
io::Task<Status> Journal::roll_over(io::Scope& scope, Bytes& batch) {
  const std::vector<SegmentNumber> numbers = table_->numbers();
  const SegmentNumber number = numbers.empty() ? SegmentNumber(std::uint64_t{1}) : numbers.back().next();
  if (tail_) AFI_CO_TRY_STATUS(seal_tail(scope));
  AFI_CO_TRY(std::unique_ptr<io::File> file, folder_->open_file(scope, staging_name(number), io::OpenMode::create));
  names_unsynced_ = true;
  tail_.emplace(Tail{.number = number, .file = std::move(file), .builder = {}, .written = {}});
  const format::SegmentHeader header{.kind = format::SegmentKind::stream,
                                     .machine = identity_.machine,
                                     .lineage = identity_.lineage,
                                     .number = number};
  batch = tail_->builder.begin(header, position());
  table_->set(number, tail_->file, {});
  co_return Status{};
}

io::Task<Status> Journal::append_all(io::Scope& scope, std::span<const format::FrameView> frames) {
  Bytes batch;
  for (const format::FrameView& frame : frames) {
    AFI_CO_STATUS(ledger_->add(frame));
    if (!has_room(frame)) {
      AFI_CO_TRY_STATUS(write_batch(scope, batch));
      AFI_CO_TRY_STATUS(roll_over(scope, batch));
    }
    if (points_.empty()) {
      first_frames_.push_back(OpenFrame{.disk = frame.identity().disk,
                                        .segment = tail_->number,
                                        .offset = tail_->builder.size(),
                                        .bytes = static_cast<std::uint32_t>(frame.encoded_size())});
    }
    AFI_CO_RESULT(const ByteView bytes, tail_->builder.append_frame(frame));
    batch.insert(batch.end(), bytes.begin(), bytes.end());
    if (batch.size() >= batch_bytes_max) AFI_CO_TRY_STATUS(write_batch(scope, batch));
  }
  auto writing = write_batch(scope, batch);
  co_return co_await writing;
}

io::Task<Status> Journal::append(io::Scope& scope, std::span<const format::FrameView> frames) {
  AFI_CHECK(ledger_ && !spoilt_ && stopped_.empty());
  spoilt_ = true;  // until all of it is in the file
  AFI_CO_TRY_STATUS(append_all(scope, frames));
  spoilt_ = false;
  co_return Status{};
}

io::Task<Status> Journal::sync_tail(io::Scope& scope) {
  auto syncing = tail_->file->sync(scope);
  Status synced = co_await syncing;
  if (!synced)
    stopped_ =
        fmt::format("segment {} of the journal could not be synced: {}", tail_->number.value(), synced.error().text());
  co_return synced;
}

io::Task<Status> Journal::append_point(io::Scope& scope, format::PointRecord& record, JournalPoint& point) {
  Bytes batch;
  if (!tail_ || !tail_->builder.fits_point()) AFI_CO_TRY_STATUS(roll_over(scope, batch));
  point.segment = tail_->number;
  point.offset = tail_->builder.size();
  AFI_CO_RESULT(const Bytes bytes, tail_->builder.append_point(record));
  batch.insert(batch.end(), bytes.begin(), bytes.end());
  AFI_CO_TRY_STATUS(write_batch(scope, batch));
  if (names_unsynced_) {
    auto syncing = folder_->sync(scope);
    Status synced = co_await syncing;
    if (!synced) {
      stopped_ = fmt::format("the folder of the journal could not be synced: {}", synced.error().text());
      co_return synced;
    }
    names_unsynced_ = false;
  }
  auto syncing = sync_tail(scope);
  co_return co_await syncing;
}

io::Task<Status> Journal::commit(io::Scope& scope, format::PointRecord record) {
  AFI_CHECK(ledger_ && !spoilt_ && stopped_.empty());
  spoilt_ = true;  // until the point is durable
  JournalPoint point{.record = {}, .digest = record.digest(), .segment = {}, .offset = {}};
  point.stored = ByteCount(std::uint64_t{record.encoded_size()});
  point.stored += ledger_->stored();
  AFI_CO_STATUS(ledger_->close(record));
  AFI_CO_TRY_STATUS(append_point(scope, record, point));
  point.record = std::move(record);
  known_.points.emplace_back(point.record.sequence, point.digest);
  known_.is_complete = true;
  points_.push_back(std::move(point));
  table_->add_run(tail_->number, pinned_run(tail_->number, tail_->builder.runs().back()));
  ledger_.reset();
  first_frames_.clear();
  spoilt_ = false;
  auto putting = put_full_segments(scope);
  co_await putting;
  co_return Status{};
}

// True when no frame in it waits for a point.
bool Journal::is_committed(SegmentNumber full) const {
  if (!ledger_ || ledger_->frames() == 0) return true;
  return last_point() != nullptr && full < last_point()->segment;
}

// The point is durable: what fails here is done again at the next commit or recovery.
io::Task<void> Journal::put_full_segments(io::Scope& scope) {
  while (!full_.empty() && is_committed(full_.front())) {
    const SegmentNumber number = full_.front();
    auto putting = table_->store().put(scope, number, staging_name(number));
    const Status put = co_await putting;
    if (!put) {
      findings_.push_back(
          fmt::format("segment {} could not be sealed into the store: {}", number.value(), put.error().text()));
      co_return;
    }
    table_->set_sealed(number);
    full_.erase(full_.begin());
    sealed_end_ = number;
    while (sealed_points_ < points_.size() && points_[sealed_points_].segment <= number) ++sealed_points_;
  }
}

io::Task<Status> Journal::drop_unfinished(io::Scope& scope) {
  AFI_CHECK(stopped_.empty());
  if (!ledger_ && !spoilt_) co_return Status{};
  if (ledger_ && ledger_->frames() == 0 && !spoilt_) {
    ledger_.reset();
    co_return Status{};
  }
  const JournalPoint* last = last_point();
  TailDecision decision{.verdict = TailVerdict::unplaced, .segment = sealed_end_.next(), .offset = {}, .reason = {}};
  if (last != nullptr && last->segment > sealed_end_) {
    decision.segment = last->segment;
    decision.offset = last->end();
  }
  spoilt_ = true;  // until the tail was read again
  AFI_CO_TRY_STATUS(cut(scope, decision));
  AFI_CO_TRY_STATUS(recover_tail(scope));
  if (!stopped_.empty()) co_return fail(ErrorCode::io_failed, "drop unfinished frames", stopped_);
  co_return Status{};
}

io::Task<Status> Journal::heal(io::Scope& scope) {
  if (!stopped_.empty()) co_return fail(ErrorCode::io_failed, "heal a journal that has stopped", stopped_);
  if (!spoilt_) co_return Status{};
  // What is behind `written` never was whole; scanning would find that too, but a full disk wants the space back.
  if (tail_) {
    AFI_CO_TRY_STATUS(tail_->file->resize(scope, ByteCount(tail_->written.value())));
    AFI_CO_TRY_STATUS(tail_->file->sync(scope));
  }
  auto recovering = recover_tail(scope);
  co_return co_await recovering;
}

}  // namespace afterimage::replica
