// SPDX-License-Identifier: Apache-2.0
#include "engine/host/replica_removals.h"

#include <algorithm>
#include <utility>

namespace afterimage::host {
namespace {

std::string counted(std::size_t points) { return std::to_string(points) + (points == 1 ? " point" : " points"); }

}  // namespace

bool ReplicaRemovals::Target::is_called(const std::string& written) const {
  return written == name || written == full_name() || written == id.text();
}

io::Task<Result<std::vector<ReplicaRemovals::Target>>> ReplicaRemovals::targets(io::Scope& scope) {
  std::vector<Target> list;
  AFI_CO_TRY(const std::vector<catalogue::MachineRow> rows, catalogue_->machines(scope));
  for (const std::unique_ptr<replica::ReplicaStore>& store : stores_.all()) {
    const std::vector<std::shared_ptr<replica::Machine>> machines = store->machines();
    for (const std::shared_ptr<replica::Machine>& machine : machines) {
      auto naming = names_.name_of(scope, machine->file().owner);
      std::string owner = co_await naming;
      list.push_back({.store = store.get(),
                      .id = machine->description().id,
                      .name = machine->description().name,
                      .owner = std::move(owner),
                      .machine = machine,
                      .trouble = {}});
    }
    const std::vector<replica::MachineTrouble> troubles = store->troubles();
    for (const replica::MachineTrouble& trouble : troubles) {
      std::string owner;
      const auto row = std::ranges::find(rows, trouble.id, &catalogue::MachineRow::id);
      if (row != rows.end()) {
        auto naming = names_.name_of(scope, row->owner);
        owner = co_await naming;
      }
      list.push_back({.store = store.get(),
                      .id = trouble.id,
                      .name = trouble.name.empty() ? trouble.id.text() : trouble.name,
                      .owner = std::move(owner),
                      .machine = nullptr,
                      .trouble = trouble.reason});
    }
  }
  co_return list;
}

io::Task<Result<ReplicaRemovals::Target>> ReplicaRemovals::find(io::Scope& scope, std::string written) {
  AFI_CO_TRY(std::vector<Target> all, targets(scope));
  std::erase_if(all, [&written](const Target& target) { return !target.is_called(written); });
  if (all.size() == 1) co_return std::move(all.front());
  if (all.size() > 1) {
    std::string names;
    for (const Target& target : all) names += (names.empty() ? "" : ", ") + target.full_name();
    co_return fail(ErrorCode::invalid_argument, "find a replica",
                   "'" + written + "' is a machine of several primaries; name one of " + names);
  }
  for (const StoreTrouble& store : stores_.troubles()) {
    for (const catalogue::MachineRow& row : store.machines) {
      if (row.name != written && row.id.text() != written) continue;
      co_return fail(ErrorCode::refused, "remove a replica",
                     "the replica of " + row.name + " lies in store " + store.options.name +
                         ", which is not open: " + store.error.text() + "; run the command again when it is");
    }
  }
  co_return fail(ErrorCode::not_found, "find a replica",
                 "this host keeps no replica of a machine '" + written + "'; 'afterimage status' lists what there is");
}

// Whoever reads the machine's files, or fills them from a medium, would meet their end in the middle.
Status ReplicaRemovals::check_not_in_use(const Target& target) const {
  for (const std::shared_ptr<Job>& job : jobs_.running()) {
    const std::string& kind = job->info.kind;
    const bool uses = kind == "restore" || kind == "verify" || kind == "import";
    if (!uses || !target.is_called(job->info.machine)) continue;
    const std::string id = std::to_string(job->info.id);
    return fail(ErrorCode::busy, "remove a replica",
                "the replica of " + target.name + " is in use: job " + id + " (" + kind +
                    ") is running; wait for it, or run 'afterimage jobs " + id + " cancel'");
  }
  return {};
}

io::Task<Plan> ReplicaRemovals::plan_of(Target target) {
  Plan plan;
  std::string what = "remove the replica of " + target.name;
  if (!target.owner.empty()) what += ", a machine of " + target.owner + ",";
  what += " from store " + target.store->name();
  if (target.machine == nullptr) {
    plan.steps.push_back(what + ", which cannot be opened: " + target.trouble);
    plan.steps.emplace_back("delete everything in its folder, with whatever points that still holds");
    co_return plan;
  }
  plan.steps.push_back(std::move(what));
  const std::vector<catalogue::PointRow> points = target.machine->points();
  plan.steps.push_back(points.empty() ? "delete what was received of its first copy: it has no point"
                                      : "delete its " + counted(points.size()) + " for good, the newest of " +
                                            to_rfc3339(points.back().frozen));
  plan.steps.push_back("end its session, if it has one; the primary's next cycle is told that the replica is gone");
  auto measuring = target.machine->stored_bytes();
  const Result<ByteCount> stored = co_await measuring;
  if (stored) plan.bytes = *stored;
  co_return plan;
}

io::Task<Result<Started>> ReplicaRemovals::remove(io::Scope& scope, Remove command) {
  AFI_CO_TRY(const Target target, find(scope, command.machine));
  AFI_CO_STATUS(check_not_in_use(target));
  if (command.execution == Execution::dry_run) {
    auto planning = plan_of(target);
    co_return co_await planning;
  }
  if (command.confirmation == Confirmation::missing) {
    const std::size_t points = target.machine == nullptr ? 0 : target.machine->points().size();
    co_return fail(ErrorCode::refused, "remove a replica",
                   "the replica of " + command.machine +
                       " is not removed: " + (points == 0 ? "what it holds" : "its " + counted(points)) +
                       " would be lost for good; 'afterimage remove " + command.machine + " --yes' removes it");
  }
  co_return jobs_.start("remove", command.machine, [target](Job& job) { return run(job, target); });
}

io::Task<Result<JobResult>> ReplicaRemovals::run(Job& job, Target target) {
  RemovalResult result{.machine = job.info.machine, .replica_removed = true, .points = 0, .freed = {}};
  if (target.machine != nullptr) {
    result.points = target.machine->points().size();
    auto measuring = target.machine->stored_bytes();
    const Result<ByteCount> stored = co_await measuring;
    if (stored) result.freed = *stored;
  }
  target.machine.reset();  // its files are open as long as somebody has it
  AFI_CO_TRY_STATUS(target.store->remove_machine(job.scope, target.id));
  co_return JobResult(std::move(result));
}

}  // namespace afterimage::host
