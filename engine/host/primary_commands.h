// SPDX-License-Identifier: Apache-2.0
// PrimaryCommands: what an operator can ask of the machines this host protects. Thread: the reactor's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "engine/host/commands.h"
#include "engine/host/job_table.h"
#include "engine/host/peer_names.h"
#include "engine/host/primary_table.h"
#include "engine/port/replica_gate.h"
#include "io/platform.h"

namespace afterimage::host {

// This host, as a medium names it.
struct HostLabel {
  HostId id;
  std::string name;
};

class PrimaryCommands {
 public:
  // All by reference outlive it.
  PrimaryCommands(const io::Platform& platform, HostLabel self, PrimaryTable& primaries, JobTable& jobs,
                  SinkConnector& connector)
      : platform_(platform), self_(std::move(self)), primaries_(primaries), jobs_(jobs), connector_(connector) {}
  void use(catalogue::Catalogue& catalogue) {
    catalogue_ = &catalogue;
    names_.use(catalogue);
  }

  [[nodiscard]] io::Task<Result<Started>> protect(io::Scope& scope, Protect command);
  [[nodiscard]] io::Task<Result<Started>> sync(io::Scope& scope, Sync command);
  [[nodiscard]] io::Task<Result<Started>> unprotect(io::Scope& scope, Unprotect command);
  [[nodiscard]] io::Task<Result<Started>> export_seed(io::Scope& scope, Export command);
  [[nodiscard]] io::Task<Status> set_activity(io::Scope& scope, std::string machine, Activity activity,
                                              Execution execution);

  [[nodiscard]] io::Task<MachineStatus> status_of(io::Scope& scope, std::shared_ptr<Primary> primary);
  [[nodiscard]] io::Task<Result<std::vector<PointInfo>>> points_of(io::Scope& scope, std::shared_ptr<Primary> primary);

 private:
  [[nodiscard]] Result<std::shared_ptr<Primary>> find(const std::string& machine);
  // The same for a command, at which what could not be read is tried again.
  [[nodiscard]] io::Task<Result<std::shared_ptr<Primary>>> find_asked(io::Scope& scope, std::string machine);
  [[nodiscard]] io::Task<Result<catalogue::PeerRow>> find_replica(io::Scope& scope, std::string name);
  [[nodiscard]] Status check_protect(const Protect& command);
  [[nodiscard]] io::Task<Result<PrimaryRecord>> make_record(io::Scope& scope, const Protect& command, HostId replica);
  [[nodiscard]] io::Task<Result<JobResult>> run_protect(Job& job, PrimaryRecord record, SeedKind seed);
  [[nodiscard]] io::Task<Result<JobResult>> run_sync(Job& job);
  [[nodiscard]] io::Task<Result<JobResult>> run_unprotect(Job& job, ReplicaRemoval removal);
  [[nodiscard]] io::Task<Result<JobResult>> run_export(Job& job, std::string to);
  [[nodiscard]] io::Task<Status> check_not_in_use(io::Scope& scope, std::vector<std::string> paths);
  [[nodiscard]] io::Task<Result<source::CycleResult>> replicate(Job& job, Primary& primary, source::Goal goal);
  [[nodiscard]] io::Task<Result<source::CycleResult>> replicate_with_retries(Job& job, Primary& primary,
                                                                             source::Goal goal);

  io::Platform platform_;
  HostLabel self_;
  PrimaryTable& primaries_;
  JobTable& jobs_;
  SinkConnector& connector_;
  catalogue::Catalogue* catalogue_ = nullptr;
  PeerNames names_;
};

}  // namespace afterimage::host
