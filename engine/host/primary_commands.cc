// SPDX-License-Identifier: Apache-2.0
#include "engine/host/primary_commands.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/medium/medium_sink.h"
#include "engine/source/scan_images.h"
#include "io/base/limits.h"

namespace afterimage::host {
namespace {

// A session that broke is opened again this often, with growing pauses; one that cannot be opened at all is an answer.
constexpr int attempts_max = 6;
constexpr Duration first_pause = std::chrono::seconds(1);

bool is_transient(const Error& error) {
  return error.code == ErrorCode::unreachable || error.code == ErrorCode::timed_out;
}

SyncResult sync_result(const std::string& machine, const source::CycleResult& cycle) {
  return SyncResult{.machine = machine,
                    .sequence = cycle.record.sequence,
                    .digest = cycle.record.digest(),
                    .changed_bytes = cycle.changed,
                    .sent_bytes = cycle.sent,
                    .seconds = cycle.took};
}

std::unexpected<Error> bad_protect(std::string why) {
  return fail(ErrorCode::invalid_argument, "protect a machine", "cannot protect the machine: " + std::move(why));
}

std::vector<std::string> paths_of(const Protect& command) {
  std::vector<std::string> paths;
  paths.reserve(command.disks.size());
  for (const ProtectDisk& disk : command.disks) paths.push_back(disk.path);
  return paths;
}

// Until an epoch was begun the replica has nothing of it that a later attempt could go on with.
bool has_begun(const Primary& primary) { return primary.machine->record().newest_epoch != Epoch{}; }

}  // namespace

Result<std::shared_ptr<Primary>> PrimaryCommands::find(const std::string& machine) {
  std::shared_ptr<Primary> primary = primaries_.find(machine);
  if (primary == nullptr) {
    AFI_TRY_STATUS(primaries_.check_unknown(machine));
    return fail(ErrorCode::not_found, "find a machine",
                "this host does not protect a machine '" + machine + "'; 'afterimage status' lists what there is");
  }
  if (!primary->machine) {
    return fail(ErrorCode::damaged, "find a machine",
                "the state of the machine in folder " + primary->folder + " cannot be read: " + primary->damage.text());
  }
  return primary;
}

io::Task<Result<std::shared_ptr<Primary>>> PrimaryCommands::find_asked(io::Scope& scope, std::string machine) {
  const std::shared_ptr<Primary> known = primaries_.find(machine);
  if (known == nullptr || !known->machine) {
    auto opening = primaries_.open_asked(scope);
    co_await opening;
  }
  co_return find(machine);
}

io::Task<Result<catalogue::PeerRow>> PrimaryCommands::find_replica(io::Scope& scope, std::string name) {
  AFI_CO_TRY(const std::vector<catalogue::PeerRow> peers, catalogue_->peers(scope));
  std::string known;
  for (const catalogue::PeerRow& peer : peers) {
    if (peer.role == catalogue::PeerRole::primary) continue;
    const bool named = peer.name == name || peer.address == name || peer.address.starts_with(name + ":");
    if (named && peer.state == catalogue::PeerState::revoked) {
      co_return fail(ErrorCode::authentication, "find a replica",
                     "the replica " + name + " has been revoked on this host");
    }
    if (named) co_return peer;
    known += (known.empty() ? "" : ", ") + peer.name;
  }
  co_return fail(ErrorCode::not_found, "find a replica",
                 "this host knows no replica '" + name + "'" + (known.empty() ? "" : " (it knows " + known + ")") +
                     "; run 'afterimage enrol key' on the replica and 'afterimage enrol join KEY' here");
}

Status PrimaryCommands::check_protect(const Protect& command) {
  AFI_TRY_STATUS(check_name("machine", command.machine));
  if (command.disks.empty() || command.disks.size() > limits::disks_max) {
    return bad_protect("it needs 1 to " + std::to_string(limits::disks_max) + " disks; give --disk NAME=PATH for each");
  }
  std::set<std::string> names;
  std::set<std::string> paths;
  for (const ProtectDisk& disk : command.disks) {
    AFI_TRY_STATUS(check_name("disk", disk.name));
    if (!names.insert(disk.name).second) return bad_protect("two disks are named " + disk.name);
    if (!disk.path.starts_with('/')) return bad_protect("the path of disk " + disk.name + " is not absolute");
    if (!paths.insert(disk.path).second) return bad_protect("two disks have the image " + disk.path);
    const std::shared_ptr<Primary> other = primaries_.find_image(disk.path);
    if (other != nullptr && other->name() != command.machine) {
      return fail(ErrorCode::refused, "protect a machine",
                  "the image " + disk.path + " is protected as part of " + other->name() + " already");
    }
  }
  return {};
}

io::Task<Result<PrimaryRecord>> PrimaryCommands::make_record(io::Scope& scope, const Protect& command, HostId replica) {
  PrimaryRecord record;
  record.description.id = platform_.random.make_id<MachineId>();
  record.description.name = command.machine;
  record.description.lineage = platform_.random.make_id<LineageId>();
  record.image_paths = paths_of(command);
  AFI_CO_TRY(const std::vector<ByteCount> sizes, source::image_sizes(scope, platform_.disk, record.image_paths));
  for (std::size_t i = 0; i < command.disks.size(); ++i) {
    DiskDescription disk{
        .id = platform_.random.make_id<DiskId>(), .name = command.disks[i].name, .size = sizes[i], .secret = {}};
    platform_.random.fill(disk.secret.bytes);
    record.description.disks.push_back(std::move(disk));
  }
  record.replica = replica;
  record.stage = command.seed == SeedKind::media ? PrimaryStage::awaiting_medium : PrimaryStage::seeding;
  co_return record;
}

io::Task<Result<Started>> PrimaryCommands::protect(io::Scope& scope, Protect command) {
  auto opening = primaries_.open_asked(scope);
  co_await opening;
  if (primaries_.find(command.machine) == nullptr) AFI_CO_STATUS(primaries_.check_unknown(command.machine));
  AFI_CO_STATUS(check_protect(command));
  AFI_CO_TRY(const catalogue::PeerRow replica, find_replica(scope, command.replica));
  AFI_CO_TRY(PrimaryRecord record, make_record(scope, command, replica.id));
  if (const std::shared_ptr<Primary> known = primaries_.find(command.machine)) {
    // The same command again goes on with a seeding that was cut.
    if (!known->machine || known->machine->record().stage != PrimaryStage::seeding ||
        known->machine->record().image_paths != record.image_paths ||
        known->machine->record().replica != record.replica) {
      co_return fail(ErrorCode::already_exists, "protect a machine",
                     command.machine + " is protected already; 'afterimage status " + command.machine + "' shows it");
    }
    record = known->machine->record();
  }
  if (command.execution == Execution::dry_run) {
    Plan plan;
    ByteCount bytes;
    for (const DiskDescription& disk : record.description.disks) {
      plan.steps.push_back("read disk " + disk.name + " (" + std::to_string(disk.size.value()) + " bytes)");
      bytes += disk.size;
    }
    plan.steps.push_back(command.seed == SeedKind::media
                             ? "wait for 'afterimage export' and the import of the seed at " + replica.name
                             : "send what is not zeros to " + replica.name + " and make point 1");
    plan.bytes = bytes;
    co_return plan;
  }
  const SeedKind seed = command.seed;
  co_return jobs_.start("protect", command.machine,
                        [this, record, seed](Job& job) { return run_protect(job, record, seed); });
}

// An image that a program holds, where its file system has no reflinks: no point could be made of it, and that is
// better known before the seeding than after.
io::Task<Status> PrimaryCommands::check_not_in_use(io::Scope& scope, std::vector<std::string> paths) {
  auto freezing = source::ScanImages::freeze(scope, platform_, std::move(paths), source::CacheTrust::trusted);
  const auto frozen = co_await freezing;
  if (!frozen && frozen.error().code == ErrorCode::busy) co_return std::unexpected(frozen.error());
  co_return Status{};  // whatever else there is, the seeding finds
}

io::Task<Result<JobResult>> PrimaryCommands::run_protect(Job& job, PrimaryRecord record, SeedKind seed) {
  const std::string name = record.description.name;
  // A replica that cannot be reached is told before anything is changed here.
  AFI_CO_TRY(std::unique_ptr<PointSink> session, connector_.connect(job.scope, record.replica));
  if (seed == SeedKind::media) {
    AFI_CO_TRY(const Welcome welcome, session->open(job.scope, record.description, SeedBy::medium));
    (void)welcome;  // announced: the replica now waits for the medium
  }
  session.reset();
  std::shared_ptr<Primary> primary = primaries_.find(name);
  const bool is_new = primary == nullptr;
  if (is_new) {
    if (seed == SeedKind::network) AFI_CO_TRY_STATUS(check_not_in_use(job.scope, record.image_paths));
    AFI_CO_TRY(primary, primaries_.add(job.scope, std::move(record)));
  }
  ProtectResult result{.machine = name, .first_point = std::nullopt, .disks = {}};
  if (seed == SeedKind::network) {
    auto replicating = replicate_with_retries(job, *primary, source::Goal::first_point);
    const Result<source::CycleResult> cycle = co_await replicating;
    if (!cycle && is_new && !has_begun(*primary)) {
      io::Scope cleaning(platform_.reactor);  // also after a cancellation
      auto removing = primaries_.remove(cleaning, name);
      [[maybe_unused]] const Status removed = co_await removing;  // the reason of the failure is the one to tell
    }
    if (!cycle) co_return std::unexpected(cycle.error());
    result.first_point = sync_result(name, *cycle);
  }
  auto describing = status_of(job.scope, primary);
  MachineStatus status = co_await describing;
  result.disks = std::move(status.disks);
  co_return JobResult(std::move(result));
}

io::Task<Result<Started>> PrimaryCommands::sync(io::Scope& scope, Sync command) {
  AFI_CO_STATUS(scope.check());
  AFI_CO_TRY(const std::shared_ptr<Primary> primary, find_asked(scope, command.machine));
  const PrimaryRecord& record = primary->machine->record();
  if (record.activity == Activity::paused) {
    co_return fail(ErrorCode::refused, "sync a machine",
                   command.machine + " is paused; run 'afterimage resume " + command.machine + "' first");
  }
  if (command.execution == Execution::dry_run) {
    Plan plan;
    plan.steps.push_back("read the images of " + command.machine +
                         ", compare them with the last acknowledged point, and send what changed");
    ByteCount bytes;
    for (const DiskDescription& disk : record.description.disks) bytes += disk.size;
    plan.bytes = bytes;
    co_return plan;
  }
  co_return jobs_.start("sync", command.machine, [this](Job& job) { return run_sync(job); });
}

io::Task<Result<JobResult>> PrimaryCommands::run_sync(Job& job) {
  AFI_CO_RESULT(const std::shared_ptr<Primary> primary, find(job.info.machine));
  AFI_CO_TRY(const source::CycleResult cycle, replicate_with_retries(job, *primary, source::Goal::new_point));
  co_return JobResult(sync_result(job.info.machine, cycle));
}

io::Task<Result<source::CycleResult>> PrimaryCommands::replicate(Job& job, Primary& primary, source::Goal goal) {
  AFI_CO_TRY(const std::unique_ptr<PointSink> session,
             connector_.connect(job.scope, primary.machine->record().replica));
  auto replicating = primary.machine->replicate(job.scope, *session, goal, &job);
  co_return co_await replicating;
}

io::Task<Result<source::CycleResult>> PrimaryCommands::replicate_with_retries(Job& job, Primary& primary,
                                                                              source::Goal goal) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, primary.changing.acquire(job.scope));
  Duration pause = first_pause;
  bool was_connected = false;  // by any attempt: from then on, that the replica cannot be reached is a cut, too
  for (int attempt = 1;; ++attempt) {
    job.info.phase = "connecting";
    auto replicating = replicate(job, primary, goal);
    Result<source::CycleResult> cycle = co_await replicating;
    if (cycle) {
      for (std::string& warning : cycle->warnings) job.warn(std::move(warning));
      primary.last_failure.reset();
      primary.last_cycle = CycleInfo{.seconds = cycle->took,
                                     .changed_bytes = cycle->changed,
                                     .sent_bytes = cycle->sent,
                                     .stored_bytes = cycle->stored};
      co_return cycle;
    }
    primary.last_failure = cycle.error();
    was_connected = was_connected || job.info.phase != "connecting";
    if (!is_transient(cycle.error()) || !was_connected || attempt == attempts_max || job.scope.is_interrupted())
      co_return cycle;
    job.info.phase = "waiting to connect again";
    AFI_CO_TRY_STATUS(io::sleep_for(job.scope, pause));
    pause *= 2;
  }
}

