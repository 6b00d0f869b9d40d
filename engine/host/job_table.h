// SPDX-License-Identifier: Apache-2.0
// JobTable: long commands on their way. A job belongs to the host, not to whoever asked: a caller may come and go. The
// newest limits::jobs_kept_max are remembered; running ones are never forgotten. Thread: the reactor's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/host/commands.h"
#include "engine/port/progress.h"
#include "io/platform.h"
#include "io/scope.h"
#include "io/task_group.h"

namespace afterimage::host {

// One job, as its body sees it.
class Job final : public Progress {
 public:
  Job(io::Scope& hosts, JobInfo about) : scope(hosts), info(std::move(about)) {}
  void advance(const char* phase, std::uint64_t done, std::uint64_t total) override;
  void warn(std::string text) { info.warnings.push_back(std::move(text)); }

  io::Scope scope;
  JobInfo info;
  io::Event ended;
};

class JobTable {
 public:
  // Gives the job's task; what it refers to outlives the table's join().
  using Body = std::move_only_function<io::Task<Result<JobResult>>(Job&)>;

  explicit JobTable(const io::Platform& platform);

  // Starts a job for `machine` (a name; empty for none). busy if another changing job of that machine runs.
  [[nodiscard]] Result<JobId> start(std::string kind, std::string machine, Body body);
  [[nodiscard]] std::vector<JobInfo> list() const;  // oldest first
  [[nodiscard]] Result<JobInfo> find(JobId id) const;
  // Returns when the job has ended, or after `patience`.
  [[nodiscard]] io::Task<Result<JobInfo>> wait(io::Scope& scope, JobId id, Duration patience);
  // Asks it to end soon. refused if it has ended.
  [[nodiscard]] Status cancel(JobId id);
  // The running job that changes that machine, or nullptr.
  [[nodiscard]] const Job* running_for(const std::string& machine) const;
  [[nodiscard]] std::vector<std::shared_ptr<Job>> running() const;  // oldest first
  // Cancels all and waits for them; no job starts any more.
  [[nodiscard]] io::Task<void> stop();

 private:
  [[nodiscard]] io::Task<void> run(std::shared_ptr<Job> job, Body body);
  void finish(Job& job, Result<JobResult> result);
  void forget_old();

  io::Platform platform_;
  io::Scope scope_;
  bool stopping_ = false;
  JobId next_ = 1;
  std::map<JobId, std::shared_ptr<Job>> jobs_;
  io::TaskGroup tasks_;
};

// Jobs that only read may run beside each other and beside one that changes.
[[nodiscard]] bool changes_machine(const std::string& kind);

}  // namespace afterimage::host
