// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/host/host_kit.h"

#include <utility>

#include "transport/replication/remote_sink.h"
#include "transport/replication/server.h"

namespace afterimage::host::kit {
namespace {

const std::string image_path = "/images/root.raw";
constexpr std::uint16_t replication_port = 8084;

// The catalogues of one process live side by side.
std::string unique_name(const std::string& host) {
  static int count = 0;
  return host + std::to_string(++count);
}

}  // namespace

HostPair::HostPair(Between between)
    : primary_node(world.add_node("primary")),
      replica_node(world.add_node("replica")),
      primary_catalogue(unique_name("primary")),
      replica_catalogue(unique_name("replica")),
      between_(between) {
  primary_id_.bytes[0] = std::byte{1};
  replica_id_.bytes[0] = std::byte{2};
}

HostPair::~HostPair() {
  sessions_.reset();
  servers_.reset();
  primary.reset();
  replica.reset();
}

io::Task<Status> HostPair::open_primary() {
  HostOptions options{.id = primary_id_, .name = "primary", .state_path = "/state"};
  options.catalogue = primary_catalogue.location();
  options.tell = [this](Health, std::string_view line) { told.emplace_back(line); };
  const io::Platform platform = world.platform(primary_node);  // outlives the opening, which refers to it
  AFI_CO_TRY(primary, Host::open(*primary_scope, platform, std::move(options), *this));
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
  options.stores = stores;
  options.catalogue = replica_catalogue.location();
  options.tell = [this](Health, std::string_view line) { told.emplace_back(line); };
  const io::Platform platform = world.platform(replica_node);  // outlives the opening, which refers to it
  AFI_CO_TRY(replica, Host::open(*replica_scope, platform, std::move(options), *this));
  const catalogue::PeerRow peer{
      .id = primary_id_, .name = "primary", .role = catalogue::PeerRole::primary, .root_pem = "-"};
  AFI_CO_TRY_STATUS(replica->catalogue().put_peer(*replica_scope, peer));
  const catalogue::PermissionRow permission{.peer = primary_id_, .store = stores.back().name, .machines_max = 8};
  auto putting = replica->catalogue().put_permission(*replica_scope, permission);
  co_return co_await putting;
}

Status HostPair::start() {
  primary_scope = std::make_unique<io::Scope>(world.platform(primary_node).reactor);
  replica_scope = std::make_unique<io::Scope>(world.platform(replica_node).reactor);
  sessions_ = std::make_unique<Tasks>(world.platform(primary_node).reactor);
  servers_ = std::make_unique<Tasks>(world.platform(replica_node).reactor);
  if (between_ == Between::streams) servers_->group.spawn(listen());
  AFI_TRY_STATUS(run(open_replica()));
  return run(open_primary());
}

Status HostPair::restart_primary() {
  world.kill(primary_node);
  primary.reset();
  primary_scope.reset();
  sessions_.reset();
  world.restart(primary_node);
  primary_scope = std::make_unique<io::Scope>(world.platform(primary_node).reactor);
  sessions_ = std::make_unique<Tasks>(world.platform(primary_node).reactor);
  return run(open_primary());
}

void HostPair::kill_replica() {
  world.kill(replica_node);
  servers_.reset();
  replica.reset();
  replica_scope.reset();
}

Status HostPair::restart_replica() {
  if (world.is_up(replica_node)) kill_replica();
  world.restart(replica_node);
  replica_scope = std::make_unique<io::Scope>(world.platform(replica_node).reactor);
  servers_ = std::make_unique<Tasks>(world.platform(replica_node).reactor);
  if (between_ == Between::streams) servers_->group.spawn(listen());
  return run(open_replica());
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

io::Task<void> HostPair::listen() {
  auto listening = world.platform(replica_node).network.listen(servers_->scope, {.host = "", .port = replication_port});
  auto listener = co_await listening;
  while (listener) {
    auto accepting = (*listener)->accept(servers_->scope);
    auto stream = co_await accepting;
    if (!stream) break;
    servers_->group.spawn(serve(std::move(*stream)));
  }
}

io::Task<void> HostPair::serve(std::unique_ptr<io::Stream> stream) {
  auto serving = replication::serve_session(servers_->scope, std::move(stream), *replica,
                                            Peer{.id = primary_id_, .name = "primary"}, {.host_name = "replica"});
  [[maybe_unused]] const replication::SessionEnd end = co_await serving;
}

io::Task<Result<std::unique_ptr<PointSink>>> HostPair::connect_over_streams(io::Scope& scope) {
  io::Platform platform = world.platform(primary_node);
  AFI_CO_TRY(std::unique_ptr<io::Stream> stream,
             platform.network.connect(scope, {.host = "replica", .port = replication_port}));
  AFI_CO_TRY(std::unique_ptr<replication::RemoteSink> sink,
             replication::connect_remote_sink(scope, std::move(stream),
                                              {.host_name = "primary",
                                               .session = platform.random.make_id<replication::SessionId>(),
                                               .tasks = &sessions_->group}));
  std::unique_ptr<PointSink> ready = std::move(sink);
  co_return ready;
}

io::Task<Result<std::unique_ptr<PointSink>>> HostPair::connect(io::Scope& scope, HostId) {
  if (between_ == Between::streams) {
    auto connecting = connect_over_streams(scope);
    co_return co_await connecting;
  }
  auto admitting = replica->admit(scope, Peer{.id = primary_id_, .name = "primary"});
  co_return co_await admitting;
}

}  // namespace afterimage::host::kit
