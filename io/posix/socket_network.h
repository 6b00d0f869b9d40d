// SPDX-License-Identifier: Apache-2.0
// SocketNetwork: io::Network over TCP (IPv4 and IPv6) and unix sockets; how one waits for a socket is the platform's.
// Contract: io/network.h.
// Connecting tries each address of a name in turn, all but the last for at most 5 seconds. Listening with an empty host
// serves IPv4 and IPv6; with a name that has several addresses, the first. Thread: the reactor's.
#pragma once

#include <memory>
#include <optional>

#include "io/network.h"
#include "io/posix/connection.h"
#include "io/posix/resolver.h"
#include "io/posix/thread_pool.h"

namespace afterimage::io::posix {

// A socket that listens: non-blocking, its address as it was given, its file if it is a unix socket.
struct ListeningSocket {
  UniqueFd fd;
  Endpoint local;
  std::optional<SocketFile> file;
};

class SocketNetwork : public Network {
 public:
  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect(Scope& scope, Endpoint to) final;
  [[nodiscard]] Task<Result<std::unique_ptr<Listener>>> listen(Scope& scope, Endpoint at) final;

 protected:
  // Both outlive it. `pool` serves the file system side of unix sockets.
  SocketNetwork(ThreadPool& pool, Resolver& resolver) : pool_(pool), resolver_(resolver) {}

 private:
  // What the platform does. A TCP address; a connected socket (non-blocking); a listening one.
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Stream>>> connect_to(Scope& scope, Address to) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Stream>> make_stream(UniqueFd fd, std::string peer) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Listener>> make_listener(ListeningSocket listening) = 0;

  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_unix(Scope& scope, Endpoint to);
  [[nodiscard]] Task<Result<std::unique_ptr<Stream>>> connect_tcp(Scope& scope, Endpoint to);
  [[nodiscard]] Task<Result<std::unique_ptr<Listener>>> listen_unix(Scope& scope, Endpoint at);
  [[nodiscard]] Task<Result<std::unique_ptr<Listener>>> listen_tcp(Scope& scope, Endpoint at);

  ThreadPool& pool_;
  Resolver& resolver_;
};

}  // namespace afterimage::io::posix
