// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/verify.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/format/extent_set.h"
#include "engine/replica/verifier.h"

namespace afterimage::replica {
namespace {

constexpr std::uint64_t view_window_bytes = 1024 * 1024;

}  // namespace

Verifier::Verifier(io::Scope& scope, std::shared_ptr<Machine> machine, Progress* progress)
    : scope_(scope),
      machine_(std::move(machine)),
      progress_(progress),
      checker_(machine_->context().platform.reactor, machine_->context().platform.workers) {}

void Verifier::advance(std::uint64_t bytes) {
  done_ += bytes;
  outcome_.bytes_read += ByteCount(bytes);
  if (progress_ != nullptr) progress_->advance("verifying", std::min(done_, total_), total_);
}

void Verifier::report(DamagedPlace place) {
  for (const JournalPoint& point : points_) {
    const Sequence sequence = point.record.sequence;
    if (sequence < place.first_point || sequence > place.last_point) continue;
    damaged_.try_emplace(sequence, place.what);
  }
  if (outcome_.damage.size() < damage_places_max) outcome_.damage.push_back(std::move(place));
}

io::Task<Status> Verifier::take_snapshot() {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, machine_->lock().acquire(scope_));
  journal_ = machine_->journal();
  base_ = machine_->base();
  if (journal_ == nullptr || base_ == nullptr) {
    co_return fail(ErrorCode::refused, "verify a machine",
                   fmt::format("machine {} has nothing that can be read: {}", machine_->description().name,
                               machine_->stop_reason()));
  }
  table_ = journal_->table();
  points_ = journal_->points();
  if (points_.empty()) co_return Status{};
  added_.emplace_back();
  for (RunRef& run : table_->runs_up_to(points_.back().record.sequence)) {
    const Sequence closes = run.place.sequence;
    added_.back().runs.push_back(std::move(run));
    if (closes == Sequence{}) continue;
    added_.back().sequence = closes;
    added_.emplace_back();
  }
  added_.pop_back();
  AFI_CO_TRY(const ByteCount base_bytes, base_->allocated(scope_));
  total_ = base_bytes.value() + journal_->bytes().value();
  co_return Status{};
}

io::Task<Result<std::pair<Sequence, Sequence>>> Verifier::readers_of(DiskId disk, Extent extent,
                                                                     std::optional<Sequence> written_by) {
  format::ExtentSet live;
  live.add(extent);
  std::pair<Sequence, Sequence> readers;
  for (const PointRuns& point : added_) {
    if (written_by && point.sequence < *written_by) continue;
    if (!written_by || point.sequence > *written_by) {
      for (const RunRef& ref : point.runs) {
        auto loading = table_->load(scope_, ref);
        const auto run = co_await loading;
        if (!run) continue;  // its own damage is reported where it is found
        for (const format::IndexEntry& entry : (*run)->lookup(disk, extent)) live.remove(entry.extent);
      }
    }
    if (live.empty()) break;
    if (readers.first == Sequence{}) readers.first = point.sequence;
    readers.second = point.sequence;
  }
  co_return readers;
}

io::Task<Status> Verifier::report_extents(DiskId disk, std::vector<Extent> extents, std::optional<Sequence> written_by,
                                          std::string what) {
  for (const Extent& extent : extents) {
    AFI_CO_TRY(const auto readers, readers_of(disk, extent, written_by));
    report(DamagedPlace{
        .disk = disk, .extent = extent, .first_point = readers.first, .last_point = readers.second, .what = what});
  }
  co_return Status{};
}

