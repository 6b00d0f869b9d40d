// SPDX-License-Identifier: Apache-2.0
// TrustPort: what the control API asks about peers and keys. The daemon implements it over transport/tls and its
// catalogue. Every error carries a sentence in `detail` that says what, why and what to do. Thread: the reactor's.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/host/commands.h"
#include "io/base/result.h"
#include "io/scope.h"
#include "io/task.h"
#include "transport/tls/enrolment.h"

namespace afterimage::control {

struct MakeKey {
  Duration expires = std::chrono::hours(24 * 5);
  std::string store;  // where the machines of the primary that joins will lie; empty = the only store
  std::vector<std::string>
      addresses;  // where that primary reaches this host: HOST or HOST:PORT; empty = what the host knows
  host::Execution execution = host::Execution::real;
};
struct IssuedKey {
  std::string key;  // the registration key: shown once, never logged
  WallTime expires;
  std::string store;
};

struct Join {
  std::string key;
  std::optional<std::string> address;  // of the replica, where the key's addresses do not reach it: HOST or HOST:PORT
  host::Execution execution = host::Execution::real;
};

struct Revoke {
  std::string peer;
  host::Execution execution = host::Execution::real;
};

class TrustPort {
 public:
  virtual ~TrustPort() = default;

  // This host, and how its certificates stand.
  [[nodiscard]] virtual host::HostInfo this_host() const = 0;
  // A dry run answers a plan. refused: this host has no store. not_found: no such store.
  [[nodiscard]] virtual io::Task<Result<std::variant<IssuedKey, host::Plan>>> make_key(io::Scope& scope,
                                                                                       MakeKey command) = 0;
  // Joins the replica that the key names, and remembers it. authentication, unreachable, timed_out, already_exists.
  [[nodiscard]] virtual io::Task<Result<std::variant<host::PeerInfo, host::Plan>>> join(io::Scope& scope,
                                                                                        Join command) = 0;
  [[nodiscard]] virtual io::Task<Result<std::vector<host::PeerInfo>>> peers(io::Scope& scope) = 0;
  // At once: sessions of the peer end. Durable when it returns. A plan for a dry run.
  [[nodiscard]] virtual io::Task<Result<std::optional<host::Plan>>> revoke(io::Scope& scope, Revoke command) = 0;
  // A primary asks to be let in. `channel` is the exporter value of its connection.
  [[nodiscard]] virtual io::Task<Result<tls::EnrolmentAnswer>> enrol(io::Scope& scope, tls::EnrolmentRequest request,
                                                                     Digest channel) = 0;
};

}  // namespace afterimage::control
