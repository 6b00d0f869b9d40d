// SPDX-License-Identifier: Apache-2.0
// Incarnation: one life of a daemon on a simulated node: the host as it is, a connector or a listener over plain
// streams. Destroying it is the host's death; what it left stands on the node's disk and in its catalogue.
#pragma once

#include <memory>
#include <string>

#include "engine/host/host.h"
#include "io/sim/world.h"
#include "io/task_group.h"
#include "tests/system/sizes.h"
#include "transport/replication/remote_sink.h"
#include "transport/replication/server.h"
#include "transport/replication/session_table.h"

namespace afterimage::system {

inline constexpr std::uint16_t replication_port = 8084;

// What a daemon is across its lives.
struct Identity {
  HostId id;
  std::string name;   // also the node's
  std::string store;  // path; empty: a primary
  catalogue::CatalogueLocation catalogue;
  HostId other;  // who it trusts
  std::string other_name;
  HostSizes sizes;
};

class Incarnation final : public SinkConnector {
 public:
  Incarnation(io::Platform platform, Identity identity)
      : platform_(platform), identity_(std::move(identity)), scope_(platform.reactor), tasks_(platform.reactor) {}

  // Recovers, trusts the other host, and listens if it has a store.
  [[nodiscard]] io::Task<Status> start();
  [[nodiscard]] host::Host& host() { return *host_; }
  [[nodiscard]] io::Scope& scope() { return scope_; }
  [[nodiscard]] bool is_started() const { return started_; }

  [[nodiscard]] io::Task<Result<std::unique_ptr<PointSink>>> connect(io::Scope& scope, HostId replica) override;

 private:
  [[nodiscard]] io::Task<Status> trust();
  [[nodiscard]] io::Task<void> accept_sessions();
  [[nodiscard]] io::Task<void> serve(std::unique_ptr<io::Stream> stream);

  io::Platform platform_;
  Identity identity_;
  io::Scope scope_;
  replication::SessionTable sessions_;
  std::unique_ptr<host::Host> host_;
  std::unique_ptr<io::Listener> listener_;
  bool started_ = false;
  io::TaskGroup tasks_;  // dies first: its frames use all of the above
};

}  // namespace afterimage::system
