// SPDX-License-Identifier: Apache-2.0
// ReplicaRemovals: the operator's `remove`: a replica, its points and its name go, whatever state it is in. Without a
// confirmation only the plan is told. A machine that is being read (restore, verify) or imported stays until that is
// over; one that is being seeded loses its session. Thread: the reactor's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "engine/host/commands.h"
#include "engine/host/job_table.h"
#include "engine/host/peer_names.h"
#include "engine/host/store_table.h"

namespace afterimage::host {

class ReplicaRemovals {
 public:
  // All by reference outlive it.
  ReplicaRemovals(const StoreTable& stores, JobTable& jobs) : stores_(stores), jobs_(jobs) {}
  void use(catalogue::Catalogue& catalogue) {
    catalogue_ = &catalogue;
    names_.use(catalogue);
  }

  // not_found; invalid_argument where the name is of several; refused without a confirmation, and where the store is
  // not open; busy.
  [[nodiscard]] io::Task<Result<Started>> remove(io::Scope& scope, Remove command);

 private:
  // What can be removed: a machine, or what is left of one that cannot be opened.
  struct Target {
    replica::ReplicaStore* store = nullptr;
    MachineId id;
    std::string name;   // the id where none is known
    std::string owner;  // of its primary; the id where none is known, empty where not even that is
    std::shared_ptr<replica::Machine> machine;  // nullptr: it cannot be opened
    std::string trouble;                        // why not

    [[nodiscard]] bool is_called(const std::string& written) const;
    [[nodiscard]] std::string full_name() const { return owner.empty() ? name : owner + "/" + name; }
  };
  [[nodiscard]] io::Task<Result<std::vector<Target>>> targets(io::Scope& scope);
  [[nodiscard]] io::Task<Result<Target>> find(io::Scope& scope, std::string written);
  [[nodiscard]] Status check_not_in_use(const Target& target) const;
  [[nodiscard]] static io::Task<Plan> plan_of(Target target);
  [[nodiscard]] static io::Task<Result<JobResult>> run(Job& job, Target target);

  const StoreTable& stores_;
  JobTable& jobs_;
  catalogue::Catalogue* catalogue_ = nullptr;
  PeerNames names_;
};

}  // namespace afterimage::host
