// SPDX-License-Identifier: Apache-2.0
#include "io/posix/network.h"

#include <cerrno>

#include <sys/socket.h>

#include "io/posix/listener.h"
#include "io/posix/stream.h"

namespace afterimage::io::posix {

Task<Result<std::unique_ptr<Stream>>> PosixNetwork::connect_to(Scope& scope, Address to) {
  AFI_CO_STATUS(scope.check());
  const std::string name = to.text();
  AFI_CO_RESULT(UniqueFd fd, make_socket(to.family()));
  if (::connect(fd.get(), to.get(), to.size) != 0 && errno != EINPROGRESS && errno != EINTR) {
    co_return fail_connect(errno, name);
  }
  // Watched only now: epoll tells of a socket that does not connect yet that it is hung up.
  AFI_CO_RESULT(const std::shared_ptr<Socket> socket, Socket::adopt(reactor_, std::move(fd), name));
  for (;;) {
    const int state = state_of_connection(socket->fd());
    if (state == 0) break;
    if (state != EINPROGRESS) co_return fail_connect(state, name);
    Socket::Readiness readiness(scope, *socket, Socket::Direction::write, "connect");
    const Status ready = co_await readiness;
    if (!ready) co_return std::unexpected(ready.error());
  }
  co_return PosixStream::create(socket);
}

Result<std::unique_ptr<Stream>> PosixNetwork::make_stream(UniqueFd fd, std::string peer) {
  AFI_TRY(std::shared_ptr<Socket> socket, Socket::adopt(reactor_, std::move(fd), std::move(peer)));
  return PosixStream::create(std::move(socket));
}

Result<std::unique_ptr<Listener>> PosixNetwork::make_listener(ListeningSocket listening) {
  AFI_TRY(std::shared_ptr<Socket> socket, Socket::adopt(reactor_, std::move(listening.fd), listening.local.text()));
  return std::make_unique<PosixListener>(calls_, std::move(socket), std::move(listening.local), listening.file);
}

}  // namespace afterimage::io::posix
