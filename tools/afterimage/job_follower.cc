// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/job_follower.h"

#include "tools/afterimage/progress.h"
#include "tools/afterimage/show.h"
#include "transport/control/answer_json.h"
#include "transport/control/target.h"

namespace afterimage::cli {

using io::Task;

namespace {

// Each request waits in the daemon until the job has ended or so long: a bar moves several times a second.
constexpr const char* bar_wait = "0.25";
constexpr const char* line_wait = "2";

ProgressText progress_of(const Session& session, std::string title) {
  const bool draws = session.terminal.is_terminal(Sink::err);
  ProgressStyle style = draws ? ProgressStyle::bar : ProgressStyle::lines;
  if (session.is_json() && !draws) style = ProgressStyle::silent;
  return ProgressText({.title = std::move(title), .style = style, .columns = session.terminal.columns()},
                      session.platform.reactor.now());
}

ExitStatus finish_done(Session& session, const host::JobInfo& job, JobDocument shown) {
  for (const std::string& warning : job.warnings) session.warn(warning);
  session.show(shown == JobDocument::result ? control::json_of(job.result) : control::json_of(job));
  session.say(result_text(job));
  const auto* verified = std::get_if<host::VerifyResult>(&job.result);
  if (verified != nullptr && verified->points_damaged + verified->damage.size() != 0) return ExitStatus::failed;
  return job.warnings.empty() ? ExitStatus::done : ExitStatus::warnings;
}

// What a job has found counts also when it failed for that, and a job that was asked for is shown however it ended.
void show_unfinished(Session& session, const host::JobInfo& job, JobDocument shown) {
  if (shown == JobDocument::job) {
    session.show(control::json_of(job));
  } else if (!std::holds_alternative<std::monostate>(job.result)) {
    session.show(control::json_of(job.result));
  }
}

ExitStatus finish(Session& session, const host::JobInfo& job, JobDocument shown) {
  if (job.state != host::JobState::done) show_unfinished(session, job, shown);
  switch (job.state) {
    case host::JobState::done: return finish_done(session, job, shown);
    case host::JobState::failed:
      for (const std::string& warning : job.warnings) session.warn(warning);
      return session.fail(job.error.value_or(Error{.code = ErrorCode::internal, .what = "the job gave no reason"}));
    case host::JobState::cancelled:
      return session.fail(ErrorCode::cancelled, "job " + std::to_string(job.id) + " was cancelled");
    case host::JobState::running: break;
  }
  return session.fail(ErrorCode::internal, "the job still runs");
}

ExitStatus detached(Session& session, host::JobId id) {
  const std::string number = std::to_string(id);
  session.terminal.write(Sink::err, "afterimage: detached; job " + number + " goes on: 'afterimage jobs " + number +
                                        "' follows it, 'afterimage jobs " + number + " cancel' ends it\n");
  return ExitStatus::cancelled;
}

}  // namespace

Task<ExitStatus> follow_job(Session& session, host::JobId id, JobDocument shown) {
  const char* wait = session.terminal.is_terminal(Sink::err) ? bar_wait : line_wait;
  const std::string look = control::make_target({"v1", "jobs", std::to_string(id)});
  const std::string target = control::make_target({"v1", "jobs", std::to_string(id)}, {{"wait", wait}});
  std::optional<ProgressText> progress;
  while (true) {
    // The first look does not wait: it says what the job is.
    auto calling = session.call(control::Method::get, progress ? target : look);
    const auto document = co_await calling;
    const std::string erased = progress ? progress->clear() : "";
    if (!document && session.scope.is_interrupted()) {
      session.terminal.write(Sink::err, erased);
      co_return detached(session, id);
    }
    auto job = document ? control::job_from(*document) : Result<host::JobInfo>(std::unexpected(document.error()));
    if (!job) {
      session.terminal.write(Sink::err, erased);
      co_return session.fail(job.error());
    }
    if (job->state != host::JobState::running) {
      session.terminal.write(Sink::err, erased);
      co_return finish(session, *job, shown);
    }
    if (!progress) progress = progress_of(session, job->kind + " " + job->machine);
    const ProgressSample sample{.phase = job->phase, .bytes_done = job->bytes_done, .bytes_total = job->bytes_total};
    session.terminal.write(Sink::err, progress->update(sample, session.platform.reactor.now()));
  }
}

Task<ExitStatus> run_job(Session& session, control::Method method, std::string target, nlohmann::ordered_json body) {
  auto calling = session.call(method, std::move(target), std::move(body));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  const auto started = control::started_from(*document);
  if (!started) co_return session.fail(started.error());
  if (const auto* plan = std::get_if<host::Plan>(&*started)) {
    session.show(*document);
    session.say(plan_text(*plan));
    co_return ExitStatus::done;
  }
  const host::JobId id = std::get<host::JobId>(*started);
  if (session.common.wait == Wait::detach) {
    session.show(*document);
    session.say("job " + std::to_string(id) + " runs; 'afterimage jobs " + std::to_string(id) + "' follows it\n");
    co_return ExitStatus::done;
  }
  auto following = follow_job(session, id, JobDocument::result);
  const ExitStatus status = co_await following;
  co_return status;
}

}  // namespace afterimage::cli
