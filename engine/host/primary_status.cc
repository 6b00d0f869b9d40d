// SPDX-License-Identifier: Apache-2.0
// What PrimaryCommands shows of a protected machine.
#include <algorithm>
#include <utility>

#include "engine/host/paused_text.h"
#include "engine/host/primary_commands.h"

namespace afterimage::host {
namespace {

PointInfo point_info(const source::HistoricPoint& point) {
  PointInfo info{.sequence = point.record.sequence,
                 .time = point.record.frozen,
                 .received = point.record.received,
                 .consistency = point.record.consistency,
                 .digest = point.record.digest(),
                 .changed_bytes = {},
                 .stored_bytes = point.stored,
                 .verified_at = std::nullopt,
                 .damage = {}};
  for (const format::PointDisk& disk : point.record.disks) info.changed_bytes += bytes_of(disk.changed);
  return info;
}

std::string state_of(const PrimaryRecord& record, const Job* running) {
  if (running != nullptr && running->info.kind == "sync" && record.stage == PrimaryStage::replicating) return "syncing";
  if (record.activity == Activity::paused) return "paused";
  switch (record.stage) {
    case PrimaryStage::seeding: return "seeding";
    case PrimaryStage::awaiting_medium: return "waiting for medium";
    case PrimaryStage::replicating: return "idle";
  }
  std::unreachable();
}

void judge(MachineStatus& status, const Primary& primary, const Job* running) {
  const auto worsen = [&](Health health, std::string reason) {
    status.health = std::max(status.health, health);
    status.reasons.push_back(std::move(reason));
  };
  const PrimaryRecord& record = primary.machine->record();
  if (primary.last_failure) {
    worsen(record.acknowledged ? Health::warning : Health::critical,
           "the last attempt failed: " + primary.last_failure->text());
    if (primary.last_failure->code == ErrorCode::resync_required) status.state = "resync required";
  }
  if (record.activity == Activity::paused)
    worsen(Health::warning, "paused by the operator; 'afterimage resume " + status.name + "' goes on");
  if (record.stage == PrimaryStage::seeding && running == nullptr) {
    worsen(Health::critical, "the seeding is not finished; 'afterimage sync " + status.name + "' goes on with it");
  }
  if (record.stage == PrimaryStage::awaiting_medium) {
    worsen(Health::warning,
           record.pending
               ? "the seed was exported; import it at the replica, then run 'afterimage sync " + status.name + "'"
               : "no seed yet; run 'afterimage export " + status.name + " --to DIR'");
  }
}

}  // namespace

io::Task<MachineStatus> PrimaryCommands::status_of(io::Scope& scope, std::shared_ptr<Primary> primary) {
  MachineStatus status;
  status.role = Role::primary;
  status.name = primary->name();
  if (!primary->machine) {
    status.state = "stopped";
    status.health = Health::critical;
    status.reasons.push_back(paused_text("its state cannot be read: " + primary->damage.text(), primary->retry));
    co_return status;
  }
  const PrimaryRecord& record = primary->machine->record();
  status.id = record.description.id;
  status.peer_id = record.replica;
  auto naming = names_.name_of(scope, record.replica);
  status.peer = co_await naming;
  const Job* running = jobs_.running_for(status.name);
  status.state = state_of(record, running);
  status.generation = record.description.generation;
  status.points = primary->machine->history().count();
  status.last_cycle = primary->last_cycle;
  status.compression = primary->machine->compression();
  for (std::size_t i = 0; i < record.description.disks.size(); ++i) {
    const DiskDescription& disk = record.description.disks[i];
    const format::PointDisk* newest = record.acknowledged ? record.acknowledged->find(disk.id) : nullptr;
    status.disks.push_back(DiskStatus{.name = disk.name,
                                      .path = record.image_paths[i],
                                      .size = newest != nullptr ? newest->sizes.after : disk.size,
                                      .dirty = std::nullopt});
  }
  if (record.acknowledged) {
    status.rpo_lag = platform_.clock.now() - record.acknowledged->frozen;
    if (const auto& newest = primary->machine->history().newest()) status.latest_point = point_info(*newest);
  }
  judge(status, *primary, running);
  co_return status;
}

io::Task<Result<std::vector<PointInfo>>> PrimaryCommands::points_of(io::Scope& scope,
                                                                    std::shared_ptr<Primary> primary) {
  if (!primary->machine)
    co_return fail(ErrorCode::damaged, "list points",
                   "the state of this machine cannot be read: " + primary->damage.text());
  AFI_CO_TRY(const std::vector<source::HistoricPoint> history, primary->machine->points(scope));
  std::vector<PointInfo> points;
  points.reserve(history.size());
  for (const source::HistoricPoint& point : history) points.push_back(point_info(point));
  co_return points;
}

}  // namespace afterimage::host
