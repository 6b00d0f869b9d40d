// SPDX-License-Identifier: Apache-2.0
#include "engine/host/host.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "io/write_probe.h"

namespace afterimage::host {
namespace {

const std::string catalogue_name = "host.db";

// Where the folder of host.db takes no writes, SQLite says "disk I/O error" and no more: the system's word is added,
// and what to do.
io::Task<Error> explained(io::Scope& scope, io::Disk& disk, std::string folder, Error error) {
  if (error.code != ErrorCode::io_failed) co_return error;
  auto opening = disk.open_directory(scope, folder);
  const auto opened = co_await opening;
  if (!opened) co_return error;
  auto probing = io::probe_writes(scope, **opened);
  const Status probed = co_await probing;
  if (probed) co_return error;
  error.system = probed.error().system;
  error.detail = "nothing can be written in " + folder + ", where host.db lies: " + probed.error().text();
  if (error.system == EROFS) error.detail += "; see why ('dmesg'), then mount it read-write";
  co_return error;
}

}  // namespace

Host::Host(const io::Platform& platform, HostOptions options, SinkConnector& connector)
    : platform_(platform),
      options_(std::move(options)),
      stores_(platform, options_.stores, options_.tell),
      primaries_(platform, options_.compression, options_.sizes),
      jobs_(platform),
      primary_commands_(platform, HostLabel{.id = options_.id, .name = options_.name}, primaries_, jobs_, connector),
      replica_commands_(platform, stores_, jobs_),
      removals_(stores_, jobs_),
      watch_dog_(platform, jobs_, stores_.all(), options_.tell),
      catalogue_health_(platform),
      background_(platform.reactor),
      tasks_(platform.reactor) {}

Host::~Host() = default;

io::Task<Result<std::unique_ptr<Host>>> Host::open(io::Scope& scope, const io::Platform& platform, HostOptions options,
                                                   SinkConnector& connector) {
  std::unique_ptr<Host> host(new Host(platform, std::move(options), connector));
  AFI_CO_TRY_STATUS(host->open_state(scope));
  AFI_CO_TRY_STATUS(host->stores_.read_known(scope, *host->state_, host->notices_));
  AFI_CO_TRY_STATUS(host->stores_.check_first(scope));
  AFI_CO_TRY_STATUS(host->open_catalogue(scope));
  AFI_CO_TRY_STATUS(host->stores_.open_all(scope, host->notices_));
  AFI_CO_TRY_STATUS(host->look_for_strangers(scope));
  AFI_CO_TRY_STATUS(host->primaries_.open(scope, *host->state_));
  host->tasks_.spawn(host->stores_.keep_mending(host->background_));
  host->tasks_.spawn(host->primaries_.keep_mending(host->background_));
  host->tasks_.spawn(host->watch_dog_.run(host->background_));
  host->tasks_.spawn(host->catalogue_health_.keep(host->background_));
  co_return host;
}

io::Task<Status> Host::open_state(io::Scope& scope) {
  AFI_CO_TRY(state_, platform_.disk.make_directory(scope, options_.state_path));
  AFI_CO_TRY(lock_, state_->open_file(scope, "lock", io::OpenMode::open_or_create));
  const Status locked = lock_->try_lock(io::LockMode::exclusive);
  if (!locked && locked.error().code == ErrorCode::busy) {
    co_return fail(ErrorCode::busy, "lock the state of a host", "another afterimaged uses " + options_.state_path);
  }
  co_return locked;
}

// A damaged host.db is moved aside and made anew: machines and points come back from the journals, peers, permissions
// and keys do not, and that is said.
io::Task<Status> Host::open_catalogue(io::Scope& scope) {
  const std::string& folder = options_.stores.empty() ? options_.state_path : options_.stores.front().path;
  std::string path = folder + "/" + catalogue_name;
  const catalogue::CatalogueLocation where =
      options_.catalogue ? *options_.catalogue : catalogue::CatalogueLocation::file(path);
  auto opening = catalogue::Catalogue::open(scope, platform_.workers, where);
  Result<std::unique_ptr<catalogue::Catalogue>> opened = co_await opening;
  if (!opened && opened.error().code == ErrorCode::damaged && !options_.catalogue) {
    const std::string why = opened.error().text();
    AFI_CO_TRY(const std::string aside,
               catalogue::Catalogue::move_aside(scope, platform_.disk, path, platform_.clock.now()));
    notices_.push_back("host.db was damaged (" + why + ") and was moved to " + aside +
                       "; machines and points were rebuilt from the "
                       "journals; peers, permissions and registration keys are gone: enrol the primaries again");
    AFI_CO_TRY(catalogue_, catalogue::Catalogue::open(scope, platform_.workers, where));
  } else {
    if (!opened) {
      auto explaining = explained(scope, platform_.disk, folder, opened.error());
      co_return std::unexpected(co_await explaining);
    }
    catalogue_ = std::move(*opened);
  }
  stores_.use(*catalogue_);
  primary_commands_.use(*catalogue_);
  replica_commands_.use(*catalogue_);
  removals_.use(*catalogue_);
  catalogue_health_.use(*catalogue_);
  co_return Status{};
}

// A host.db that was lost comes back without what only it knew; the journals tell that there was more.
io::Task<Status> Host::look_for_strangers(io::Scope& scope) {
  AFI_CO_TRY(const std::vector<std::string> names, replica_commands_.machines_of_strangers(scope));
  if (names.empty()) co_return Status{};
  constexpr std::size_t named_max = 5;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), named_max); ++i) list += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > named_max) list += " and " + std::to_string(names.size() - named_max) + " more";
  notices_.push_back("host.db does not know the primary of " + list +
                     ": it is not the one these replicas were made with. Machines and points were rebuilt from the "
                     "journals; peers, permissions and registration keys are gone: enrol the primaries again");
  co_return Status{};
}

