// SPDX-License-Identifier: Apache-2.0
#include "engine/host/job_table.h"

#include <utility>

#include "io/base/limits.h"

namespace afterimage::host {

bool changes_machine(const std::string& kind) { return kind != "restore" && kind != "verify"; }

void Job::advance(const char* phase, std::uint64_t done, std::uint64_t total) {
  if (info.phase != phase) info.phase = phase;
  info.bytes_done = done;
  info.bytes_total = total;
}

JobTable::JobTable(const io::Platform& platform)
    : platform_(platform), scope_(platform.reactor), tasks_(platform.reactor) {}

const Job* JobTable::running_for(const std::string& machine) const {
  for (const auto& [id, job] : jobs_) {
    if (job->info.state == JobState::running && job->info.machine == machine && changes_machine(job->info.kind))
      return job.get();
  }
  return nullptr;
}

std::vector<std::shared_ptr<Job>> JobTable::running() const {
  std::vector<std::shared_ptr<Job>> list;
  for (const auto& [id, job] : jobs_) {
    if (job->info.state == JobState::running) list.push_back(job);
  }
  return list;
}

Result<JobId> JobTable::start(std::string kind, std::string machine, Body body) {
  if (stopping_)
    return fail(ErrorCode::refused, "start a job", "this host is stopping; run the command again when it is up");
  if (const Job* running = machine.empty() || !changes_machine(kind) ? nullptr : running_for(machine)) {
    return fail(ErrorCode::busy, "start a job",
                machine + " is busy: job " + std::to_string(running->info.id) + " (" + running->info.kind +
                    ") is running; wait for it or run 'afterimage jobs " + std::to_string(running->info.id) +
                    " cancel'");
  }
  JobInfo info;
  info.id = next_++;
  info.kind = std::move(kind);
  info.machine = std::move(machine);
  info.started = platform_.clock.now();
  auto job = std::make_shared<Job>(scope_, std::move(info));
  jobs_.emplace(job->info.id, job);
  forget_old();
  const JobId id = job->info.id;
  tasks_.spawn(run(std::move(job), std::move(body)));
  return id;
}

io::Task<void> JobTable::run(std::shared_ptr<Job> job, Body body) {
  auto working = body(*job);
  Result<JobResult> result = co_await working;
  finish(*job, std::move(result));
}

void JobTable::finish(Job& job, Result<JobResult> result) {
  job.info.finished = platform_.clock.now();
  if (result) {
    job.info.state = JobState::done;
    job.info.result = std::move(*result);
  } else {
    job.info.state = result.error().code == ErrorCode::cancelled ? JobState::cancelled : JobState::failed;
    job.info.error = std::move(result.error());
  }
  job.ended.set();
}

void JobTable::forget_old() {
  for (auto at = jobs_.begin(); at != jobs_.end() && jobs_.size() > limits::jobs_kept_max;) {
    at = at->second->info.state == JobState::running ? std::next(at) : jobs_.erase(at);
  }
}

std::vector<JobInfo> JobTable::list() const {
  std::vector<JobInfo> all;
  all.reserve(jobs_.size());
  for (const auto& [id, job] : jobs_) all.push_back(job->info);
  return all;
}

Result<JobInfo> JobTable::find(JobId id) const {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) {
    return fail(ErrorCode::not_found, "find a job",
                "there is no job " + std::to_string(id) + "; 'afterimage jobs' lists them");
  }
  return found->second->info;
}

io::Task<Result<JobInfo>> JobTable::wait(io::Scope& scope, JobId id, Duration patience) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) co_return find(id);
  const std::shared_ptr<Job> job = found->second;
  io::Scope waiting(scope, patience);
  auto ending = job->ended.wait(waiting);
  const Status ended = co_await ending;
  if (!ended && scope.is_interrupted()) co_return std::unexpected(ended.error());
  co_return job->info;
}

Status JobTable::cancel(JobId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return std::unexpected(find(id).error());
  if (found->second->info.state != JobState::running) {
    return fail(ErrorCode::refused, "cancel a job", "job " + std::to_string(id) + " has ended already");
  }
  found->second->scope.cancel();
  return {};
}

io::Task<void> JobTable::stop() {
  stopping_ = true;
  scope_.cancel();
  auto joining = tasks_.join();
  co_await joining;
}

}  // namespace afterimage::host
