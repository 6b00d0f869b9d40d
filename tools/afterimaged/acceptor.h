// SPDX-License-Identifier: Apache-2.0
// Acceptor: takes connections from one listener and serves each in a task of its own, until it is stopped. Nothing that
// a connection does, and no failure to take one, ends the loop. Thread: the reactor's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/network.h"
#include "io/scope.h"
#include "io/task_group.h"
#include "tools/afterimaged/log.h"

namespace afterimage::daemon {

class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;
  // Returns when the connection is over; soon, when the scope is cancelled.
  [[nodiscard]] virtual io::Task<void> serve(io::Scope& scope, std::unique_ptr<io::Stream> stream) = 0;
};

class Acceptor {
 public:
  // `handler` and `log` outlive it. `name` is for the log: "the replication port".
  Acceptor(io::Reactor& reactor, std::string name, ConnectionHandler& handler, Log& log);

  void start(std::unique_ptr<io::Listener> listener);
  [[nodiscard]] io::Endpoint local() const { return listener_->local(); }
  // No more connections are taken; those that stand are cancelled and waited for.
  [[nodiscard]] io::Task<void> stop();

 private:
  [[nodiscard]] io::Task<void> accept_all();

  std::string name_;
  ConnectionHandler& handler_;
  Log& log_;
  std::unique_ptr<io::Listener> listener_;
  io::Scope accepting_;
  io::Scope serving_;
  io::TaskGroup tasks_;
};

}  // namespace afterimage::daemon
