// SPDX-License-Identifier: Apache-2.0
// How a machine comes back from its devices, at a start and after a stop. The same way both times: what a failed sync
// left in the page cache is not what the devices hold, so recovery makes durable what it believes and reads past it.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/replica/machine.h"
#include "io/write_probe.h"

namespace afterimage::replica {

// What was known of the machine's points before its journal was read.
struct Machine::KnownRows {
  bool has_machine = false;               // the catalogue knows the machine
  std::vector<catalogue::PointRow> rows;  // ascending: the catalogue's, and those that it could not be told
  std::set<Sequence> catalogued;          // of these the catalogue's
};

namespace {

std::size_t readable_points(const Journal* journal, const Base* base) {
  if (journal == nullptr || base == nullptr) return 0;
  return static_cast<std::size_t>(
      std::ranges::count_if(journal->points(), [](const JournalPoint& point) { return point.is_readable; }));
}

}  // namespace

io::Task<Status> Machine::recover() {
  AFI_CO_TRY(const std::vector<catalogue::MachineRow> machines, context_.catalogue.machines(scope_));
  KnownRows known;
  known.has_machine = std::ranges::find(machines, description().id, &catalogue::MachineRow::id) != machines.end();
  AFI_CO_TRY(known.rows, context_.catalogue.points(scope_, description().id));
  for (const catalogue::PointRow& row : known.rows) known.catalogued.insert(row.sequence);
  if (journal_) {
    for (const JournalPoint& point : journal_->points()) {
      if (known.catalogued.contains(point.record.sequence)) continue;
      known.rows.push_back(row_of(point));
      known.rows.back().damage.clear();  // what an earlier reading met may be over
    }
    std::ranges::sort(known.rows, {}, &catalogue::PointRow::sequence);
  }
  Parts parts;
  auto recovering = recover_parts(known, parts);
  const Status recovered = co_await recovering;
  if (!recovered) {
    if (recovered.error().code == ErrorCode::cancelled) co_return recovered;
    if (parts.stop_reason.empty()) parts.stop_reason = recovered.error().text();
  }
  recovery_failure_ = recovered ? std::nullopt : std::optional(recovered.error());
  install(std::move(parts));
  auto catching_up = catch_up_catalogue(known);
  co_return co_await catching_up;
}

io::Task<Status> Machine::recover_parts(const KnownRows& known, Parts& parts) {
  KnownPoints points{.is_complete = known.has_machine, .points = {}};
  for (const catalogue::PointRow& row : known.rows) points.points.emplace_back(row.sequence, row.digest);
  JournalIdentity identity{.machine = description().id, .lineage = description().lineage, .disks = {}};
  for (const DiskDescription& disk : description().disks) identity.disks.push_back(disk.id);
  AFI_CO_TRY(std::unique_ptr<io::Directory> folder, folder_->make_directory(scope_, journal_folder_name));
  AFI_CO_TRY(parts.journal, Journal::open(scope_, std::move(folder), context_.runs, context_.segment_bytes,
                                          std::move(identity), std::move(points)));
  parts.stop_reason = parts.journal->stopped();
  if (!parts.journal->points().empty() || !known.rows.empty()) {
    AFI_CO_TRY(parts.base, Base::open(scope_, folder_, description(), context_.sizes.checkpoint));
  } else {
    AFI_CO_TRY(parts.base, Base::open_staging(scope_, folder_, description(), context_.sizes.checkpoint));
    // A first cycle whose seed is gone closes nothing.
    if (!parts.base->staged() && parts.journal->stopped().empty())
      AFI_CO_TRY_STATUS(parts.journal->drop_unfinished(scope_));
  }
  co_return Status{};
}

// What cannot go on is worth having only where it reads more than what was there before.
void Machine::install(Parts parts) {
  const std::size_t before = readable_points(journal_.get(), base_.get());
  if (parts.stop_reason.empty() || before == 0 || readable_points(parts.journal.get(), parts.base.get()) > before) {
    journal_ = std::move(parts.journal);
    base_ = std::move(parts.base);
  }
  if (parts.stop_reason.empty()) {
    stop_reason_.clear();
  } else if (stop_reason_.empty()) {
    stop(std::move(parts.stop_reason));
  } else {
    stop_reason_ = std::move(parts.stop_reason);
  }
}

// The index learns what the journal has and it has not; what it knows beyond the journal is kept as lost points.
io::Task<Status> Machine::catch_up_catalogue(const KnownRows& known) {
  if (!known.has_machine) {
    AFI_CO_TRY_STATUS(context_.catalogue.put_machine(
        scope_,
        catalogue::MachineRow{
            .id = description().id, .name = description().name, .owner = file_.owner, .store = context_.store}));
  }
  lost_points_.clear();
  std::vector<JournalPoint> none;
  std::vector<JournalPoint>& points = journal_ ? journal_->points() : none;
  for (const catalogue::PointRow& row : known.rows) {
    const auto here =
        std::ranges::find(points, row.sequence, [](const JournalPoint& point) { return point.record.sequence; });
    if (here == points.end()) {
      lost_points_.push_back(row);
      lost_points_.back().damage = row.damage.empty() ? "its record in the journal cannot be read" : row.damage;
      continue;
    }
    here->verified_at = row.verified_at;
    if (here->damage.empty()) here->damage = row.damage;
  }
  unindexed_.clear();
  for (const JournalPoint& point : points) {
    if (!known.catalogued.contains(point.record.sequence)) unindexed_.insert(point.record.sequence);
  }
  auto indexing = index_points();
  co_await indexing;
  co_return Status{};
}

io::Task<void> Machine::index_points() {
  std::vector<catalogue::PointRow> rows;
  if (journal_) {
    for (const JournalPoint& point : journal_->points()) {
      if (unindexed_.contains(point.record.sequence)) rows.push_back(row_of(point));
    }
  }
  Status put;
  if (!rows.empty()) {
    auto putting = context_.catalogue.put_points(scope_, std::move(rows));
    put = co_await putting;
  }
  if (put) {
    unindexed_.clear();
    index_failure_.clear();
    co_return;
  }
  const MonotonicTime now = context_.platform.reactor.now();
  if (index_failure_.empty()) {
    index_retry_.begin(now);
    context_.trouble.set();
  } else {
    index_retry_.note_failed(now, context_.platform.clock.now());
  }
  index_failure_ = put.error().text();
}

io::Task<void> Machine::index_again(io::Scope& scope) {
  auto acquiring = lock_.acquire(scope);
  const auto guard = co_await acquiring;
  if (!guard || is_retired_ || index_failure_.empty()) co_return;
  auto indexing = index_points();
  co_await indexing;
}

io::Task<Status> Machine::reopen(io::Scope& scope) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, lock_.acquire(scope));
  if (stop_reason_.empty()) co_return Status{};
  if (is_retired_) co_return fail(ErrorCode::refused, "reopen a machine", stop_reason_);
  auto reopening = reopen_now();
  const Status reopened = co_await reopening;
  if (!reopened && reopened.error().code != ErrorCode::cancelled && stop_reason_.empty()) stop(reopened.error().text());
  if (!reopened) retry_.note_failed(context_.platform.reactor.now(), context_.platform.clock.now());
  co_return reopened;
}

io::Task<Status> Machine::reopen_now() {
  // A folder whose sync has failed may say so for ever, so it is opened anew, too.
  AFI_CO_TRY(folder_, context_.platform.disk.open_directory(scope_, folder_->path()));
  AFI_CO_TRY_STATUS(io::probe_writes(scope_, *folder_));
  // What it reads from until then is left alone. The base of a machine with points was durable before the first of them
  // and is checked block by block; one that is still staged drops its cache as it opens.
  AFI_CO_TRY_STATUS(recover());
  newest_seen_ = Epoch{};
  if (!stop_reason_.empty()) co_return fail(ErrorCode::refused, "reopen a machine", stop_reason_);
  co_return Status{};
}

}  // namespace afterimage::replica
