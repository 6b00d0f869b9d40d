// SPDX-License-Identifier: Apache-2.0
// Host: the whole daemon without a network. It keeps the machines this host protects and the stores it is a replica
// for, runs commands and jobs, and opens the gate to primaries. The simulator runs it as it is; the daemon adds sockets
// and trust.
//
//   DIR/state/lock               one daemon to a state
//   DIR/state/machines/<id>/     protected machines (engine/source/primary_files.h)
//   DIR/state/stores/<name>      which stores there were (store_table.h)
//   STORE/…                      replicas (engine/replica)
//   host.db                      in the first store; of a host without a store, in DIR/state
//
// Thread: the reactor's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "engine/host/catalogue_health.h"
#include "engine/host/command_port.h"
#include "engine/host/job_table.h"
#include "engine/host/primary_commands.h"
#include "engine/host/primary_table.h"
#include "engine/host/replica_commands.h"
#include "engine/host/replica_removals.h"
#include "engine/host/store_table.h"
#include "engine/host/watch_dog.h"
#include "engine/plan/level_chooser.h"
#include "engine/port/replica_gate.h"
#include "io/platform.h"
#include "io/task_group.h"

namespace afterimage::host {

struct HostOptions {
  HostId id;
  std::string name;
  std::string state_path;
  std::vector<replica::StoreOptions> stores;  // the first is the default
  CompressionSetting compression = {};        // of what this host sends as a primary
  CaptureSizes sizes = {};                    // of what this host does as a primary; a store has its own
  // The simulator keeps host.db in memory; otherwise it is where the file head says.
  std::optional<catalogue::CatalogueLocation> catalogue = {};
  // Where what happens while the host runs is told, a line each. May be empty; called until stop() has ended.
  Tell tell = {};
};

// What a start found that an operator should know ("host.db was damaged and has been rebuilt: …").
using Notices = std::vector<std::string>;

class Host final : public CommandPort, public ReplicaGate {
 public:
  // Opens and recovers everything. `connector` outlives the host and may be called as soon as a command needs it.
  // Errors: busy (another daemon), permission_denied, damaged … with a sentence each.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<Host>>> open(io::Scope& scope, const io::Platform& platform,
                                                                    HostOptions options, SinkConnector& connector);
  ~Host() override;

  // Cancels jobs, ends sessions' sinks and waits for them. Call it before the destructor, except under the simulator,
  // where destroying a host is how it is killed.
  [[nodiscard]] io::Task<void> stop();

  [[nodiscard]] const HostOptions& options() const { return options_; }
  [[nodiscard]] catalogue::Catalogue& catalogue() { return *catalogue_; }
  [[nodiscard]] const Notices& notices() const { return notices_; }
  [[nodiscard]] const Stores& stores() const { return stores_.all(); }

  // Ends the sessions of a peer whose permissions have changed.
  void fence_sessions_of(HostId peer);

  // ReplicaGate: unknown and revoked peers are refused with the reason.
  [[nodiscard]] io::Task<Result<std::unique_ptr<PointSink>>> admit(io::Scope& scope, Peer peer) override;

  // CommandPort.
  [[nodiscard]] io::Task<Result<Started>> protect(io::Scope& scope, Protect command) override;
  [[nodiscard]] io::Task<Result<Started>> sync(io::Scope& scope, Sync command) override;
  [[nodiscard]] io::Task<Result<Started>> unprotect(io::Scope& scope, Unprotect command) override;
  [[nodiscard]] io::Task<Result<Started>> remove_replica(io::Scope& scope, Remove command) override;
  [[nodiscard]] io::Task<Result<Started>> restore(io::Scope& scope, Restore command) override;
  [[nodiscard]] io::Task<Result<Started>> verify(io::Scope& scope, Verify command) override;
  [[nodiscard]] io::Task<Result<Started>> export_seed(io::Scope& scope, Export command) override;
  [[nodiscard]] io::Task<Result<Started>> import_seed(io::Scope& scope, Import command) override;
  [[nodiscard]] io::Task<Result<std::vector<MachineStatus>>> status(io::Scope& scope,
                                                                    std::optional<std::string> machine) override;
  [[nodiscard]] io::Task<Result<std::vector<PointInfo>>> points(io::Scope& scope, std::string machine) override;
  [[nodiscard]] io::Task<Status> pause(io::Scope& scope, std::string machine, Execution execution) override;
  [[nodiscard]] io::Task<Status> resume(io::Scope& scope, std::string machine, Execution execution) override;
  [[nodiscard]] std::vector<JobInfo> jobs() const override { return jobs_.list(); }
  [[nodiscard]] Result<JobInfo> job(JobId id) const override { return jobs_.find(id); }
  [[nodiscard]] io::Task<Result<JobInfo>> wait_for_job(io::Scope& scope, JobId id, Duration patience) override {
    return jobs_.wait(scope, id, patience);
  }
  [[nodiscard]] Status cancel_job(JobId id) override { return jobs_.cancel(id); }

 private:
  Host(const io::Platform& platform, HostOptions options, SinkConnector& connector);

  [[nodiscard]] io::Task<Status> open_state(io::Scope& scope);
  [[nodiscard]] io::Task<Status> open_catalogue(io::Scope& scope);
  [[nodiscard]] io::Task<Status> look_for_strangers(io::Scope& scope);

  io::Platform platform_;
  HostOptions options_;
  Notices notices_;
  std::unique_ptr<io::Directory> state_;
  std::unique_ptr<io::File> lock_;  // of the state
  std::unique_ptr<catalogue::Catalogue> catalogue_;
  StoreTable stores_;
  PrimaryTable primaries_;
  JobTable jobs_;
  PrimaryCommands primary_commands_;
  ReplicaCommands replica_commands_;
  ReplicaRemovals removals_;
  WatchDog watch_dog_;
  CatalogueHealth catalogue_health_;
  io::Scope background_;
  io::TaskGroup tasks_;  // dies first: its frames use all of the above
};

}  // namespace afterimage::host
