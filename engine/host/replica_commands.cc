// SPDX-License-Identifier: Apache-2.0
#include "engine/host/replica_commands.h"

#include <algorithm>
#include <utility>

#include "engine/host/paused_text.h"
#include "engine/host/restore_target.h"
#include "engine/medium/medium_reader.h"
#include "engine/plan/point_selector.h"
#include "engine/replica/restore.h"
#include "engine/replica/verify.h"

namespace afterimage::host {
namespace {

const char* effect_on(RestoreTarget::Kind target) {
  switch (target) {
    case RestoreTarget::Kind::new_file: return "";
    case RestoreTarget::Kind::replaced_file: return ", replacing the file that is there";
    case RestoreTarget::Kind::device: return ", over what the device holds";
  }
  std::unreachable();
}

PointInfo point_info(const catalogue::PointRow& row) {
  return PointInfo{.sequence = row.sequence,
                   .time = row.frozen,
                   .received = row.received,
                   .consistency = row.consistency,
                   .digest = row.digest,
                   .changed_bytes = row.changed,
                   .stored_bytes = row.stored,
                   .verified_at = row.verified_at,
                   .damage = row.damage};
}

// As an operator names a replica when several primaries have a machine of the name.
std::string full_name_of(const std::string& owner, const std::string& name) { return owner + "/" + name; }

constexpr std::string_view enrol_again =
    "enrol it again: 'afterimage enrol key' here, 'afterimage enrol join KEY' there";

Health health_of(const MachineStatus& status, bool stopped, bool damaged) {
  if (stopped || damaged) return Health::critical;
  return status.points == 0 ? Health::warning : Health::normal;
}

}  // namespace

std::vector<std::shared_ptr<replica::Machine>> ReplicaCommands::all() const {
  std::vector<std::shared_ptr<replica::Machine>> machines;
  for (const std::unique_ptr<replica::ReplicaStore>& store : stores_.all()) {
    for (std::shared_ptr<replica::Machine>& machine : store->machines()) machines.push_back(std::move(machine));
  }
  return machines;
}

io::Task<Result<std::vector<std::string>>> ReplicaCommands::machines_of_strangers(io::Scope& scope) {
  std::vector<std::string> names;
  const std::vector<std::shared_ptr<replica::Machine>> machines = all();
  for (const std::shared_ptr<replica::Machine>& machine : machines) {
    AFI_CO_TRY(const std::optional<catalogue::PeerRow> owner, catalogue_->peer(scope, machine->file().owner));
    if (!owner) names.push_back(machine->description().name);
  }
  co_return names;
}

io::Task<Result<std::shared_ptr<replica::Machine>>> ReplicaCommands::find(io::Scope& scope, std::string name) {
  std::vector<std::shared_ptr<replica::Machine>> found;
  std::string owners;
  std::vector<std::shared_ptr<replica::Machine>> machines = all();
  for (std::shared_ptr<replica::Machine>& machine : machines) {
    auto naming = names_.name_of(scope, machine->file().owner);
    const std::string owner = co_await naming;
    const std::string& own_name = machine->description().name;
    const std::string full_name = full_name_of(owner, own_name);
    if (name != own_name && name != full_name) continue;
    owners += (owners.empty() ? "" : ", ") + full_name;
    found.push_back(std::move(machine));
  }
  if (found.empty()) {
    co_return fail(ErrorCode::not_found, "find a replica",
                   "this host keeps no replica of a machine '" + name + "'; 'afterimage status' lists what there is");
  }
  if (found.size() > 1) {
    co_return fail(ErrorCode::invalid_argument, "find a replica",
                   "'" + name + "' is a machine of several primaries; name one of " + owners);
  }
  co_return std::move(found.front());
}

Result<Sequence> ReplicaCommands::select(const replica::Machine& machine, const std::string& written) const {
  std::vector<DatedPoint> points;
  for (const catalogue::PointRow& row : machine.points())
    points.push_back({.sequence = row.sequence, .time = row.frozen});
  return select_point(points, written, platform_.clock.now());
}

std::vector<PointInfo> ReplicaCommands::points_of(const replica::Machine& machine) {
  std::vector<PointInfo> points;
  for (const catalogue::PointRow& row : machine.points()) points.push_back(point_info(row));
  return points;
}

io::Task<Result<Started>> ReplicaCommands::restore(io::Scope& scope, Restore command) {
  AFI_CO_TRY(const std::shared_ptr<replica::Machine> machine, find(scope, command.machine));
  const DiskDescription* disk = machine->description().find_disk(command.disk);
  if (disk == nullptr) {
    std::string names;
    for (const DiskDescription& known : machine->description().disks) names += (names.empty() ? "" : ", ") + known.name;
    co_return fail(ErrorCode::not_found, "restore a disk",
                   command.machine + " has no disk '" + command.disk + "'; it has " + names);
  }
  AFI_CO_RESULT(const Sequence point, select(*machine, command.point));
  AFI_CO_TRY(const std::unique_ptr<RestoreTarget> target,
             RestoreTarget::examine(scope, platform_.disk, command.to, command.target));
  if (command.execution == Execution::dry_run) {
    Plan plan;
    plan.steps.push_back("write disk " + command.disk + " of " + command.machine + " as of point " +
                         std::to_string(point.value()) + " to " + command.to + effect_on(target->kind()));
    plan.bytes = disk->size;
    co_return plan;
  }
  co_return jobs_.start("restore", command.machine, [this, machine, point, command](Job& job) {
    return run_restore(job, machine, point, command);
  });
}

io::Task<Result<JobResult>> ReplicaCommands::run_restore(Job& job, std::shared_ptr<replica::Machine> machine,
                                                         Sequence point, Restore command) {
  const DiskId disk = machine->description().find_disk(command.disk)->id;
  AFI_CO_TRY(const std::unique_ptr<RestoreTarget> target,
             RestoreTarget::examine(job.scope, platform_.disk, command.to, command.target));
  AFI_CO_TRY(io::File* const file, target->begin(job.scope));
  auto restoring = replica::restore(job.scope, machine, point, disk, *file, &job);
  const Result<replica::RestoreOutcome> outcome = co_await restoring;
  Status finished = outcome ? Status{} : Status(std::unexpected(outcome.error()));
  if (finished) {
    auto finishing = target->finish(job.scope);
    finished = co_await finishing;
  }
  if (!finished) {
    io::Scope cleaning(platform_.reactor);  // also after a cancellation
    auto abandoning = target->abandon(cleaning);
    co_await abandoning;
    co_return std::unexpected(finished.error());
  }
  co_return JobResult(RestoreResult{.machine = command.machine,
                                    .sequence = point,
                                    .disk = command.disk,
                                    .path = command.to,
                                    .size = outcome->size,
                                    .written = outcome->written});
}

io::Task<Result<Started>> ReplicaCommands::verify(io::Scope& scope, Verify command) {
  AFI_CO_TRY(const std::shared_ptr<replica::Machine> machine, find(scope, command.machine));
  std::optional<Sequence> point;
  if (command.point) {
    AFI_CO_RESULT(point, select(*machine, *command.point));
  }
  co_return jobs_.start("verify", command.machine,
                        [this, machine, point](Job& job) { return run_verify(job, machine, point); });
}

io::Task<Result<JobResult>> ReplicaCommands::run_verify(Job& job, std::shared_ptr<replica::Machine> machine,
                                                        std::optional<Sequence> point) {
  AFI_CO_TRY(const replica::VerifyOutcome outcome, replica::verify(job.scope, machine, point, &job));
  VerifyResult result{.machine = job.info.machine,
                      .points_verified = outcome.points_verified,
                      .points_damaged = outcome.points_damaged,
                      .bytes_read = outcome.bytes_read,
                      .damage = {}};
  for (const replica::DamagedPlace& place : outcome.damage) {
    const DiskDescription* disk = place.disk ? machine->description().find_disk(*place.disk) : nullptr;
    result.damage.push_back(DamageReport{.machine = job.info.machine,
                                         .disk = disk != nullptr ? disk->name : "",
                                         .first_point = place.first_point,
                                         .last_point = place.last_point,
                                         .extent = place.extent,
                                         .what = place.what});
  }
  job.info.result = result;  // shown also when the job fails for what it found
  if (result.damage.empty()) co_return JobResult(std::move(result));
  const DamageReport& first = result.damage.front();
  co_return fail(ErrorCode::damaged, "verify a machine",
                 std::to_string(result.damage.size()) + " damaged places in the replica of " + job.info.machine + ", " +
                     std::to_string(result.points_damaged) + " points damaged, " +
                     std::to_string(result.points_verified) + " fine; the first: " + first.what);
}

io::Task<Result<Started>> ReplicaCommands::import_seed(io::Scope& scope, Import command) {
  if (!stores_.is_configured()) {
    co_return fail(ErrorCode::refused, "import a seed", "this host has no store; seeds are imported at the replica");
  }
  AFI_CO_TRY(std::unique_ptr<io::Directory> folder, platform_.disk.open_directory(scope, command.from));
  AFI_CO_TRY(const std::unique_ptr<medium::MediumReader> reader, medium::MediumReader::open(scope, std::move(folder)));
  const std::string machine = reader->manifest().description.name;
  if (command.execution == Execution::dry_run) {
    Plan plan;
    plan.steps.push_back("check the seed of " + machine + " from " + reader->manifest().owner_name +
                         " and make point " + std::to_string(reader->manifest().point.sequence.value()) + " of it");
    plan.bytes = reader->size();
    co_return plan;
  }
  const std::string from = command.from;
  co_return jobs_.start("import", machine, [this, from](Job& job) { return run_import(job, from); });
}

io::Task<Result<JobResult>> ReplicaCommands::run_import(Job& job, std::string from) {
  AFI_CO_TRY(std::unique_ptr<io::Directory> folder, platform_.disk.open_directory(job.scope, from));
  AFI_CO_TRY(const std::unique_ptr<medium::MediumReader> reader,
             medium::MediumReader::open(job.scope, std::move(folder)));
  const SeedManifest& manifest = reader->manifest();
  AFI_CO_TRY(const std::optional<catalogue::PermissionRow> permission,
             catalogue_->permission(job.scope, manifest.owner));
  if (!permission) {
    co_return fail(ErrorCode::permission_denied, "import a seed",
                   "the seed is from host " + manifest.owner_name +
                       ", which has not joined this one; run 'afterimage enrol key' "
                       "here and 'afterimage enrol join KEY' there first");
  }
  AFI_CO_RESULT(replica::ReplicaStore* const store, stores_.find(permission->store));
  AFI_CO_TRY_STATUS(reader->check(job.scope, &job));
  const std::unique_ptr<PointSink> sink =
      store->receiver(Peer{.id = manifest.owner, .name = manifest.owner_name}, replica::Admission::local_operator);
  AFI_CO_TRY(const Receipt receipt, reader->feed(job.scope, *sink, &job));
  ByteCount bytes;
  for (const format::PointDisk& disk : manifest.point.disks) bytes += disk.sizes.after;
  co_return JobResult(TransferResult{.machine = job.info.machine,
                                     .path = from,
                                     .bytes = bytes,
                                     .stored_bytes = reader->size(),
                                     .sequence = receipt.sequence,
                                     .digest = receipt.digest});
}

io::Task<MachineStatus> ReplicaCommands::status_of(io::Scope& scope, std::shared_ptr<replica::Machine> machine) {
  MachineStatus status;
  status.name = machine->description().name;
  status.id = machine->description().id;
  status.role = Role::replica;
  status.peer_id = machine->file().owner;
  auto naming = names_.name_of(scope, status.peer_id);
  status.peer = co_await naming;
  status.state = replica::name_of(machine->state());
  status.generation = machine->description().generation;
  const std::vector<catalogue::PointRow> points = machine->points();
  status.points = points.size();
  bool damaged = false;
  for (const catalogue::PointRow& point : points) damaged = damaged || !point.damage.empty();
  if (!points.empty()) {
    const catalogue::PointRow& newest = points.back();
    status.latest_point = point_info(newest);
    // Since it was received, plus its age then: two clocks, each compared with itself.
    status.rpo_lag = (platform_.clock.now() - newest.received) + std::max(Duration{}, newest.received - newest.frozen);
    status.last_cycle = CycleInfo{
        .seconds = {}, .changed_bytes = newest.changed, .sent_bytes = newest.stored, .stored_bytes = newest.stored};
  }
  for (const DiskDescription& disk : machine->description().disks) {
    status.disks.push_back(DiskStatus{.name = disk.name, .path = {}, .size = disk.size, .dirty = std::nullopt});
  }
  const bool stopped = machine->state() == replica::MachineState::stopped;
  status.health = health_of(status, stopped, damaged);
  if (status.peer == machine->file().owner.text()) {
    status.health = std::max(status.health, Health::warning);
    status.reasons.push_back("its primary is not known to this host; " + std::string(enrol_again));
  }
  if (stopped) status.reasons.push_back(paused_text(machine->stop_reason(), machine->retry()));
  if (!machine->index_failure().empty()) {
    status.health = std::max(status.health, Health::warning);
    status.reasons.push_back(
        tried_text("host.db cannot be written: " + machine->index_failure() + "; points are safe in the journals",
                   machine->index_retry()));
  }
  if (damaged) status.reasons.push_back("some points are damaged; 'afterimage points " + status.name + "' shows which");
  if (status.points == 0) status.reasons.emplace_back("no point yet");
  for (std::string& finding : machine->findings()) status.reasons.push_back(std::move(finding));
  co_return status;
}

std::vector<MachineStatus> ReplicaCommands::troubles() const {
  std::vector<MachineStatus> list;
  const auto add = [&list](const std::string& name, MachineId id, std::string reason) {
    MachineStatus status;
    status.name = name.empty() ? id.text() : name;
    status.id = id;
    status.role = Role::replica;
    status.state = "stopped";
    status.health = Health::critical;
    status.reasons.push_back(std::move(reason));
    list.push_back(std::move(status));
  };
  for (const std::unique_ptr<replica::ReplicaStore>& store : stores_.all()) {
    for (const replica::MachineTrouble& trouble : store->troubles())
      add(trouble.name, trouble.id, paused_text(trouble.reason, trouble.retry));
  }
  for (const StoreTrouble& trouble : stores_.troubles()) {
    for (const catalogue::MachineRow& row : trouble.machines)
      add(row.name, row.id, paused_text(trouble.error.text(), trouble.retry));
  }
  return list;
}

}  // namespace afterimage::host
