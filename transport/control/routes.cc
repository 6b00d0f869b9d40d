// SPDX-License-Identifier: Apache-2.0
// The routes: each reads its request, calls a port, and shows the answer.
#include <charconv>

#include <nlohmann/json.hpp>

#include "transport/control/command_json.h"
#include "transport/control/exchange.h"
#include "transport/control/json_reader.h"
#include "transport/control/router.h"

namespace afterimage::control {

using host::Execution;
using io::Scope;
using io::Task;

namespace {

constexpr double wait_seconds_max = 60;

Answer started_answer(const host::Started& started) {
  const bool is_job = std::holds_alternative<host::JobId>(started);
  return Answer{.status = is_job ? 202U : 200U, .document = started_document(started)};
}

// A command without a plan of its own: the plan is the command.
Answer done_answer(Execution execution, std::string step) {
  if (execution == Execution::dry_run) return Answer{.document = plan_document(host::Plan{.steps = {std::move(step)}})};
  return Answer{.document = {{"done", true}}};
}

Result<host::JobId> job_id_from(const std::string& text) {
  host::JobId id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return fail(ErrorCode::invalid_argument, "read a job's number", "a job has a number; 'afterimage jobs' lists them");
  }
  return id;
}

Result<Duration> wait_from(const std::string& text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds, std::chars_format::fixed);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  const auto duration = whole ? duration_of(seconds) : std::nullopt;
  if (!duration || seconds > wait_seconds_max) {
    return fail(ErrorCode::invalid_argument, "read the query", "the query's 'wait' has to be 0 to 60 seconds");
  }
  return *duration;
}

}  // namespace

Task<Result<Answer>> Router::get_version(Scope&, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  co_return Answer{.document = json_of(version_)};
}

Task<Result<Answer>> Router::get_status(Scope& scope, Exchange& exchange) {
  std::optional<std::string> machine = exchange.take("machine");
  AFI_CO_STATUS(exchange.finish_query());
  if (machine) AFI_CO_STATUS(check_name("machine", *machine));
  AFI_CO_TRY(auto machines, commands_.status(scope, std::move(machine)));
  co_return Answer{.document = status_document({.host = trust_.this_host(), .machines = std::move(machines)})};
}

Task<Result<Answer>> Router::get_points(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_TRY(auto points, commands_.points(scope, exchange.parameters[0]));
  const MachinePoints answer{.machine = exchange.parameters[0], .points = std::move(points)};
  co_return Answer{.document = json_of(answer)};
}

Task<Result<Answer>> Router::post_machine(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(host::Protect command, protect_from(exchange.body));
  AFI_CO_STATUS(check_name("machine", command.machine));
  for (const host::ProtectDisk& disk : command.disks) AFI_CO_STATUS(check_name("disk", disk.name));
  command.execution = exchange.merged(command.execution);
  AFI_CO_TRY(const host::Started started, commands_.protect(scope, std::move(command)));
  co_return started_answer(started);
}

Task<Result<Answer>> Router::delete_machine(Scope& scope, Exchange& exchange) {
  AFI_CO_RESULT(const bool remove, exchange.take_switch("delete_replica"));
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(const Execution said, execution_from(exchange.body));
  host::Unprotect command{.machine = exchange.parameters[0], .execution = exchange.merged(said)};
  if (remove) command.replica_removal = host::ReplicaRemoval::remove;
  AFI_CO_TRY(const host::Started started, commands_.unprotect(scope, std::move(command)));
  co_return started_answer(started);
}

Task<Result<Answer>> Router::post_sync(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(host::Sync command, sync_from(exchange.parameters[0], exchange.body));
  command.execution = exchange.merged(command.execution);
  AFI_CO_TRY(const host::Started started, commands_.sync(scope, std::move(command)));
  co_return started_answer(started);
}

Task<Result<Answer>> Router::post_pause(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(const Execution said, execution_from(exchange.body));
  const Execution execution = exchange.merged(said);
  AFI_CO_TRY_STATUS(commands_.pause(scope, exchange.parameters[0], execution));
  co_return done_answer(execution, "pause " + exchange.parameters[0] + ": no cycle runs until it is resumed");
}

Task<Result<Answer>> Router::post_resume(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(const Execution said, execution_from(exchange.body));
  const Execution execution = exchange.merged(said);
  AFI_CO_TRY_STATUS(commands_.resume(scope, exchange.parameters[0], execution));
  co_return done_answer(execution, "resume " + exchange.parameters[0]);
}

Task<Result<Answer>> Router::post_remove(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(host::Remove command, remove_from(exchange.parameters[0], exchange.body));
  command.execution = exchange.merged(command.execution);
  AFI_CO_TRY(const host::Started started, commands_.remove_replica(scope, std::move(command)));
  co_return started_answer(started);
}

