// SPDX-License-Identifier: Apache-2.0
// Two hosts with all that the daemon has but the host itself, in one process over real sockets of this machine:
//
//   primary: PeerTrust, catalogue, DaemonTrust, connector          replica: the same, and both servers with a fake gate
//
// The clock is the test's; everything else is the real platform.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "engine/port/replica_gate.h"
#include "io/posix/platform.h"
#include "tools/afterimaged/certificate_keeper.h"
#include "tools/afterimaged/control_server.h"
#include "tools/afterimaged/daemon_trust.h"
#include "tools/afterimaged/log.h"
#include "tools/afterimaged/logged_sessions.h"
#include "tools/afterimaged/peer_trust.h"
#include "tools/afterimaged/replication_server.h"
#include "tools/afterimaged/tls_connector.h"
#include "transport/control/router.h"

namespace afterimage::daemon::test {

class TestClock final : public io::Clock {
 public:
  [[nodiscard]] WallTime now() const override { return time; }
  WallTime time{1'790'000'000'000'000'000};
};

class KeptLog final : public Log {
 public:
  void write(Severity, std::string_view text) override { lines.emplace_back(text); }
  [[nodiscard]] bool has(std::string_view part) const;
  [[nodiscard]] std::string all() const;
  std::vector<std::string> lines;
};

// Admits everybody, or says `verdict`; every machine can be opened, or `machine_verdict` is said; counts what lives.
class FakeGate final : public ReplicaGate {
 public:
  [[nodiscard]] io::Task<Result<std::unique_ptr<PointSink>>> admit(io::Scope& scope, Peer peer) override;
  Status verdict;
  Status machine_verdict;
  std::vector<std::string> admitted;
  int living = 0;
};

// Answers that no test here asks for.
class NoCommands final : public host::CommandPort {
 public:
  [[nodiscard]] io::Task<Result<host::Started>> protect(io::Scope&, host::Protect) override { return none(); }
  [[nodiscard]] io::Task<Result<host::Started>> sync(io::Scope&, host::Sync) override { return none(); }
  [[nodiscard]] io::Task<Result<host::Started>> unprotect(io::Scope&, host::Unprotect) override { return none(); }
  [[nodiscard]] io::Task<Result<host::Started>> remove_replica(io::Scope&, host::Remove) override { return none(); }
  [[nodiscard]] io::Task<Result<host::Started>> restore(io::Scope&, host::Restore) override { return none(); }
  [[nodiscard]] io::Task<Result<host::Started>> verify(io::Scope&, host::Verify) override { return none(); }
  [[nodiscard]] io::Task<Result<host::Started>> export_seed(io::Scope&, host::Export) override { return none(); }
  [[nodiscard]] io::Task<Result<host::Started>> import_seed(io::Scope&, host::Import) override { return none(); }
  [[nodiscard]] io::Task<Result<std::vector<host::MachineStatus>>> status(io::Scope&,
                                                                          std::optional<std::string>) override;
  [[nodiscard]] io::Task<Result<std::vector<host::PointInfo>>> points(io::Scope&, std::string) override;
  [[nodiscard]] io::Task<Status> pause(io::Scope&, std::string, host::Execution) override { return nothing(); }
  [[nodiscard]] io::Task<Status> resume(io::Scope&, std::string, host::Execution) override { return nothing(); }
  [[nodiscard]] std::vector<host::JobInfo> jobs() const override { return {}; }
  [[nodiscard]] Result<host::JobInfo> job(host::JobId) const override;
  [[nodiscard]] io::Task<Result<host::JobInfo>> wait_for_job(io::Scope&, host::JobId, Duration) override;
  [[nodiscard]] Status cancel_job(host::JobId) override { return {}; }

 private:
  [[nodiscard]] static io::Task<Result<host::Started>> none();
  [[nodiscard]] static io::Task<Status> nothing();
};

// One of the two.
class TestHost {
 public:
  struct Options {
    std::string name;
    std::vector<std::string> stores = {};
    AttemptLimits enrolments = {};
    Duration handshake_timeout = std::chrono::seconds(10);
    PlacesLimits newcomers = {.of_all = 64, .of_one_source = 16};
    std::size_t lanes = 1;  // of sessions to replicas
  };
  TestHost(io::posix::PosixPlatform& posix, TestClock& clock, Options options);
  ~TestHost();  // stops the servers

  template <typename T>
  T run(io::Task<T> task) {
    return io::block_on(posix.reactor(), std::move(task));
  }
  // A registration key of this host, good for `expires`.
  [[nodiscard]] std::string make_key(Duration expires = std::chrono::hours(1), std::string store = {});
  [[nodiscard]] Result<host::PeerInfo> join(const std::string& key);
  [[nodiscard]] Result<std::unique_ptr<PointSink>> connect_to(const TestHost& replica);
  // Any call of a session: its error when it has ended. Opens a machine.
  [[nodiscard]] Status ask(PointSink& sink);
  [[nodiscard]] Status revoke(const std::string& name);
  // Ends the servers, and whatever the connector still has to say.
  void stop();

  io::posix::PosixPlatform& posix;
  io::Platform platform;
  io::Scope scope;
  Options options;
  tls::HostLabel label;
  std::string folder;
  KeptLog log;
  FakeGate gate;
  NoCommands commands;
  catalogue::KeptInMemory database;
  std::unique_ptr<catalogue::Catalogue> catalogue;
  LoggedSessions served, dialled;
  std::unique_ptr<PeerTrust> trust;
  std::unique_ptr<CertificateKeeper> keeper;
  std::unique_ptr<ReplicationServer> replication;
  std::unique_ptr<ControlServer> control;
  std::unique_ptr<DaemonTrust> daemon_trust;
  std::unique_ptr<control::Router> router;
  std::unique_ptr<TlsConnector> connector;
};

}  // namespace afterimage::daemon::test
