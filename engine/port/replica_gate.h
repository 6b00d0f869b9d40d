// SPDX-License-Identifier: Apache-2.0
// The two doors of a host to its peers: ReplicaGate is what a replication server asks when an authenticated primary
// arrives; SinkConnector is what a primary asks for a session to a replica. Transport connects the one to the other
// over the network; the simulator over plain streams; a test directly.
#pragma once

#include <memory>
#include <string>

#include "engine/port/point_sink.h"
#include "io/base/identity.h"

namespace afterimage {

// A peer whose certificate (or simulated stand-in) was checked.
struct Peer {
  HostId id;
  std::string name;
};

class ReplicaGate {
 public:
  virtual ~ReplicaGate() = default;
  // A session for that peer, before any machine is named; permission_denied with the reason if it may not replicate
  // here (unknown, revoked). The sink checks permissions for the machine at open.
  [[nodiscard]] virtual io::Task<Result<std::unique_ptr<PointSink>>> admit(io::Scope& scope, Peer peer) = 0;
};

class SinkConnector {
 public:
  virtual ~SinkConnector() = default;
  // A session to the replica host (its id as kept at enrolment), ready for open. unreachable, authentication,
  // timed_out.
  [[nodiscard]] virtual io::Task<Result<std::unique_ptr<PointSink>>> connect(io::Scope& scope, HostId replica) = 0;
};

}  // namespace afterimage
