// SPDX-License-Identifier: Apache-2.0
// LoggedCommands: the host's commands, with a line in the log when a long one begins and when its job ends, however
// long that takes and whether or not anybody watches. Thread: the reactor's.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "engine/host/command_port.h"
#include "io/task_group.h"
#include "tools/afterimaged/log.h"

namespace afterimage::daemon {

class LoggedCommands final : public host::CommandPort {
 public:
  using Judge = std::function<void(std::vector<host::MachineStatus>&)>;
  // All outlive it. `judge` has the last word on the health of machines: the daemon knows of certificates, the host
  // does not.
  LoggedCommands(io::Reactor& reactor, host::CommandPort& commands, Log& log, Judge judge)
      : commands_(commands), log_(log), judge_(std::move(judge)), scope_(reactor), tasks_(reactor) {}
  // Call it before the destructor, and after the jobs have ended.
  [[nodiscard]] io::Task<void> stop();

  [[nodiscard]] io::Task<Result<host::Started>> protect(io::Scope& scope, host::Protect command) override;
  [[nodiscard]] io::Task<Result<host::Started>> sync(io::Scope& scope, host::Sync command) override;
  [[nodiscard]] io::Task<Result<host::Started>> unprotect(io::Scope& scope, host::Unprotect command) override;
  [[nodiscard]] io::Task<Result<host::Started>> remove_replica(io::Scope& scope, host::Remove command) override;
  [[nodiscard]] io::Task<Result<host::Started>> restore(io::Scope& scope, host::Restore command) override;
  [[nodiscard]] io::Task<Result<host::Started>> verify(io::Scope& scope, host::Verify command) override;
  [[nodiscard]] io::Task<Result<host::Started>> export_seed(io::Scope& scope, host::Export command) override;
  [[nodiscard]] io::Task<Result<host::Started>> import_seed(io::Scope& scope, host::Import command) override;

  [[nodiscard]] io::Task<Result<std::vector<host::MachineStatus>>> status(io::Scope& scope,
                                                                          std::optional<std::string> machine) override;
  [[nodiscard]] io::Task<Result<std::vector<host::PointInfo>>> points(io::Scope& scope, std::string machine) override {
    return commands_.points(scope, std::move(machine));
  }
  [[nodiscard]] io::Task<Status> pause(io::Scope& scope, std::string machine, host::Execution execution) override {
    return commands_.pause(scope, std::move(machine), execution);
  }
  [[nodiscard]] io::Task<Status> resume(io::Scope& scope, std::string machine, host::Execution execution) override {
    return commands_.resume(scope, std::move(machine), execution);
  }
  [[nodiscard]] std::vector<host::JobInfo> jobs() const override { return commands_.jobs(); }
  [[nodiscard]] Result<host::JobInfo> job(host::JobId id) const override { return commands_.job(id); }
  [[nodiscard]] io::Task<Result<host::JobInfo>> wait_for_job(io::Scope& scope, host::JobId id,
                                                             Duration patience) override {
    return commands_.wait_for_job(scope, id, patience);
  }
  [[nodiscard]] Status cancel_job(host::JobId id) override { return commands_.cancel_job(id); }

 private:
  [[nodiscard]] io::Task<Result<host::Started>> follow(io::Task<Result<host::Started>> starting, std::string what);
  [[nodiscard]] io::Task<void> log_end(host::JobId id);

  host::CommandPort& commands_;
  Log& log_;
  Judge judge_;
  io::Scope scope_;
  io::TaskGroup tasks_;
};

// "job 7, sync of web1: done, point 4", for the log.
[[nodiscard]] std::string describe_end(const host::JobInfo& job);

}  // namespace afterimage::daemon
