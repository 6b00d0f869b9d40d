// SPDX-License-Identifier: Apache-2.0
#include "tests/system/incarnation.h"

#include <utility>

namespace afterimage::system {

io::Task<Status> Incarnation::start() {
  host::HostOptions options;
  options.id = identity_.id;
  options.name = identity_.name;
  options.state_path = "/state";
  if (!identity_.store.empty()) {
    options.stores.push_back({.name = "default",
                              .path = identity_.store,
                              .segment_bytes = identity_.sizes.segment_bytes,
                              .sizes = identity_.sizes.store});
  }
  options.catalogue = identity_.catalogue;
  options.sizes = identity_.sizes.capture;
  AFI_CO_TRY(host_, host::Host::open(scope_, platform_, std::move(options), *this));
  AFI_CO_TRY_STATUS(trust());
  if (!identity_.store.empty()) {
    AFI_CO_TRY(listener_, platform_.network.listen(scope_, io::Endpoint{.host = "", .port = replication_port}));
    tasks_.spawn(accept_sessions());
  }
  started_ = true;
  co_return Status{};
}

io::Task<Status> Incarnation::trust() {
  AFI_CO_TRY(const std::optional<catalogue::PeerRow> known, host_->catalogue().peer(scope_, identity_.other));
  if (known) co_return Status{};
  const bool replica = !identity_.store.empty();
  catalogue::PeerRow peer;
  peer.id = identity_.other;
  peer.name = identity_.other_name;
  peer.role = replica ? catalogue::PeerRole::primary : catalogue::PeerRole::replica;
  peer.address = replica ? "" : identity_.other_name + ":8084";
  peer.root_pem = "none: plain streams";
  peer.joined = platform_.clock.now();
  AFI_CO_TRY_STATUS(host_->catalogue().put_peer(scope_, peer));
  if (!replica) co_return Status{};
  catalogue::PermissionRow permission;
  permission.peer = identity_.other;
  permission.store = "default";
  permission.machines_max = 8;
  auto putting = host_->catalogue().put_permission(scope_, permission);
  co_return co_await putting;
}

namespace {

class Door final : public replication::LaneDoor {
 public:
  Door(io::Network& network, io::Endpoint replica) : network_(network), replica_(std::move(replica)) {}
  io::Task<Result<std::unique_ptr<io::Stream>>> open(io::Scope& scope) override {
    return network_.connect(scope, replica_);
  }

 private:
  io::Network& network_;
  io::Endpoint replica_;
};

}  // namespace

io::Task<Result<std::unique_ptr<PointSink>>> Incarnation::connect(io::Scope& scope, HostId) {
  const io::Endpoint replica{.host = identity_.other_name, .port = replication_port};
  io::Scope dialling(scope, std::chrono::seconds(10));
  AFI_CO_TRY(std::unique_ptr<io::Stream> stream, platform_.network.connect(dialling, replica));
  replication::RemoteSinkOptions options;
  options.host_name = identity_.name;
  options.session = platform_.random.make_id<replication::SessionId>();
  options.tasks = &tasks_;
  options.lanes = 1 + std::to_integer<std::size_t>(options.session.bytes[0]) % 3;
  options.door = std::make_shared<Door>(platform_.network, replica);
  options.lanes_after_bytes = 0;
  AFI_CO_TRY(std::unique_ptr<replication::RemoteSink> sink,
             replication::connect_remote_sink(scope, std::move(stream), std::move(options)));
  co_return sink;
}

io::Task<void> Incarnation::accept_sessions() {
  for (;;) {
    auto accepting = listener_->accept(scope_);
    Result<std::unique_ptr<io::Stream>> stream = co_await accepting;
    if (!stream) co_return;
    tasks_.spawn(serve(std::move(*stream)));
  }
}

io::Task<void> Incarnation::serve(std::unique_ptr<io::Stream> stream) {
  replication::ServeOptions options;
  options.host_name = identity_.name;
  options.table = &sessions_;
  options.lanes = limits::lanes_max;
  options.window_bytes = identity_.sizes.window_bytes;
  options.lane_secret = platform_.random.make_id<replication::LaneSecret>();
  auto serving = replication::serve_session(
      scope_, std::move(stream), *host_, Peer{.id = identity_.other, .name = identity_.other_name}, std::move(options));
  const replication::SessionEnd end = co_await serving;
  (void)end;  // every end is legal here: the oracle looks at what was acknowledged
}

}  // namespace afterimage::system
