// SPDX-License-Identifier: Apache-2.0
// Commands about peers, keys and jobs.
#include "tools/afterimage/command_line.h"
#include "tools/afterimage/commands.h"
#include "tools/afterimage/job_follower.h"
#include "tools/afterimage/show.h"
#include "tools/afterimage/words.h"
#include "transport/control/answer_json.h"
#include "transport/control/command_json.h"
#include "transport/control/target.h"

namespace afterimage::cli {

using control::make_target;
using control::Method;
using io::Task;
using nlohmann::ordered_json;

namespace {

// Shows the plan if the document is one.
Result<bool> show_plan(Session& session, const ordered_json& document) {
  if (!document.is_object() || !document.contains("plan")) return false;
  AFI_TRY(const host::Plan plan, control::plan_from(document));
  session.say(plan_text(plan));
  return true;
}

}  // namespace

Task<ExitStatus> run(Session& session, const EnrolKey& arguments) {
  const auto expires = parse_duration(arguments.expires);
  if (!expires) co_return session.fail(ErrorCode::invalid_argument, "--expires: " + expires.error().text());
  const control::MakeKey command{.expires = *expires,
                                 .store = arguments.store,
                                 .addresses = arguments.addresses,
                                 .execution = session.common.execution};
  auto calling = session.call(Method::post, make_target({"v1", "enrol", "keys"}), control::json_of(command));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  session.show(*document);
  const auto planned = show_plan(session, *document);
  if (!planned) co_return session.fail(planned.error());
  if (*planned) co_return ExitStatus::done;
  const auto key = control::issued_key_from(*document);
  if (!key) co_return session.fail(key.error());
  session.say(key->key + "\n");
  if (!session.is_json() && session.terminal.is_terminal(Sink::out)) {
    session.terminal.write(Sink::err,
                           "On the primary, before " + time_text(key->expires) +
                               ": afterimage enrol join KEY\nWhoever has the key can join, once: keep it secret.\n");
  }
  co_return ExitStatus::done;
}

Task<ExitStatus> run(Session& session, const EnrolJoin& arguments) {
  control::Join command{.key = arguments.key, .address = {}, .execution = session.common.execution};
  if (!arguments.replica.empty()) command.address = arguments.replica;
  auto calling = session.call(Method::post, make_target({"v1", "enrol", "join"}), control::json_of(command));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  session.show(*document);
  const auto planned = show_plan(session, *document);
  if (!planned) co_return session.fail(planned.error());
  if (*planned) co_return ExitStatus::done;
  if (!document->is_object() || !document->contains("peer")) {
    co_return session.fail(ErrorCode::protocol, "the daemon's answer does not name the replica");
  }
  const auto peer = control::peer_from((*document)["peer"]);
  if (!peer) co_return session.fail(peer.error());
  session.say("joined replica " + peer->name + " at " + peer->address + "\n");
  co_return ExitStatus::done;
}

Task<ExitStatus> run(Session& session, const Peers&) {
  auto calling = session.call(Method::get, make_target({"v1", "peers"}));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  const auto peers = control::peers_from(*document);
  if (!peers) co_return session.fail(peers.error());
  session.show(*document);
  const Colours colours = session.terminal.has_colours(Sink::out) ? Colours::yes : Colours::no;
  session.say(peers_text(*peers, colours));
  co_return ExitStatus::done;
}

Task<ExitStatus> run(Session& session, const PeersRevoke& arguments) {
  if (const auto named = check_name("host", arguments.name); !named) co_return session.fail(named.error());
  ordered_json body = ordered_json::object();
  if (session.is_dry_run()) body["dry_run"] = true;
  auto calling = session.call(Method::post, make_target({"v1", "peers", arguments.name, "revoke"}), std::move(body));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  session.show(*document);
  const auto planned = show_plan(session, *document);
  if (!planned) co_return session.fail(planned.error());
  if (!*planned) session.say(arguments.name + " is trusted no longer; to let it in again it needs a new key\n");
  co_return ExitStatus::done;
}

Task<ExitStatus> run(Session& session, const Jobs&) {
  auto calling = session.call(Method::get, make_target({"v1", "jobs"}));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  const auto jobs = control::jobs_from(*document);
  if (!jobs) co_return session.fail(jobs.error());
  session.show(*document);
  session.say(jobs_text(*jobs));
  co_return ExitStatus::done;
}

Task<ExitStatus> run(Session& session, const JobShow& arguments) {
  if (session.common.wait == Wait::follow) {
    auto following = follow_job(session, arguments.id, JobDocument::job);
    const ExitStatus status = co_await following;
    co_return status;
  }
  auto calling = session.call(Method::get, make_target({"v1", "jobs", std::to_string(arguments.id)}));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  const auto job = control::job_from(*document);
  if (!job) co_return session.fail(job.error());
  session.show(*document);
  session.say(jobs_text({*job}));
  co_return ExitStatus::done;
}

Task<ExitStatus> run(Session& session, const JobCancel& arguments) {
  ordered_json body = ordered_json::object();
  if (session.is_dry_run()) body["dry_run"] = true;
  const std::string number = std::to_string(arguments.id);
  auto calling = session.call(Method::remove, make_target({"v1", "jobs", number}), std::move(body));
  const auto document = co_await calling;
  if (!document) co_return session.fail(document.error());
  session.show(*document);
  const auto planned = show_plan(session, *document);
  if (!planned) co_return session.fail(planned.error());
  if (!*planned) session.say("job " + number + " is asked to end\n");
  co_return ExitStatus::done;
}

Task<ExitStatus> run(Session& session, const Completion& arguments) {
  const std::string script = completion_script(arguments.shell);
  session.say(script);
  session.show({{"script", script}});
  co_return ExitStatus::done;
}

}  // namespace afterimage::cli
