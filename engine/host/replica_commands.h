// SPDX-License-Identifier: Apache-2.0
// ReplicaCommands: what an operator can ask of the replicas this host keeps, in all its stores. A replica is named by
// its machine, or OWNER/MACHINE where two primaries have machines of one name. Thread: the reactor's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "engine/host/commands.h"
#include "engine/host/job_table.h"
#include "engine/host/peer_names.h"
#include "engine/host/store_table.h"
#include "io/platform.h"

namespace afterimage::host {

class ReplicaCommands {
 public:
  // All by reference outlive it.
  ReplicaCommands(const io::Platform& platform, const StoreTable& stores, JobTable& jobs)
      : platform_(platform), stores_(stores), jobs_(jobs) {}
  void use(catalogue::Catalogue& catalogue) {
    catalogue_ = &catalogue;
    names_.use(catalogue);
  }

  [[nodiscard]] io::Task<Result<Started>> restore(io::Scope& scope, Restore command);
  [[nodiscard]] io::Task<Result<Started>> verify(io::Scope& scope, Verify command);
  [[nodiscard]] io::Task<Result<Started>> import_seed(io::Scope& scope, Import command);

  // not_found; invalid_argument where the name is of several.
  [[nodiscard]] io::Task<Result<std::shared_ptr<replica::Machine>>> find(io::Scope& scope, std::string name);
  [[nodiscard]] std::vector<std::shared_ptr<replica::Machine>> all() const;
  [[nodiscard]] io::Task<MachineStatus> status_of(io::Scope& scope, std::shared_ptr<replica::Machine> machine);
  // Machines that could not be opened, and those of stores that could not be.
  [[nodiscard]] std::vector<MachineStatus> troubles() const;
  // Names of machines whose primary host.db does not know: it was lost, and only the journals remember them.
  [[nodiscard]] io::Task<Result<std::vector<std::string>>> machines_of_strangers(io::Scope& scope);
  [[nodiscard]] static std::vector<PointInfo> points_of(const replica::Machine& machine);

 private:
  [[nodiscard]] Result<Sequence> select(const replica::Machine& machine, const std::string& written) const;
  [[nodiscard]] io::Task<Result<JobResult>> run_restore(Job& job, std::shared_ptr<replica::Machine> machine,
                                                        Sequence point, Restore command);
  [[nodiscard]] io::Task<Result<JobResult>> run_verify(Job& job, std::shared_ptr<replica::Machine> machine,
                                                       std::optional<Sequence> point);
  [[nodiscard]] io::Task<Result<JobResult>> run_import(Job& job, std::string from);

  io::Platform platform_;
  const StoreTable& stores_;
  JobTable& jobs_;
  catalogue::Catalogue* catalogue_ = nullptr;
  PeerNames names_;
};

}  // namespace afterimage::host
