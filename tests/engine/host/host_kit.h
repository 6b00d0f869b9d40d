// SPDX-License-Identifier: Apache-2.0
// A primary host and its replica in a simulated world. The primary's connector asks the replica's gate, directly or
// over plain streams of the simulated network.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/host/host.h"
#include "io/sim/world.h"
#include "io/task_group.h"

namespace afterimage::host::kit {

enum class Between : std::uint8_t { calls, streams };

class HostPair final : public SinkConnector {
 public:
  explicit HostPair(Between between = Between::calls);
  ~HostPair() override;

  // Opens both hosts, which know each other.
  [[nodiscard]] Status start();
  // The process of one of them ends and begins anew.
  [[nodiscard]] Status restart_primary();
  [[nodiscard]] Status restart_replica();
  void kill_replica();
  template <typename T>
  [[nodiscard]] typename io::sim::RunResult<T>::type run(io::Task<T> task, Duration limit = std::chrono::hours(1)) {
    return io::sim::run(world, std::move(task), limit);
  }
  void pass(Duration time) { (void)world.run_for(time); }
  // Protects "web1" with one disk; its first point is made.
  [[nodiscard]] Status protect();
  // Changes the disk and syncs. The job, as it ended or as it is after `patience`.
  [[nodiscard]] Result<JobInfo> sync(Duration patience = std::chrono::minutes(20));
  [[nodiscard]] Result<JobId> begin_sync();
  // Of the only machine of that host.
  [[nodiscard]] MachineStatus status_of(Host& host);
  [[nodiscard]] static std::string reasons_of(const MachineStatus& status);

  [[nodiscard]] io::Task<Result<std::unique_ptr<PointSink>>> connect(io::Scope& scope, HostId peer) override;

  io::sim::World world{{.seed = 11}};
  io::sim::NodeId primary_node, replica_node;
  catalogue::KeptInMemory primary_catalogue, replica_catalogue;
  std::unique_ptr<io::Scope> primary_scope, replica_scope;
  std::unique_ptr<Host> primary, replica;
  std::vector<std::string> told;  // by both, lines of their logs
  // Of the replica, as it is opened next. Its primary may use the last.
  std::vector<replica::StoreOptions> stores = {{.name = "default", .path = "/store"}};

 private:
  // Of one host: what is under way dies with it.
  struct Tasks {
    explicit Tasks(io::Reactor& reactor) : scope(reactor), group(reactor) {}
    io::Scope scope;
    io::TaskGroup group;
  };
  [[nodiscard]] io::Task<void> listen();
  [[nodiscard]] io::Task<void> serve(std::unique_ptr<io::Stream> stream);
  [[nodiscard]] io::Task<Result<std::unique_ptr<PointSink>>> connect_over_streams(io::Scope& scope);

  [[nodiscard]] io::Task<Status> open_primary();
  [[nodiscard]] io::Task<Status> open_replica();
  [[nodiscard]] Status change_disk();

  HostId primary_id_, replica_id_;
  std::uint64_t changes_ = 0;
  Between between_;
  std::unique_ptr<Tasks> sessions_, servers_;  // of the primary, of the replica
};

}  // namespace afterimage::host::kit
