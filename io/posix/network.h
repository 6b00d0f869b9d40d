// SPDX-License-Identifier: Apache-2.0
// PosixNetwork: sockets that are waited for with a reactor's watches. Contract: io/network.h.
#pragma once

#include <memory>

#include "io/posix/event_reactor.h"
#include "io/posix/socket_network.h"
#include "io/posix/system_calls.h"

namespace afterimage::io::posix {

class PosixNetwork final : public SocketNetwork {
 public:
  // All outlive it.
  PosixNetwork(EventReactor& reactor, ThreadPool& pool, Resolver& resolver, const SystemCalls& calls)
      : SocketNetwork(pool, resolver), reactor_(reactor), calls_(calls) {}

 private:
  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_to(Scope& scope, Address to) override;
  [[nodiscard]] Result<std::unique_ptr<Stream>> make_stream(UniqueFd fd, std::string peer) override;
  [[nodiscard]] Result<std::unique_ptr<Listener>> make_listener(ListeningSocket listening) override;

  EventReactor& reactor_;
  const SystemCalls& calls_;
};

}  // namespace afterimage::io::posix