Task<Result<Answer>> Router::post_restore(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(host::Restore command, restore_from(exchange.parameters[0], exchange.body));
  AFI_CO_STATUS(check_name("disk", command.disk));
  command.execution = exchange.merged(command.execution);
  AFI_CO_TRY(const host::Started started, commands_.restore(scope, std::move(command)));
  co_return started_answer(started);
}

Task<Result<Answer>> Router::post_verify(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(host::Verify command, verify_from(exchange.parameters[0], exchange.body));
  AFI_CO_TRY(const host::Started started, commands_.verify(scope, std::move(command)));
  co_return started_answer(started);
}

Task<Result<Answer>> Router::post_export(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(host::Export command, export_from(exchange.parameters[0], exchange.body));
  command.execution = exchange.merged(command.execution);
  AFI_CO_TRY(const host::Started started, commands_.export_seed(scope, std::move(command)));
  co_return started_answer(started);
}

Task<Result<Answer>> Router::post_import(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(host::Import command, import_from(exchange.body));
  command.execution = exchange.merged(command.execution);
  AFI_CO_TRY(const host::Started started, commands_.import_seed(scope, std::move(command)));
  co_return started_answer(started);
}

Task<Result<Answer>> Router::get_jobs(Scope&, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  co_return Answer{.document = jobs_document(commands_.jobs())};
}

Task<Result<Answer>> Router::get_job(Scope& scope, Exchange& exchange) {
  AFI_CO_RESULT(const host::JobId id, job_id_from(exchange.parameters[0]));
  const std::optional<std::string> wait = exchange.take("wait");
  AFI_CO_STATUS(exchange.finish_query());
  if (!wait) {
    AFI_CO_RESULT(const host::JobInfo job, commands_.job(id));
    co_return Answer{.document = json_of(job)};
  }
  AFI_CO_RESULT(const Duration patience, wait_from(*wait));
  AFI_CO_TRY(const host::JobInfo job, commands_.wait_for_job(scope, id, patience));
  co_return Answer{.document = json_of(job)};
}

Task<Result<Answer>> Router::delete_job(Scope&, Exchange& exchange) {
  AFI_CO_RESULT(const host::JobId id, job_id_from(exchange.parameters[0]));
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(const Execution said, execution_from(exchange.body));
  const Execution execution = exchange.merged(said);
  AFI_CO_RESULT(const host::JobInfo job, commands_.job(id));
  if (execution == Execution::real) AFI_CO_STATUS(commands_.cancel_job(id));
  co_return done_answer(execution, "cancel job " + std::to_string(id) + ": " + job.kind + " " + job.machine);
}

Task<Result<Answer>> Router::get_peers(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_TRY(const auto peers, trust_.peers(scope));
  co_return Answer{.document = peers_document(peers)};
}

Task<Result<Answer>> Router::post_revoke(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(const Execution said, execution_from(exchange.body));
  Revoke command{.peer = exchange.parameters[0], .execution = exchange.merged(said)};
  AFI_CO_TRY(const auto plan, trust_.revoke(scope, std::move(command)));
  if (plan) co_return Answer{.document = plan_document(*plan)};
  co_return done_answer(Execution::real, {});
}

Task<Result<Answer>> Router::post_key(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(MakeKey command, make_key_from(exchange.body));
  command.execution = exchange.merged(command.execution);
  AFI_CO_TRY(const auto made, trust_.make_key(scope, std::move(command)));
  if (const auto* plan = std::get_if<host::Plan>(&made)) co_return Answer{.document = plan_document(*plan)};
  co_return Answer{.document = json_of(std::get<IssuedKey>(made))};
}

Task<Result<Answer>> Router::post_join(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  AFI_CO_RESULT(Join command, join_from(exchange.body));
  command.execution = exchange.merged(command.execution);
  AFI_CO_TRY(const auto joined, trust_.join(scope, std::move(command)));
  if (const auto* plan = std::get_if<host::Plan>(&joined)) co_return Answer{.document = plan_document(*plan)};
  co_return Answer{.document = {{"peer", json_of(std::get<host::PeerInfo>(joined))}}};
}

Task<Result<Answer>> Router::post_enrol(Scope& scope, Exchange& exchange) {
  AFI_CO_STATUS(exchange.finish_query());
  if (!exchange.caller.channel) {
    co_return fail(ErrorCode::refused, "enrol",
                   "an enrolment comes over TLS on the control port, not over this socket");
  }
  AFI_CO_RESULT(tls::EnrolmentRequest request, enrolment_request_from(exchange.body));
  AFI_CO_TRY(const tls::EnrolmentAnswer answer, trust_.enrol(scope, std::move(request), *exchange.caller.channel));
  co_return Answer{.document = json_of(answer)};
}

}  // namespace afterimage::control
