// SPDX-License-Identifier: Apache-2.0
#include "io/posix/stream.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "io/posix/address.h"

namespace afterimage::io::posix {
namespace {

// A peer that is gone is noticed after 10 + 4 x 5 seconds of silence, or when sent bytes stay unacknowledged for 30.
constexpr int keepalive_idle_s = 10;
constexpr int keepalive_interval_s = 5;
constexpr int keepalive_probes = 4;
constexpr int unacknowledged_ms_max = 30'000;

Status set_option(int fd, int level, int option, int value) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) {
    return fail(system_error(errno, "set an option of a connection"));
  }
  return {};
}

Status set_tcp_options(int fd) {
  AFI_TRY_STATUS(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1));
  AFI_TRY_STATUS(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
  AFI_TRY_STATUS(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_s));
  AFI_TRY_STATUS(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_s));
  AFI_TRY_STATUS(set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes));
  return set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_ms_max);
}

std::optional<PeerCredentials> credentials_of(int fd) {
  ucred raw{};
  socklen_t size = sizeof raw;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &raw, &size) != 0) return std::nullopt;
  return PeerCredentials{.user = raw.uid, .group = raw.gid, .process = raw.pid};
}

// Whatever the system says of a connection that stood, it is broken.
std::unexpected<Error> fail_broken(int system, const char* what, const Socket& socket) {
  std::array<char, 128> buffer{};
  const char* reason = ::strerror_r(system, buffer.data(), buffer.size());
  return fail(Error{.code = ErrorCode::unreachable,
                    .system = system,
                    .what = what,
                    .detail = "the connection to " + socket.peer() + " broke: " + reason});
}

Task<Result<std::size_t>> receive(Scope& scope, std::shared_ptr<Socket> socket, MutableBytes out) {
  AFI_CO_STATUS(scope.check());
  if (out.empty()) co_return fail(ErrorCode::invalid_argument, "read into no buffer");
  if (socket->reactor().is_turn_used_up()) {
    NextTurn turn(socket->reactor());
    co_await turn;
  }
  for (;;) {
    if (socket->is_closed()) co_return fail_closed(*socket);
    const ssize_t count = ::recv(socket->fd(), out.data(), out.size(), 0);
    if (count >= 0) co_return static_cast<std::size_t>(count);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return fail_broken(errno, "read from a stream", *socket);
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
    if (socket->is_closed()) co_return fail_closed(*socket);
    const ssize_t count = ::send(socket->fd(), data.data(), data.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      data = data.subspan(static_cast<std::size_t>(count));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return fail_broken(errno, "write to a stream", *socket);
    Socket::Readiness readiness(scope, *socket, Socket::Direction::write, "write to a stream");
    const Status ready = co_await readiness;
    if (!ready) co_return std::unexpected(ready.error());
  }
  co_return Status{};
}

}  // namespace

Result<std::unique_ptr<Stream>> PosixStream::create(std::shared_ptr<Socket> socket) {
  const bool is_unix = local_address(socket->fd()).family() == AF_UNIX;
  if (!is_unix) AFI_TRY_STATUS(set_tcp_options(socket->fd()));
  const auto credentials = is_unix ? credentials_of(socket->fd()) : std::nullopt;
  return std::unique_ptr<Stream>(new PosixStream(std::move(socket), credentials));
}

Task<Result<std::size_t>> PosixStream::read_some(Scope& scope, MutableBytes out) {
  return receive(scope, socket_, out);
}

Task<Status> PosixStream::write(Scope& scope, ByteView data) { return send_all(scope, socket_, data); }

Task<Status> PosixStream::shutdown_write(Scope& scope) {
  AFI_CO_STATUS(scope.check());
  if (socket_->is_closed()) co_return fail_closed(*socket_);
  if (::shutdown(socket_->fd(), SHUT_WR) != 0) co_return fail_broken(errno, "end a stream", *socket_);
  co_return Status{};
}

}  // namespace afterimage::io::posix