io::Task<Result<Started>> PrimaryCommands::unprotect(io::Scope& scope, Unprotect command) {
  AFI_CO_STATUS(scope.check());
  AFI_CO_TRY(const std::shared_ptr<Primary> primary, find_asked(scope, command.machine));
  (void)primary;
  if (command.execution == Execution::dry_run) {
    Plan plan;
    if (command.replica_removal == ReplicaRemoval::remove)
      plan.steps.push_back("remove the replica of " + command.machine + " with all its points");
    plan.steps.push_back("forget " + command.machine + " on this host; its images stay as they are");
    co_return plan;
  }
  const ReplicaRemoval removal = command.replica_removal;
  co_return jobs_.start("unprotect", command.machine,
                        [this, removal](Job& job) { return run_unprotect(job, removal); });
}

io::Task<Result<JobResult>> PrimaryCommands::run_unprotect(Job& job, ReplicaRemoval removal) {
  AFI_CO_RESULT(const std::shared_ptr<Primary> primary, find(job.info.machine));
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, primary->changing.acquire(job.scope));
  RemovalResult result{.machine = job.info.machine, .replica_removed = false};
  if (removal == ReplicaRemoval::remove) {
    const PrimaryRecord& record = primary->machine->record();
    AFI_CO_TRY(const std::unique_ptr<PointSink> session, connector_.connect(job.scope, record.replica));
    AFI_CO_TRY(const Welcome welcome, session->open(job.scope, record.description, SeedBy::network));
    (void)welcome;  // it is to go, wherever it stands
    AFI_CO_TRY_STATUS(session->remove_machine(job.scope));
    result.replica_removed = true;
  }
  AFI_CO_TRY_STATUS(primaries_.remove(job.scope, job.info.machine));
  co_return JobResult(std::move(result));
}

