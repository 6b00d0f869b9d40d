// SPDX-License-Identifier: Apache-2.0
// Life, and what is believed when; cycles are in primary_cycle.cc, seeding in primary_seeding.cc.
#include "engine/source/primary_machine.h"

#include <algorithm>
#include <utility>

#include "engine/plan/welcome_plan.h"

namespace afterimage::source {

io::Task<Result<std::unique_ptr<PrimaryMachine>>> PrimaryMachine::create(io::Scope& scope, const io::Platform& platform,
                                                                         std::unique_ptr<io::Directory> folder,
                                                                         PrimaryRecord record) {
  std::unique_ptr<PrimaryMachine> machine(new PrimaryMachine(platform, std::move(folder)));
  machine->record_ = std::move(record);
  machine->images_ = CacheTrust::trusted;  // no sync of its images has failed yet: none was tried
  AFI_CO_TRY_STATUS(machine->files_.save(scope, machine->record_));
  co_return machine;
}

io::Task<Result<std::unique_ptr<PrimaryMachine>>> PrimaryMachine::open(io::Scope& scope, const io::Platform& platform,
                                                                       std::unique_ptr<io::Directory> folder) {
  std::unique_ptr<PrimaryMachine> machine(new PrimaryMachine(platform, std::move(folder)));
  AFI_CO_TRY(machine->record_, machine->files_.load(scope));
  AFI_CO_TRY_STATUS(machine->files_.remove_leftovers(scope, machine->record_));
  auto looking = machine->history_.look(scope, machine->files_.folder());
  [[maybe_unused]] const Status looked = co_await looking;  // it is for people: the next point looks again
  co_return machine;
}

// Durable first, then believed.
io::Task<Status> PrimaryMachine::change_record(io::Scope& scope, PrimaryRecord changed) {
  AFI_CO_TRY_STATUS(files_.save(scope, changed));
  record_ = std::move(changed);
  co_return Status{};
}

io::Task<Result<std::vector<HistoricPoint>>> PrimaryMachine::points(io::Scope& scope) {
  auto loading = PointHistory::load(scope, files_.folder());
  co_return co_await loading;
}

io::Task<Status> PrimaryMachine::set_activity(io::Scope& scope, Activity activity) {
  AFI_CO_TRY_STATUS(open_folder_again(scope));
  PrimaryRecord changed = record_;
  changed.activity = activity;
  auto changing = change_record(scope, std::move(changed));
  Status set = co_await changing;
  if (!set) note_failure(set.error());
  co_return set;
}

// The pending point has reached the replica: it is the base of the next cycle. Its images were synced at the freeze.
io::Task<Status> PrimaryMachine::acknowledge(io::Scope& scope, const CycleResult& result) {
  HistoricPoint point{.record = record_.pending->record, .stored = result.stored};
  point.record.received = result.record.received;
  AFI_CO_TRY_STATUS(history_.append(scope, files_.folder(), std::move(point)));
  PrimaryRecord changed = record_;
  changed.acknowledged = std::move(changed.pending->record);
  changed.hashes = std::move(changed.pending->hashes);
  changed.pending.reset();
  changed.stage = PrimaryStage::replicating;
  AFI_CO_TRY_STATUS(change_record(scope, std::move(changed)));
  auto removing = files_.remove_leftovers(scope, record_);
  co_return co_await removing;
}

// The pending point did not reach the replica and cannot be sent: its blocks count as changed again.
io::Task<Status> PrimaryMachine::forget_pending(io::Scope& scope) {
  PrimaryRecord changed = record_;
  changed.pending.reset();
  auto changing = change_record(scope, std::move(changed));
  co_return co_await changing;
}

// After a failure of this host's disk, or of the replica's: nothing that is believed rests on the folder that was open.
io::Task<Status> PrimaryMachine::open_folder_again(io::Scope& scope) {
  if (!io_has_failed_) co_return Status{};
  AFI_CO_TRY_STATUS(files_.open_again(scope, platform_.disk));
  io_has_failed_ = false;
  co_return Status{};
}

io::Task<Result<CycleResult>> PrimaryMachine::replicate(io::Scope& scope, PointSink& session, Goal goal,
                                                        Progress* progress) {
  AFI_CO_TRY_STATUS(open_folder_again(scope));
  auto making = make_point(scope, session, goal, progress);
  Result<CycleResult> result = co_await making;
  if (!result) note_failure(result.error());
  co_return result;
}

void PrimaryMachine::note_failure(const Error& error) {
  io_has_failed_ = io_has_failed_ || error.code == ErrorCode::io_failed;
}

io::Task<Result<CycleResult>> PrimaryMachine::make_point(io::Scope& scope, PointSink& session, Goal goal,
                                                         Progress* progress) {
  CycleResult result;
  const MonotonicTime began = platform_.reactor.now();
  if (record_.stage == PrimaryStage::seeding) {
    AFI_CO_TRY(const std::vector<ByteCount> sizes, image_sizes(scope, platform_.disk, record_.image_paths));
    AFI_CO_TRY_STATUS(adopt_sizes(scope, sizes));
  }
  const SeedBy seed_by = record_.stage == PrimaryStage::awaiting_medium ? SeedBy::medium : SeedBy::network;
  AFI_CO_TRY(Welcome welcome, session.open(scope, record_.description, seed_by));
  WelcomePlan plan = plan_welcome(record_, welcome);
  if (plan == WelcomePlan::adopt_pending) {
    AFI_CO_TRY_STATUS(acknowledge(scope, result));
    plan = WelcomePlan::cycle;
    result.record = *record_.acknowledged;
    if (goal == Goal::first_point) co_return result;
  }
  if (plan == WelcomePlan::resume_pending) {
    auto checking = pending_can_be_sent(scope);
    if (co_await checking) {
      AFI_CO_TRY_STATUS(ship(scope, session, record_.head(), result, progress));
      AFI_CO_TRY_STATUS(acknowledge(scope, result));
      welcome.head = record_.head();
    } else {
      AFI_CO_TRY_STATUS(forget_pending(scope));
    }
    plan = WelcomePlan::cycle;
  }
  switch (plan) {
    case WelcomePlan::seed:
      AFI_CO_TRY_STATUS(seed(scope, session, welcome, result, progress));
      AFI_CO_TRY_STATUS(acknowledge(scope, result));
      break;
    case WelcomePlan::await_medium:
      co_return fail(ErrorCode::refused, "replicate",
                     "the seed of " + record_.description.name +
                         " has not been imported at the replica yet: run "
                         "'afterimage export' here, carry the folder over, and 'afterimage import' there");
    case WelcomePlan::seed_again:
      co_return fail(ErrorCode::resync_required, "replicate",
                     "the replica no longer has " + record_.description.name +
                         "; run 'afterimage unprotect' and protect it again");
    case WelcomePlan::compare:
      result.warnings.push_back("the replica of " + record_.description.name + " stands at point " +
                                std::to_string(welcome.head.sequence.value()) +
                                ", not where it was left: it was rolled back; "
                                "all blocks were compared by hash");
      AFI_CO_TRY_STATUS(cycle(scope, session, EpochKind::compare, welcome, result, progress));
      break;
    case WelcomePlan::cycle:
    case WelcomePlan::adopt_pending:
    case WelcomePlan::resume_pending:
      AFI_CO_TRY_STATUS(cycle(scope, session, EpochKind::cycle, welcome, result, progress));
      break;
  }
  result.took = platform_.reactor.now() - began;
  co_return result;
}

}  // namespace afterimage::source
