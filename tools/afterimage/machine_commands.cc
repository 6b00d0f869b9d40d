// SPDX-License-Identifier: Apache-2.0
// Commands about machines: protecting, looking, recovering.
#include <algorithm>

#include "tools/afterimage/commands.h"
#include "tools/afterimage/job_follower.h"
#include "tools/afterimage/show.h"
#include "transport/control/answer_json.h"
#include "transport/control/command_json.h"
#include "transport/control/names.h"
#include "transport/control/target.h"

namespace afterimage::cli {

using control::make_target;
using control::Method;
using io::Task;
using nlohmann::ordered_json;

namespace {

ordered_json dry_run_body(const Session& session) {
  return session.is_dry_run() ? ordered_json{{"dry_run", true}} : ordered_json::object();
}

// A command that is done when it is answered: a plan, or one sentence.
Task<ExitStatus> run_short(Session& session, std::string target, std::string sentence) {
  auto calling = session.call(Method::post, std::move(target), dry_run_body(session));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  session.show(*document);
  if (session.is_dry_run()) {
    const auto plan = control::plan_from(*document);
    if (!plan) co_return session.fail(plan.error());
    session.say(plan_text(*plan));
  } else {
    session.say(sentence);
  }
  co_return ExitStatus::done;
}

// Names are judged here too, so that a bad one is no route.
std::optional<Error> bad_name(const char* kind, const std::string& name) {
  const auto status = check_name(kind, name);
  return status ? std::nullopt : std::optional<Error>(status.error());
}

Error wrong(std::string sentence) {
  return Error{.code = ErrorCode::invalid_argument, .what = "read the command line", .detail = std::move(sentence)};
}

}  // namespace

Result<host::ProtectDisk> parse_disk(const std::string& text, const Session& session) {
  const std::size_t equal = text.find('=');
  if (equal == std::string::npos || equal == 0 || equal + 1 == text.size()) {
    return std::unexpected(wrong("a disk is written NAME=PATH, as in --disk root=/srv/web1.raw; not '" + text + "'"));
  }
  host::ProtectDisk disk{.name = text.substr(0, equal), .path = text.substr(equal + 1)};
  // Paths may have commas in them: only what is an option of ours is taken from the end.
  while (true) {
    const std::size_t comma = disk.path.rfind(',');
    const std::string option = comma == std::string::npos ? "" : disk.path.substr(comma + 1);
    const bool track = option.starts_with("track=");
    if (!track && !option.starts_with("qmp=")) break;
    const std::string value = option.substr(option.find('=') + 1);
    const auto known = [&](const auto& entry) { return entry.name == value; };
    if (!track || std::none_of(std::begin(control::tracker_names), std::end(control::tracker_names), known)) {
      return std::unexpected(
          wrong("disk " + disk.name + ": this version tracks changes by track=scan only, not by " + option));
    }
    disk.path.resize(comma);
  }
  if (disk.path.empty()) return std::unexpected(wrong("disk " + disk.name + " has no path"));
  AFI_TRY_STATUS(check_name("disk", disk.name));
  disk.path = session.absolute(disk.path);
  return disk;
}

Task<ExitStatus> run(Session& session, const Protect& arguments) {
  host::Protect command{
      .machine = arguments.machine, .replica = arguments.replica, .execution = session.common.execution};
  if (const auto error = bad_name("machine", command.machine)) co_return session.fail(*error);
  if (arguments.seed == "media") command.seed = host::SeedKind::media;
  for (const std::string& text : arguments.disks) {
    auto disk = parse_disk(text, session);
    if (!disk) co_return session.fail(disk.error());
    const auto same = [&](const host::ProtectDisk& other) { return other.name == disk->name; };
    if (std::any_of(command.disks.begin(), command.disks.end(), same)) {
      co_return session.fail(wrong("two disks have the name '" + disk->name + "'"));
    }
    command.disks.push_back(std::move(*disk));
  }
  auto running = run_job(session, Method::post, make_target({"v1", "machines"}), control::json_of(command));
  const ExitStatus status = co_await running;
  co_return status;
}

Task<ExitStatus> run(Session& session, const Sync& arguments) {
  if (const auto error = bad_name("machine", arguments.machine)) co_return session.fail(*error);
  const host::Sync command{.machine = arguments.machine, .execution = session.common.execution};
  auto running = run_job(session, Method::post, make_target({"v1", "machines", command.machine, "sync"}),
                         control::json_of(command));
  const ExitStatus status = co_await running;
  co_return status;
}

Task<ExitStatus> run(Session& session, const Unprotect& arguments) {
  if (const auto error = bad_name("machine", arguments.machine)) co_return session.fail(*error);
  std::vector<std::pair<std::string, std::string>> query;
  if (arguments.replica_removal == host::ReplicaRemoval::remove) query.emplace_back("delete_replica", "1");
  if (session.is_dry_run()) query.emplace_back("dry_run", "1");
  auto running = run_job(session, Method::remove, make_target({"v1", "machines", arguments.machine}, query), {});
  const ExitStatus status = co_await running;
  co_return status;
}

Task<ExitStatus> run(Session& session, const Points& arguments) {
  if (const auto error = bad_name("machine", arguments.machine)) co_return session.fail(*error);
  auto calling = session.call(Method::get, make_target({"v1", "machines", arguments.machine, "points"}));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  const auto points = control::points_from(*document);
  if (!points) co_return session.fail(points.error());
  session.show(*document);
  session.say(points_text(*points));
  co_return ExitStatus::done;
}

Task<ExitStatus> run(Session& session, const Pause& arguments) {
  if (const auto error = bad_name("machine", arguments.machine)) co_return session.fail(*error);
  auto running = run_short(session, make_target({"v1", "machines", arguments.machine, "pause"}),
                           arguments.machine + " is paused; 'afterimage resume " + arguments.machine + "' goes on\n");
  const ExitStatus status = co_await running;
  co_return status;
}

Task<ExitStatus> run(Session& session, const Resume& arguments) {
  if (const auto error = bad_name("machine", arguments.machine)) co_return session.fail(*error);
  auto running = run_short(session, make_target({"v1", "machines", arguments.machine, "resume"}),
                           arguments.machine + " replicates again\n");
  const ExitStatus status = co_await running;
  co_return status;
}

// Points are lost by it: without --yes the plan is shown, and the daemon says what is missing.
Task<ExitStatus> run(Session& session, const Remove& arguments) {
  if (const auto error = bad_name("machine", arguments.machine)) co_return session.fail(*error);
  host::Remove command{
      .machine = arguments.machine, .confirmation = arguments.confirmation, .execution = session.common.execution};
  const std::string target = make_target({"v1", "machines", command.machine, "remove"});
  if (command.confirmation == host::Confirmation::missing && !session.is_dry_run()) {
    command.execution = host::Execution::dry_run;
    auto planning = run_job(session, Method::post, target, control::json_of(command));
    if (const ExitStatus planned = co_await planning; planned != ExitStatus::done) co_return planned;
    command.execution = host::Execution::real;
  }
  auto running = run_job(session, Method::post, target, control::json_of(command));
  const ExitStatus status = co_await running;
  co_return status;
}

Task<ExitStatus> run(Session& session, const Restore& arguments) {
  if (const auto error = bad_name("machine", arguments.machine)) co_return session.fail(*error);
  if (const auto error = bad_name("disk", arguments.disk)) co_return session.fail(*error);
  const host::Restore command{.machine = arguments.machine,
                              .point = arguments.point,
                              .disk = arguments.disk,
                              .to = session.absolute(arguments.to),
                              .target = arguments.target,
                              .execution = session.common.execution};
  auto running = run_job(session, Method::post, make_target({"v1", "machines", command.machine, "restore"}),
                         control::json_of(command));
  const ExitStatus status = co_await running;
  co_return status;
}

Task<ExitStatus> run(Session& session, const Verify& arguments) {
  if (const auto error = bad_name("machine", arguments.machine)) co_return session.fail(*error);
  host::Verify command{.machine = arguments.machine, .point = {}};
  if (!arguments.point.empty()) command.point = arguments.point;
  auto running = run_job(session, Method::post, make_target({"v1", "machines", command.machine, "verify"}),
                         control::json_of(command));
  const ExitStatus status = co_await running;
  co_return status;
}

Task<ExitStatus> run(Session& session, const Export& arguments) {
  if (const auto error = bad_name("machine", arguments.machine)) co_return session.fail(*error);
  const host::Export command{
      .machine = arguments.machine, .to = session.absolute(arguments.to), .execution = session.common.execution};
  auto running = run_job(session, Method::post, make_target({"v1", "machines", command.machine, "export"}),
                         control::json_of(command));
  const ExitStatus status = co_await running;
  co_return status;
}

Task<ExitStatus> run(Session& session, const Import& arguments) {
  const host::Import command{.from = session.absolute(arguments.from), .execution = session.common.execution};
  auto running = run_job(session, Method::post, make_target({"v1", "import"}), control::json_of(command));
  const ExitStatus status = co_await running;
  co_return status;
}

}  // namespace afterimage::cli
