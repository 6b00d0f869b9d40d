// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/host/host_kit.h"

#include <utility>

namespace afterimage::host::kit {
namespace {

const std::string image_path = "/images/root.raw";

// The catalogues of one process live side by side.
std::string unique_name(const std::string& host) {
  static int count = 0;
  return host + std::to_string(++count);
}

}  // namespace

HostPair::HostPair()
    : primary_node(world.add_node("primary")),
      replica_node(world.add_node("replica")),
      primary_catalogue(unique_name("primary")),
      replica_catalogue(unique_name("replica")) {
  primary_id_.bytes[0] = std::byte{1};
  replica_id_.bytes[0] = std::byte{2};
}

HostPair::~HostPair() {
  primary.reset();
  replica.reset();
}

io::Task<Status> HostPair::open_primary() {
  HostOptions options{.id = primary_id_, .name = "primary", .state_path = "/state"};
  options.catalogue = primary_catalogue.location();
  options.tell = [this](Health, std::string_view line) { told.emplace_back(line); };
  AFI_CO_TRY(primary, Host::open(*primary_scope, world.platform(primary_node), std::move(options), *this));
  const catalogue::PeerRow peer{.id = replica_id_,
                                .name = "replica",
                                .role = catalogue::PeerRole::replica,
                                .address = "replica:8084",
                                .root_pem = "-"};
  auto putting = primary->catalogue().put_peer(*primary_scope, peer);
  co_return co_await putting;
}

io::Task<Status> HostPair::open_replica() {
  HostOptions options{.id = replica_id_, .name = "replica", .state_path = "/state"};
  options.stores.push_back({.name = "default", .path = "/store"});
  options.catalogue = replica_catalogue.location();
  options.tell = [this](Health, std::string_view line) { told.emplace_back(line); };
  AFI_CO_TRY(replica, Host::open(*replica_scope, world.platform(replica_node), std::move(options), *this));
  const catalogue::PeerRow peer{
      .id = primary_id_, .name = "primary", .role = catalogue::PeerRole::primary, .root_pem = "-"};
  AFI_CO_TRY_STATUS(replica->catalogue().put_peer(*replica_scope, peer));
  const catalogue::PermissionRow permission{.peer = primary_id_, .store = "default", .machines_max = 8};
  auto putting = replica->catalogue().put_permission(*replica_scope, permission);
  co_return co_await putting;
}

Status HostPair::start() {
  primary_scope = std::make_unique<io::Scope>(world.platform(primary_node).reactor);
  replica_scope = std::make_unique<io::Scope>(world.platform(replica_node).reactor);
  AFI_TRY_STATUS(run(open_replica()));
  return run(open_primary());
}

Status HostPair::restart_primary() {
  world.kill(primary_node);
  primary.reset();
  primary_scope.reset();
  world.restart(primary_node);
  primary_scope = std::make_unique<io::Scope>(world.platform(primary_node).reactor);
  return run(open_primary());
}

Status HostPair::change_disk() {
  const Bytes content(64 * 1024, static_cast<std::byte>(++changes_));
  return world.disk(primary_node).write(image_path, ByteOffset{}, content, io::sim::Persistence::synced);
}

Status HostPair::protect() {
  AFI_TRY_STATUS(change_disk());
  Protect command;
  command.machine = "web1";
  command.replica = "replica";
  command.disks = {{.name = "root", .path = image_path}};
  AFI_TRY(const Started started, run(primary->protect(*primary_scope, std::move(command))));
  AFI_TRY(const JobInfo job,
          run(primary->wait_for_job(*primary_scope, std::get<JobId>(started), std::chrono::minutes(20))));
  if (job.error) return std::unexpected(*job.error);
  return {};
}

Result<JobId> HostPair::begin_sync() {
  AFI_TRY_STATUS(change_disk());
  AFI_TRY(const Started started, run(primary->sync(*primary_scope, Sync{.machine = "web1"})));
  return std::get<JobId>(started);
}

Result<JobInfo> HostPair::sync(Duration patience) {
  AFI_TRY(const JobId id, begin_sync());
  return run(primary->wait_for_job(*primary_scope, id, patience));
}

MachineStatus HostPair::status_of(Host& host) {
  io::Scope& scope = &host == primary.get() ? *primary_scope : *replica_scope;
  Result<std::vector<MachineStatus>> list = run(host.status(scope, std::nullopt));
  return list && !list->empty() ? std::move(list->front()) : MachineStatus{};
}

std::string HostPair::reasons_of(const MachineStatus& status) {
  std::string text;
  for (const std::string& reason : status.reasons) text += reason + "\n";
  return text;
}

io::Task<Result<std::unique_ptr<PointSink>>> HostPair::connect(io::Scope& scope, HostId) {
  auto admitting = replica->admit(scope, Peer{.id = primary_id_, .name = "primary"});
  co_return co_await admitting;
}

}  // namespace afterimage::host::kit
