// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/logged_commands.h"

#include <chrono>
#include <variant>

namespace afterimage::daemon {

using host::JobId;
using host::JobInfo;
using host::JobState;
using host::Started;

namespace {

constexpr Duration patience = std::chrono::hours(1);  // of one look at a job

std::string name_of(const JobInfo& job) {
  return "job " + std::to_string(job.id) + ", " + job.kind + (job.machine.empty() ? "" : " of '" + job.machine + "'");
}

std::string describe(const host::SyncResult& result) {
  return "point " + std::to_string(result.sequence.value()) + ", " + std::to_string(result.changed_bytes.value()) +
         " bytes changed, " + std::to_string(result.sent_bytes.value()) + " sent";
}

struct Describer {
  std::string operator()(const std::monostate&) const { return {}; }
  std::string operator()(const host::SyncResult& result) const { return describe(result); }
  std::string operator()(const host::ProtectResult& result) const {
    return result.first_point ? describe(*result.first_point) : "waits for its medium";
  }
  std::string operator()(const host::RestoreResult& result) const {
    return "point " + std::to_string(result.sequence.value()) + " of disk '" + result.disk + "' to " + result.path;
  }
  std::string operator()(const host::VerifyResult& result) const {
    return std::to_string(result.points_verified) + " point(s) good, " + std::to_string(result.points_damaged) +
           " damaged";
  }
  std::string operator()(const host::TransferResult& result) const {
    return result.path + ", " + std::to_string(result.bytes.value()) + " bytes of content";
  }
  std::string operator()(const host::RemovalResult& result) const {
    return result.replica_removed ? "the replica is removed, too" : "the replica is kept";
  }
};

}  // namespace

std::string describe_end(const JobInfo& job) {
  std::string text = name_of(job);
  switch (job.state) {
    case JobState::running: return text + ": running";
    case JobState::cancelled: return text + ": cancelled";
    case JobState::failed: return text + ": failed: " + (job.error ? job.error->text() : "no reason is known");
    case JobState::done: break;
  }
  text += ": done";
  if (const std::string result = std::visit(Describer{}, job.result); !result.empty()) text += ", " + result;
  for (const std::string& warning : job.warnings) text += "; warning: " + warning;
  return text;
}

io::Task<void> LoggedCommands::stop() {
  scope_.cancel();
  return tasks_.join();
}

io::Task<void> LoggedCommands::log_end(JobId id) {
  while (true) {
    auto waiting = commands_.wait_for_job(scope_, id, patience);
    const auto job = co_await waiting;
    if (!job) break;  // this daemon stops
    if (job->state == JobState::running) {
      if (scope_.is_interrupted()) break;
      continue;
    }
    const bool is_well = job->state == JobState::done && job->warnings.empty();
    log_.write(is_well ? Severity::info : Severity::warning, describe_end(*job));
    break;
  }
}

io::Task<Result<std::vector<host::MachineStatus>>> LoggedCommands::status(io::Scope& scope,
                                                                          std::optional<std::string> machine) {
  AFI_CO_TRY(std::vector<host::MachineStatus> machines, commands_.status(scope, std::move(machine)));
  judge_(machines);
  co_return machines;
}

io::Task<Result<Started>> LoggedCommands::follow(io::Task<Result<Started>> starting, std::string what) {
  auto started = co_await starting;
  if (!started) {
    log_.warning(what + " is refused: " + started.error().text());
  } else if (const auto* id = std::get_if<JobId>(&*started)) {
    log_.info(what + " begins as job " + std::to_string(*id));
    tasks_.spawn(log_end(*id));
  }
  co_return started;
}

io::Task<Result<Started>> LoggedCommands::protect(io::Scope& scope, host::Protect command) {
  std::string what = "protect of '" + command.machine + "'";
  return follow(commands_.protect(scope, std::move(command)), std::move(what));
}
io::Task<Result<Started>> LoggedCommands::sync(io::Scope& scope, host::Sync command) {
  std::string what = "sync of '" + command.machine + "'";
  return follow(commands_.sync(scope, std::move(command)), std::move(what));
}
io::Task<Result<Started>> LoggedCommands::unprotect(io::Scope& scope, host::Unprotect command) {
  std::string what = "unprotect of '" + command.machine + "'";
  return follow(commands_.unprotect(scope, std::move(command)), std::move(what));
}
io::Task<Result<Started>> LoggedCommands::remove_replica(io::Scope& scope, host::Remove command) {
  std::string what = "remove of '" + command.machine + "'";
  return follow(commands_.remove_replica(scope, std::move(command)), std::move(what));
}
io::Task<Result<Started>> LoggedCommands::restore(io::Scope& scope, host::Restore command) {
  std::string what = "restore of '" + command.machine + "' to " + command.to;
  return follow(commands_.restore(scope, std::move(command)), std::move(what));
}
io::Task<Result<Started>> LoggedCommands::verify(io::Scope& scope, host::Verify command) {
  std::string what = "verify of '" + command.machine + "'";
  return follow(commands_.verify(scope, std::move(command)), std::move(what));
}
io::Task<Result<Started>> LoggedCommands::export_seed(io::Scope& scope, host::Export command) {
  std::string what = "export of '" + command.machine + "' to " + command.to;
  return follow(commands_.export_seed(scope, std::move(command)), std::move(what));
}
io::Task<Result<Started>> LoggedCommands::import_seed(io::Scope& scope, host::Import command) {
  std::string what = "import of " + command.from;
  return follow(commands_.import_seed(scope, std::move(command)), std::move(what));
}

}  // namespace afterimage::daemon