io::Task<void> Host::stop() {
  background_.cancel();
  auto stopping = jobs_.stop();
  co_await stopping;
  auto joining = tasks_.join();
  co_await joining;
  auto closing = stores_.close();
  co_await closing;
}

void Host::fence_sessions_of(HostId peer) {
  for (const std::unique_ptr<replica::ReplicaStore>& store : stores_.all()) store->fence_sessions_of(peer);
}

io::Task<Result<std::unique_ptr<PointSink>>> Host::admit(io::Scope& scope, Peer peer) {
  AFI_CO_TRY(const std::optional<catalogue::PeerRow> known, catalogue_->peer(scope, peer.id));
  if (!known || known->role == catalogue::PeerRole::replica) {
    co_return fail(ErrorCode::permission_denied, "admit a primary",
                   "this replica does not know the host " + peer.name +
                       " as a primary; run 'afterimage enrol join KEY' there first");
  }
  if (known->state == catalogue::PeerState::revoked) {
    co_return fail(ErrorCode::permission_denied, "admit a primary",
                   "the host " + known->name + " has been revoked on this replica");
  }
  AFI_CO_TRY(const std::optional<catalogue::PermissionRow> permission, catalogue_->permission(scope, peer.id));
  if (!permission) {
    co_return fail(ErrorCode::permission_denied, "admit a primary",
                   "the host " + known->name + " has no permission to replicate here");
  }
  AFI_CO_RESULT(replica::ReplicaStore* const store, stores_.find(permission->store));
  auto noting = catalogue_->note_seen(scope, peer.id, platform_.clock.now());
  [[maybe_unused]] const Status noted = co_await noting;  // for show; a host.db that takes nothing keeps nobody out
  co_return store->receiver(Peer{.id = peer.id, .name = known->name});
}

io::Task<Result<Started>> Host::protect(io::Scope& scope, Protect command) {
  auto answering = primary_commands_.protect(scope, std::move(command));
  co_return co_await answering;
}

io::Task<Result<Started>> Host::sync(io::Scope& scope, Sync command) {
  auto answering = primary_commands_.sync(scope, std::move(command));
  co_return co_await answering;
}

io::Task<Result<Started>> Host::unprotect(io::Scope& scope, Unprotect command) {
  auto answering = primary_commands_.unprotect(scope, std::move(command));
  co_return co_await answering;
}

io::Task<Result<Started>> Host::remove_replica(io::Scope& scope, Remove command) {
  auto answering = removals_.remove(scope, std::move(command));
  co_return co_await answering;
}

io::Task<Result<Started>> Host::restore(io::Scope& scope, Restore command) {
  auto answering = replica_commands_.restore(scope, std::move(command));
  co_return co_await answering;
}

io::Task<Result<Started>> Host::verify(io::Scope& scope, Verify command) {
  auto answering = replica_commands_.verify(scope, std::move(command));
  co_return co_await answering;
}

io::Task<Result<Started>> Host::export_seed(io::Scope& scope, Export command) {
  auto answering = primary_commands_.export_seed(scope, std::move(command));
  co_return co_await answering;
}

io::Task<Result<Started>> Host::import_seed(io::Scope& scope, Import command) {
  auto answering = replica_commands_.import_seed(scope, std::move(command));
  co_return co_await answering;
}

io::Task<Status> Host::pause(io::Scope& scope, std::string machine, Execution execution) {
  auto answering = primary_commands_.set_activity(scope, std::move(machine), Activity::paused, execution);
  co_return co_await answering;
}

io::Task<Status> Host::resume(io::Scope& scope, std::string machine, Execution execution) {
  auto answering = primary_commands_.set_activity(scope, std::move(machine), Activity::active, execution);
  co_return co_await answering;
}

io::Task<Result<std::vector<MachineStatus>>> Host::status(io::Scope& scope, std::optional<std::string> machine) {
  std::vector<MachineStatus> list;
  const std::vector<std::shared_ptr<Primary>> primaries = primaries_.all();
  for (const std::shared_ptr<Primary>& primary : primaries) {
    if (machine && *machine != primary->name()) continue;
    auto describing = primary_commands_.status_of(scope, primary);
    list.push_back(co_await describing);
    catalogue_health_.judge(list.back());
  }
  const std::vector<std::shared_ptr<replica::Machine>> replicas = replica_commands_.all();
  for (const std::shared_ptr<replica::Machine>& replica : replicas) {
    auto describing = replica_commands_.status_of(scope, replica);
    MachineStatus status = co_await describing;
    if (replica->index_failure().empty()) catalogue_health_.judge(status);  // that says the same
    if (!machine || *machine == status.name || *machine == status.peer + "/" + status.name)
      list.push_back(std::move(status));
  }
  for (MachineStatus& status : replica_commands_.troubles()) {
    if (!machine || *machine == status.name) list.push_back(std::move(status));
  }
  for (MachineStatus& status : list) watch_dog_.judge(status);
  if (machine && list.empty()) {
    co_return fail(ErrorCode::not_found, "show a machine",
                   "this host knows no machine '" + *machine + "'; 'afterimage status' lists what there is");
  }
  co_return list;
}

io::Task<Result<std::vector<PointInfo>>> Host::points(io::Scope& scope, std::string machine) {
  if (std::shared_ptr<Primary> primary = primaries_.find(machine)) {
    auto listing = primary_commands_.points_of(scope, std::move(primary));
    co_return co_await listing;
  }
  AFI_CO_TRY(const std::shared_ptr<replica::Machine> replica, replica_commands_.find(scope, std::move(machine)));
  co_return ReplicaCommands::points_of(*replica);
}

}  // namespace afterimage::host
