// SPDX-License-Identifier: Apache-2.0
// The table of refusals: who comes to which door with what, which error that is, and what both sides are told.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/base/error.h"
#include "tests/tools/afterimaged/attacker.h"
#include "tests/tools/afterimaged/host_world.h"
#include "transport/tls/authority.h"

namespace afterimage::daemon::test {

enum class Door {
  enrolled,     // our primary dials our replica: two daemons, two logs
  replication,  // an attacker at the replica's port 8084
  control,      // an attacker at the replica's port 8083
  dialled       // our primary dials an attacker where its replica was
};

// Two hosts that have enrolled, and an authority that neither knows.
struct Hosts {
  TestHost& replica;
  TestHost& primary;
  TestClock& clock;
  const tls::Authority& replica_root;
  const tls::Authority& primary_root;
  const tls::Authority& stranger_root;
};

// Whose part the attacker plays: the primary's where it dials, the replica's where it answers.
struct Part {
  const tls::HostLabel& host;
  const tls::Authority& root;
  const tls::PrivateKey& key;
};

struct Case {
  std::string name;
  std::vector<Door> doors;
  std::function<void(Attack&, const Part&, Hosts&)> prepare;
  ErrorCode code;
  std::string here;                          // in the log (dialled: the error) of the host that refuses
  std::string there;                         // in what the other side is told (enrolled: the error of the primary)
  std::function<void(Hosts&)> between = {};  // enrolled: between handshake and the first request
  Duration handshake_timeout = std::chrono::seconds(60);  // of both hosts
};

[[nodiscard]] std::vector<Case> certificate_cases();
[[nodiscard]] std::vector<Case> protocol_cases();
[[nodiscard]] std::vector<Case> permission_cases();  // of sessions
[[nodiscard]] std::vector<Case> lane_cases();        // of the replication port, after the handshake
[[nodiscard]] std::vector<Case> request_cases();     // of the control port, after the handshake

}  // namespace afterimage::daemon::test
