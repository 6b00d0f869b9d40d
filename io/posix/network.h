// SPDX-License-Identifier: Apache-2.0
// PosixNetwork: io::Network over TCP (IPv4 and IPv6) and unix sockets. Contract: io/network.h.
// Connecting tries each address of a name in turn, all but the last for at most 5 seconds. Listening with an empty host
// serves IPv4 and IPv6; with a name that has several addresses, the first. Thread: the reactor's.
#pragma once

#include <memory>

#include "io/network.h"
#include "io/posix/listener.h"
#include "io/posix/resolver.h"
#include "io/posix/thread_pool.h"

namespace afterimage::io::posix {

class PosixNetwork final : public Network {
 public:
  // All outlive it. `pool` serves the file system side of unix sockets.
  PosixNetwork(PosixReactor& reactor, ThreadPool& pool, Resolver& resolver, const SystemCalls& calls)
      : reactor_(reactor), pool_(pool), resolver_(resolver), calls_(calls) {}

  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect(Scope& scope, Endpoint to) override;
  [[nodiscard]] Task<Result<std::unique_ptr<Listener>>> listen(Scope& scope, Endpoint at) override;

 private:
  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_unix(Scope& scope, Endpoint to);
  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_tcp(Scope& scope, Endpoint to);
  [[nodiscard]] Task<Result<std::unique_ptr<Listener>>> listen_unix(Scope& scope, Endpoint at);
  [[nodiscard]] Task<Result<std::unique_ptr<Listener>>> listen_tcp(Scope& scope, Endpoint at);

  PosixReactor& reactor_;
  ThreadPool& pool_;
  Resolver& resolver_;
  const SystemCalls& calls_;
};

}  // namespace afterimage::io::posix
