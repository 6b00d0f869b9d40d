// SPDX-License-Identifier: Apache-2.0
#include "tests/transport/control/fake_host.h"

#include "tests/transport/control/samples.h"

namespace afterimage::control {

using host::Execution;
using io::Scope;
using io::Task;

namespace {

std::string with_execution(std::string call, Execution execution) {
  return execution == Execution::dry_run ? call + " dry_run" : call;
}

}  // namespace

Status FakeHost::note(std::string call) {
  calls.push_back(std::move(call));
  if (error) return std::unexpected(*error);
  return {};
}

Result<host::Started> FakeHost::start(std::string call, Execution execution) {
  AFI_TRY_STATUS(note(with_execution(std::move(call), execution)));
  if (execution == Execution::dry_run) return host::Started(samples::plan());
  return host::Started(host::JobId{known_jobs.empty() ? 1 : known_jobs.front().id});
}

Task<Result<host::Started>> FakeHost::protect(Scope&, host::Protect command) {
  protected_ = command;
  co_return start("protect " + command.machine, command.execution);
}
Task<Result<host::Started>> FakeHost::sync(Scope&, host::Sync command) {
  co_return start("sync " + command.machine, command.execution);
}
Task<Result<host::Started>> FakeHost::unprotect(Scope&, host::Unprotect command) {
  const bool removes = command.replica_removal == host::ReplicaRemoval::remove;
  co_return start("unprotect " + command.machine + (removes ? " remove" : ""), command.execution);
}
Task<Result<host::Started>> FakeHost::remove_replica(Scope&, host::Remove command) {
  const bool is_meant = command.confirmation == host::Confirmation::given;
  co_return start("remove " + command.machine + (is_meant ? " confirmed" : ""), command.execution);
}
Task<Result<host::Started>> FakeHost::restore(Scope&, host::Restore command) {
  restored = command;
  co_return start("restore " + command.machine, command.execution);
}
Task<Result<host::Started>> FakeHost::verify(Scope&, host::Verify command) {
  verified = command;
  co_return start("verify " + command.machine, Execution::real);
}
Task<Result<host::Started>> FakeHost::export_seed(Scope&, host::Export command) {
  co_return start("export " + command.machine + " " + command.to, command.execution);
}
Task<Result<host::Started>> FakeHost::import_seed(Scope&, host::Import command) {
  co_return start("import " + command.from, command.execution);
}

Task<Result<std::vector<host::MachineStatus>>> FakeHost::status(Scope&, std::optional<std::string> machine) {
  AFI_CO_STATUS(note("status " + machine.value_or("*")));
  co_return machines;
}
Task<Result<std::vector<host::PointInfo>>> FakeHost::points(Scope&, std::string machine) {
  AFI_CO_STATUS(note("points " + machine));
  co_return known_points;
}
Task<Status> FakeHost::pause(Scope&, std::string machine, Execution execution) {
  co_return note(with_execution("pause " + machine, execution));
}
Task<Status> FakeHost::resume(Scope&, std::string machine, Execution execution) {
  co_return note(with_execution("resume " + machine, execution));
}

Result<host::JobInfo> FakeHost::job(host::JobId id) const {
  for (const host::JobInfo& job : known_jobs) {
    if (job.id != id) continue;
    host::JobInfo now = job;
    if (looks_until_done > 0) {
      now.state = host::JobState::running;
      now.result = std::monostate{};
    }
    return now;
  }
  return fail(ErrorCode::not_found, "find the job", "no job " + std::to_string(id) + "; 'afterimage jobs' lists them");
}

Task<Result<host::JobInfo>> FakeHost::wait_for_job(Scope& scope, host::JobId id, Duration patience) {
  calls.push_back("wait " + std::to_string(id));
  if (looks_until_done > 0) {
    AFI_CO_TRY_STATUS(io::sleep_for(scope, patience));
    --looks_until_done;
  }
  co_return job(id);
}

Status FakeHost::cancel_job(host::JobId id) { return note("cancel " + std::to_string(id)); }

Task<Result<std::variant<IssuedKey, host::Plan>>> FakeHost::make_key(Scope&, MakeKey command) {
  made_key = command;
  AFI_CO_STATUS(note(with_execution("make_key", command.execution)));
  if (command.execution == Execution::dry_run) co_return std::variant<IssuedKey, host::Plan>(samples::plan());
  co_return std::variant<IssuedKey, host::Plan>(samples::key());
}
Task<Result<std::variant<host::PeerInfo, host::Plan>>> FakeHost::join(Scope&, Join command) {
  joined = command;
  AFI_CO_STATUS(note(with_execution("join", command.execution)));
  if (command.execution == Execution::dry_run) co_return std::variant<host::PeerInfo, host::Plan>(samples::plan());
  co_return std::variant<host::PeerInfo, host::Plan>(samples::peer());
}
Task<Result<std::vector<host::PeerInfo>>> FakeHost::peers(Scope&) {
  AFI_CO_STATUS(note("peers"));
  co_return std::vector<host::PeerInfo>{samples::peer()};
}
Task<Result<std::optional<host::Plan>>> FakeHost::revoke(Scope&, Revoke command) {
  AFI_CO_STATUS(note(with_execution("revoke " + command.peer, command.execution)));
  if (command.execution == Execution::dry_run) co_return std::optional<host::Plan>(samples::plan());
  co_return std::optional<host::Plan>();
}
Task<Result<tls::EnrolmentAnswer>> FakeHost::enrol(Scope&, tls::EnrolmentRequest request, Digest channel) {
  enrolled_over = channel;
  AFI_CO_STATUS(note("enrol " + request.host.name));
  co_return samples::enrolment_answer();
}

}  // namespace afterimage::control
