// SPDX-License-Identifier: Apache-2.0
// TlsConnector: how a primary reaches its replicas: the address that enrolment kept, TLS to exactly that host, then a
// replication session. Its errors are the sentences that operators read. Thread: the reactor's.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "engine/port/replica_gate.h"
#include "io/platform.h"
#include "io/task_group.h"
#include "tools/afterimaged/peer_trust.h"
#include "transport/replication/session_log.h"
#include "transport/replication/session_timeouts.h"

namespace afterimage::daemon {

struct TlsConnectorOptions {
  std::string host_name;                                  // of this host, for the replica's log
  std::size_t lanes = 1;                                  // connections of a session
  Duration connect_timeout = std::chrono::seconds(15);    // name look-up and TCP
  Duration handshake_timeout = std::chrono::seconds(10);  // TLS
  replication::SessionTimeouts timeouts = {};
};

class TlsConnector final : public SinkConnector {
 public:
  // `trust` and `log` outlive it.
  TlsConnector(const io::Platform& platform, PeerTrust& trust, replication::SessionLog& log,
               TlsConnectorOptions options);

  // not_found: no such peer. authentication: revoked here, or one of the two does not accept the other. unreachable,
  // timed_out. Whatever the replica itself says comes with its code.
  [[nodiscard]] io::Task<Result<std::unique_ptr<PointSink>>> connect(io::Scope& scope, HostId replica) override;

  // Waits for the last words of sessions whose sinks are gone. Call it before the destructor.
  [[nodiscard]] io::Task<void> join();

 private:
  class Door;
  [[nodiscard]] Result<io::Endpoint> address_of(const HostId& replica) const;
  // Authenticated, to the address that is known now. Errors are explained.
  [[nodiscard]] io::Task<Result<std::unique_ptr<io::Stream>>> dial(io::Scope& scope, HostId replica);
  [[nodiscard]] io::Task<Result<std::unique_ptr<io::Stream>>> dial_at(io::Scope& scope, HostId replica,
                                                                      io::Endpoint to);
  [[nodiscard]] Error explain(Error error, const std::string& address) const;

  io::Platform platform_;
  PeerTrust& trust_;
  replication::SessionLog& log_;
  TlsConnectorOptions options_;
  io::TaskGroup tasks_;
};

}  // namespace afterimage::daemon