// One point: every block that a view of it gives, and its record.
io::Task<Status> Verifier::verify_one_point(Sequence sequence) {
  const auto point =
      std::ranges::find(points_, sequence, [](const JournalPoint& other) { return other.record.sequence; });
  if (point == points_.end()) {
    co_return fail(ErrorCode::not_found, "verify a point",
                   fmt::format("the machine has no point {}", sequence.value()));
  }
  const auto place = [&](std::optional<DiskId> disk, std::optional<Extent> extent, std::string what) {
    return DamagedPlace{
        .disk = disk, .extent = extent, .first_point = sequence, .last_point = sequence, .what = std::move(what)};
  };
  AFI_CO_TRY_STATUS(base_->drop_cache(scope_));
  for (const SegmentNumber number : table_->numbers()) {
    if (number <= point->segment) AFI_CO_TRY_STATUS(table_->drop_cache(scope_, number));
  }
  Bytes record(point->record.encoded_size());
  auto reading = table_->read(scope_, point->segment, point->offset, record);
  const Status read = co_await reading;
  const auto parsed =
      read ? format::PointRecord::parse(record) : Result<format::PointRecord>(std::unexpected(read.error()));
  if (!parsed || parsed->digest() != point->digest) report(place({}, {}, "its record does not verify"));
  for (const DiskDescription& disk : machine_->description().disks) {
    auto viewing = machine_->view(scope_, sequence, disk.id);
    auto view = co_await viewing;
    if (!view) {
      report(place(disk.id, {}, view.error().text()));
      continue;
    }
    const std::uint64_t size = (*view)->size().value();
    Bytes window;
    for (std::uint64_t at = 0; at < size;) {
      AFI_CO_STATUS(scope_.check());
      AFI_CO_TRY(const std::optional<io::FileRange> data, (*view)->next_data(scope_, ByteOffset(at)));
      if (!data) break;
      at = offset_of(block_at(ByteOffset(std::max(at, data->offset.value())))).value();
      window.resize(static_cast<std::size_t>(std::min(view_window_bytes, size - at)));
      auto whole = (*view)->read(scope_, ByteOffset(at), window);
      const bool is_fine = (co_await whole).has_value();
      for (std::uint64_t part = 0; !is_fine && part < window.size(); part += block_size) {
        const MutableBytes block = MutableBytes(window).subspan(static_cast<std::size_t>(part));
        auto one =
            (*view)->read(scope_, ByteOffset(at + part), block.first(std::min<std::size_t>(block.size(), block_size)));
        const Status status = co_await one;
        const Extent extent{.first = block_at(ByteOffset(at + part)), .count = BlockCount(std::uint64_t{1})};
        if (!status) report(place(disk.id, extent, status.error().text()));
      }
      advance(window.size());
      at += window.size();
    }
  }
  co_return Status{};
}

io::Task<Result<VerifyOutcome>> Verifier::conclude(std::optional<Sequence> only) {
  std::vector<catalogue::PointRow> rows;
  const WallTime now = machine_->context().platform.clock.now();
  for (catalogue::PointRow& row : machine_->points()) {
    const auto point =
        std::ranges::find(points_, row.sequence, [](const JournalPoint& other) { return other.record.sequence; });
    const bool is_lost = std::ranges::find(machine_->lost_points(), row.sequence, &catalogue::PointRow::sequence) !=
                         machine_->lost_points().end();
    if ((only && row.sequence != *only) || (point == points_.end() && !is_lost)) continue;
    const bool is_unreadable = is_lost || !point->is_readable;
    if (is_unreadable && !damaged_.contains(row.sequence)) {
      report(DamagedPlace{
          .disk = {}, .extent = {}, .first_point = row.sequence, .last_point = row.sequence, .what = row.damage});
      damaged_.try_emplace(row.sequence, row.damage);
    }
    const auto damage = damaged_.find(row.sequence);
    if (damage == damaged_.end()) {
      row.verified_at = now;
      row.damage.clear();
      ++outcome_.points_verified;
    } else {
      row.damage = damage->second;
      ++outcome_.points_damaged;
    }
    rows.push_back(std::move(row));
  }
  AFI_CO_TRY_STATUS(machine_->note_verified(scope_, rows));
  co_return std::move(outcome_);
}

io::Task<Result<VerifyOutcome>> verify(io::Scope& scope, std::shared_ptr<Machine> machine,
                                       std::optional<Sequence> point, Progress* progress) {
  Verifier verifier(scope, std::move(machine), progress);
  AFI_CO_TRY_STATUS(verifier.take_snapshot());
  if (point) {
    AFI_CO_TRY_STATUS(verifier.verify_one_point(*point));
  } else {
    AFI_CO_TRY_STATUS(verifier.verify_bases());
    AFI_CO_TRY_STATUS(verifier.verify_journal());
  }
  auto concluding = verifier.conclude(point);
  co_return co_await concluding;
}

}  // namespace afterimage::replica
