// SPDX-License-Identifier: Apache-2.0
// ReplicationServer: port 8084. A connection first proves who it is, under a deadline and within bounds that nobody can
// take from the others; then it is a replication session of that primary at the host's gate, or a lane of one. Thread:
// the reactor's.
#pragma once

#include <chrono>
#include <string>

#include "engine/port/replica_gate.h"
#include "io/platform.h"
#include "tools/afterimaged/acceptor.h"
#include "tools/afterimaged/newcomers.h"
#include "tools/afterimaged/peer_trust.h"
#include "tools/afterimaged/places.h"
#include "tools/afterimaged/refusal_log.h"
#include "tools/afterimaged/window_budget.h"
#include "transport/replication/session_log.h"
#include "transport/replication/session_table.h"
#include "transport/replication/session_timeouts.h"

namespace afterimage::tls {
class TlsStream;
}

namespace afterimage::daemon {

struct ReplicationServerOptions {
  std::string host_name;  // of this host, for the primary's log
  PlacesLimits newcomers = {.of_all = 64, .of_one_source = 16};
  // Of authenticated peers; somewhat above what the table lets in, so that the table refuses with a reason.
  PlacesLimits connections = {.of_all = 512,
                              .of_one_source = limits::sessions_per_peer_max + limits::lanes_per_peer_max + 8};
  std::uint8_t lanes = limits::lanes_max;  // that a session is granted
  Duration handshake_timeout = std::chrono::seconds(10);
  replication::SessionTimeouts timeouts = {};
};

class ReplicationServer final : public ConnectionHandler {
 public:
  // All references outlive it.
  ReplicationServer(const io::Platform& platform, PeerTrust& trust, ReplicaGate& gate,
                    replication::SessionLog& sessions, Log& log, ReplicationServerOptions options);

  // Listens and serves. The errors of io::Network::listen.
  [[nodiscard]] io::Task<Status> start(io::Scope& scope, io::Endpoint at);
  [[nodiscard]] io::Endpoint local() const { return acceptor_.local(); }
  // Primaries are told that this host stops. Call it before the destructor if start() was fine.
  [[nodiscard]] io::Task<void> stop() { return acceptor_.stop(); }
  [[nodiscard]] replication::SessionTable& table() { return table_; }

  [[nodiscard]] io::Task<void> serve(io::Scope& scope, std::unique_ptr<io::Stream> raw) override;

 private:
  [[nodiscard]] io::Task<Result<std::unique_ptr<tls::TlsStream>>> authenticate(io::Scope& scope,
                                                                               std::unique_ptr<io::Stream> raw);

  io::Platform platform_;
  PeerTrust& trust_;
  ReplicaGate& gate_;
  replication::SessionLog& sessions_;
  ReplicationServerOptions options_;
  Newcomers newcomers_;
  Places connections_;
  WindowBudget windows_;
  RefusalLog refusals_;
  replication::SessionTable table_;
  Acceptor acceptor_;  // last: its tasks use all of the above
};

}  // namespace afterimage::daemon
