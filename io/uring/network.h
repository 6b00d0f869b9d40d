// SPDX-License-Identifier: Apache-2.0
// UringNetwork: sockets whose calls go through the ring. Contract: io/network.h.
#pragma once

#include <memory>

#include "io/posix/socket_network.h"
#include "io/uring/ring.h"

namespace afterimage::io::uring {

class UringNetwork final : public posix::SocketNetwork {
 public:
  // All outlive it.
  UringNetwork(Ring& ring, posix::ThreadPool& pool, posix::Resolver& resolver)
      : SocketNetwork(pool, resolver), ring_(ring) {}

 private:
  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_to(Scope& scope, posix::Address to) override;
  [[nodiscard]] Result<std::unique_ptr<Stream>> make_stream(posix::UniqueFd fd, std::string peer) override;
  [[nodiscard]] Result<std::unique_ptr<Listener>> make_listener(posix::ListeningSocket listening) override;

  Ring& ring_;
};

}  // namespace afterimage::io::uring
