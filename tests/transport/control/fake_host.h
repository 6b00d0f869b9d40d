// SPDX-License-Identifier: Apache-2.0
// A host that only remembers what it was told and answers what a test has laid ready.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/host/command_port.h"
#include "transport/control/trust_port.h"

namespace afterimage::control {

class FakeHost final : public host::CommandPort, public TrustPort {
 public:
  // What was called, as a short text: "sync web1", "restore web1 dry_run".
  std::vector<std::string> calls;
  std::optional<Error> error;  // of every call, if set
  std::vector<host::JobInfo> known_jobs;
  host::HostInfo host;
  std::vector<host::MachineStatus> machines;
  std::vector<host::PointInfo> known_points;
  std::optional<host::Protect> protected_;
  std::optional<host::Restore> restored;
  std::optional<host::Verify> verified;
  std::optional<MakeKey> made_key;
  std::optional<Join> joined;
  std::optional<Digest> enrolled_over;
  int looks_until_done = 0;  // the job's state turns from running to done after so many looks

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
  [[nodiscard]] io::Task<Result<std::vector<host::PointInfo>>> points(io::Scope& scope, std::string machine) override;
  [[nodiscard]] io::Task<Status> pause(io::Scope& scope, std::string machine, host::Execution execution) override;
  [[nodiscard]] io::Task<Status> resume(io::Scope& scope, std::string machine, host::Execution execution) override;
  [[nodiscard]] std::vector<host::JobInfo> jobs() const override { return known_jobs; }
  [[nodiscard]] Result<host::JobInfo> job(host::JobId id) const override;
  [[nodiscard]] io::Task<Result<host::JobInfo>> wait_for_job(io::Scope& scope, host::JobId id,
                                                             Duration patience) override;
  [[nodiscard]] Status cancel_job(host::JobId id) override;

  [[nodiscard]] host::HostInfo this_host() const override { return host; }
  [[nodiscard]] io::Task<Result<std::variant<IssuedKey, host::Plan>>> make_key(io::Scope& scope,
                                                                               MakeKey command) override;
  [[nodiscard]] io::Task<Result<std::variant<host::PeerInfo, host::Plan>>> join(io::Scope& scope,
                                                                                Join command) override;
  [[nodiscard]] io::Task<Result<std::vector<host::PeerInfo>>> peers(io::Scope& scope) override;
  [[nodiscard]] io::Task<Result<std::optional<host::Plan>>> revoke(io::Scope& scope, Revoke command) override;
  [[nodiscard]] io::Task<Result<tls::EnrolmentAnswer>> enrol(io::Scope& scope, tls::EnrolmentRequest request,
                                                             Digest channel) override;

 private:
  [[nodiscard]] Result<host::Started> start(std::string call, host::Execution execution);
  [[nodiscard]] Status note(std::string call);
};

}  // namespace afterimage::control