io::Task<Result<Started>> PrimaryCommands::export_seed(io::Scope& scope, Export command) {
  AFI_CO_STATUS(scope.check());
  AFI_CO_TRY(const std::shared_ptr<Primary> primary, find_asked(scope, command.machine));
  const PrimaryRecord& record = primary->machine->record();
  if (record.stage != PrimaryStage::awaiting_medium) {
    co_return fail(
        ErrorCode::refused, "export a seed",
        command.machine +
            (record.stage == PrimaryStage::seeding ? " is seeded over the network" : " has been seeded already") +
            "; a seed is exported of a machine that was protected with --seed media");
  }
  if (command.execution == Execution::dry_run) {
    Plan plan;
    ByteCount bytes;
    for (const DiskDescription& disk : record.description.disks) bytes += disk.size;
    plan.steps.push_back("read all disks of " + command.machine + " and write what is not zeros, compressed, to " +
                         command.to);
    plan.bytes = bytes;
    co_return plan;
  }
  const std::string to = command.to;
  co_return jobs_.start("export", command.machine, [this, to](Job& job) { return run_export(job, to); });
}

io::Task<Result<JobResult>> PrimaryCommands::run_export(Job& job, std::string to) {
  AFI_CO_RESULT(const std::shared_ptr<Primary> primary, find(job.info.machine));
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, primary->changing.acquire(job.scope));
  AFI_CO_TRY(std::unique_ptr<io::Directory> folder, platform_.disk.make_directory(job.scope, to));
  medium::MediumSink medium(platform_, std::move(folder), self_.id, self_.name);
  AFI_CO_TRY(const source::CycleResult cycle, primary->machine->seed_medium(job.scope, medium, &job));
  co_return JobResult(TransferResult{.machine = job.info.machine,
                                     .path = std::move(to),
                                     .bytes = cycle.changed,
                                     .stored_bytes = medium.written(),
                                     .sequence = cycle.record.sequence,
                                     .digest = cycle.record.digest()});
}

io::Task<Status> PrimaryCommands::set_activity(io::Scope& scope, std::string machine, Activity activity,
                                               Execution execution) {
  AFI_CO_TRY(const std::shared_ptr<Primary> primary, find_asked(scope, machine));
  if (execution == Execution::dry_run || primary->machine->record().activity == activity) co_return Status{};
  const Job* const running = jobs_.running_for(machine);
  if (running != nullptr) {
    co_return fail(ErrorCode::busy, "pause or resume a machine",
                   machine + " is busy: job " + std::to_string(running->info.id) + " (" + running->info.kind +
                       ") is running; wait for it, or run 'afterimage jobs " + std::to_string(running->info.id) +
                       " cancel'");
  }
  // A job that begins from here on waits.
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, primary->changing.acquire(scope));
  if (primaries_.find(machine) != primary)
    co_return fail(ErrorCode::changed, "pause or resume a machine", machine + " was unprotected meanwhile");
  auto setting = primary->machine->set_activity(scope, activity);
  co_return co_await setting;
}

}  // namespace afterimage::host
