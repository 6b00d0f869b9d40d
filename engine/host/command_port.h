// SPDX-License-Identifier: Apache-2.0
// CommandPort: the whole host as its operator reaches it. engine/host implements it; the control API calls it.
// Every error carries a sentence in `detail` that says what, why and what to do. Thread: the reactor's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/host/commands.h"
#include "io/base/result.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::host {

class CommandPort {
 public:
  virtual ~CommandPort() = default;

  // Long commands: checked before they answer, then run as jobs.
  [[nodiscard]] virtual io::Task<Result<Started>> protect(io::Scope& scope, Protect command) = 0;
  [[nodiscard]] virtual io::Task<Result<Started>> sync(io::Scope& scope, Sync command) = 0;
  [[nodiscard]] virtual io::Task<Result<Started>> unprotect(io::Scope& scope, Unprotect command) = 0;
  [[nodiscard]] virtual io::Task<Result<Started>> remove_replica(io::Scope& scope, Remove command) = 0;
  [[nodiscard]] virtual io::Task<Result<Started>> restore(io::Scope& scope, Restore command) = 0;
  [[nodiscard]] virtual io::Task<Result<Started>> verify(io::Scope& scope, Verify command) = 0;
  [[nodiscard]] virtual io::Task<Result<Started>> export_seed(io::Scope& scope, Export command) = 0;
  [[nodiscard]] virtual io::Task<Result<Started>> import_seed(io::Scope& scope, Import command) = 0;

  // Short ones.
  [[nodiscard]] virtual io::Task<Result<std::vector<MachineStatus>>> status(io::Scope& scope,
                                                                            std::optional<std::string> machine) = 0;
  [[nodiscard]] virtual io::Task<Result<std::vector<PointInfo>>> points(io::Scope& scope, std::string machine) = 0;
  [[nodiscard]] virtual io::Task<Status> pause(io::Scope& scope, std::string machine, Execution execution) = 0;
  [[nodiscard]] virtual io::Task<Status> resume(io::Scope& scope, std::string machine, Execution execution) = 0;

  // Jobs. The newest limits::jobs_kept_max are remembered.
  [[nodiscard]] virtual std::vector<JobInfo> jobs() const = 0;
  [[nodiscard]] virtual Result<JobInfo> job(JobId id) const = 0;
  // Returns when the job has ended, or after `patience`.
  [[nodiscard]] virtual io::Task<Result<JobInfo>> wait_for_job(io::Scope& scope, JobId id, Duration patience) = 0;
  [[nodiscard]] virtual Status cancel_job(JobId id) = 0;
};

}  // namespace afterimage::host
