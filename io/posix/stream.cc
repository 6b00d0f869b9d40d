// SPDX-License-Identifier: Apache-2.0
#include "io/posix/stream.h"

#include <cerrno>

#include <sys/socket.h>

#include "io/posix/connection.h"

namespace afterimage::io::posix {
namespace {

Task<Result<std::size_t>> receive(Scope& scope, std::shared_ptr<Socket> socket, MutableBytes out) {
  AFI_CO_STATUS(scope.check());
  if (out.empty()) co_return fail(ErrorCode::invalid_argument, "read into no buffer");
  if (socket->reactor().is_turn_used_up()) {
    NextTurn turn(socket->reactor());
    co_await turn;
  }
  for (;;) {
    if (socket->is_closed()) co_return fail_closed(socket->peer());
    const ssize_t count = ::recv(socket->fd(), out.data(), out.size(), 0);
    if (count >= 0) co_return static_cast<std::size_t>(count);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return fail_broken(errno, "read from a stream", socket->peer());
    Socket::Readiness readiness(scope, *socket, Socket::Direction::read, "read from a stream");
    const Status ready = co_await readiness;
    if (!ready) co_return std::unexpected(ready.error());
  }
}

Task<Status> send_all(Scope& scope, std::shared_ptr<Socket> socket, ByteView data) {
  AFI_CO_STATUS(scope.check());
  while (!data.empty()) {
    if (socket->reactor().is_turn_used_up()) {
      NextTurn turn(socket->reactor());
      co_await turn;
    }
    if (socket->is_closed()) co_return fail_closed(socket->peer());
    const ssize_t count = ::send(socket->fd(), data.data(), data.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      data = data.subspan(static_cast<std::size_t>(count));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return fail_broken(errno, "write to a stream", socket->peer());
    Socket::Readiness readiness(scope, *socket, Socket::Direction::write, "write to a stream");
    const Status ready = co_await readiness;
    if (!ready) co_return std::unexpected(ready.error());
  }
  co_return Status{};
}

}  // namespace

Result<std::unique_ptr<Stream>> PosixStream::create(std::shared_ptr<Socket> socket) {
  AFI_TRY(const auto credentials, prepare_connection(socket->fd()));
  return std::unique_ptr<Stream>(new PosixStream(std::move(socket), credentials));
}

Task<Result<std::size_t>> PosixStream::read_some(Scope& scope, MutableBytes out) {
  return receive(scope, socket_, out);
}

Task<Status> PosixStream::write(Scope& scope, ByteView data) { return send_all(scope, socket_, data); }

Task<Status> PosixStream::shutdown_write(Scope& scope) {
  AFI_CO_STATUS(scope.check());
  if (socket_->is_closed()) co_return fail_closed(socket_->peer());
  if (::shutdown(socket_->fd(), SHUT_WR) != 0) co_return fail_broken(errno, "end a stream", socket_->peer());
  co_return Status{};
}

}  // namespace afterimage::io::posix
