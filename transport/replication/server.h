// SPDX-License-Identifier: Apache-2.0
// The replica's side of a session over a stream: the server machine, the gate that admits, and the sink it gave.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/port/replica_gate.h"
#include "io/network.h"
#include "transport/replication/server_machine.h"
#include "transport/replication/session_log.h"
#include "transport/replication/session_table.h"
#include "transport/replication/session_timeouts.h"

namespace afterimage::replication {

struct ServeOptions {
  std::string host_name;          // of this host, for the primary's log
  SessionLog* log = nullptr;      // outlives the session
  SessionTable* table = nullptr;  // outlives the session; without one a peer may have any number
  VersionRange versions = spoken_versions;
  std::uint64_t window_bytes = limits::session_window_bytes;  // of frames held for a session
  std::uint8_t lanes = 1;                                     // that a session is granted; more need a table
  LaneSecret lane_secret = {};                                // random, if lanes is more than 1
  std::function<void()> became_lane = {};  // told if the connection is a further one of a session: needs no window
  SessionTimeouts timeouts = {};
};

struct SessionEnd {
  SessionEndKind kind = SessionEndKind::failed;
  Error reason;
};

// Serves one connection, as a session or as a lane of one, until its end: the peer's, its own, or the interruption of
// the scope (the primary is told then that this host stops). Never takes the gate or the sink down with it: every
// failure is the session's own. Run each in a task of its own. The stream is closed and the sink is gone when it
// returns. `peer` was authenticated by the caller. Memory: of a session at most window_bytes of frames and two
// messages, of a lane one message.
[[nodiscard]] io::Task<SessionEnd> serve_session(io::Scope& scope, std::unique_ptr<io::Stream> stream,
                                                 ReplicaGate& gate, Peer peer, ServeOptions options);

}  // namespace afterimage::replication
