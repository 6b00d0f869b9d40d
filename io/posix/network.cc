// SPDX-License-Identifier: Apache-2.0
#include "io/posix/network.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

#include "io/posix/address.h"
#include "io/posix/stream.h"
#include "io/posix/unix_socket.h"

namespace afterimage::io::posix {
namespace {

constexpr Duration attempt_max = std::chrono::seconds(5);             // for an address when there are others
constexpr Duration full_queue_pause = std::chrono::milliseconds(10);  // of a unix socket that cannot take more
constexpr int backlog = 4096;                                         // the kernel lowers it to net.core.somaxconn

std::string reason_of(int system) {
  std::array<char, 128> buffer{};
  return ::strerror_r(system, buffer.data(), buffer.size());
}

// A connection that does not come about is unreachable, but for a socket that we may not open.
std::unexpected<Error> fail_connect(int system, const std::string& to) {
  const ErrorCode code = system == EACCES || system == EPERM ? ErrorCode::permission_denied : ErrorCode::unreachable;
  return fail(Error{.code = code,
                    .system = system,
                    .what = "connect",
                    .detail = "cannot connect to " + to + ": " + reason_of(system)});
}

std::unexpected<Error> fail_listen(int system, const Endpoint& at) {
  Error error = system_error(system, "listen", "cannot listen on " + at.text() + ": " + reason_of(system));
  if (system == EADDRNOTAVAIL) error.code = ErrorCode::invalid_argument;  // not an address of this host
  return fail(std::move(error));
}

// 0 when the connection stands, EINPROGRESS while it does not yet, else why not.
int state_of_connection(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  if (error != 0) return error;
  const Address peer = peer_address(fd);
  if (peer.size == 0) return EINPROGRESS;
  // A port of the ephemeral range that nobody listens on can meet itself.
  const Address local = local_address(fd);
  const bool is_itself = local.size == peer.size && std::memcmp(&local.storage, &peer.storage, peer.size) == 0;
  return is_itself ? ECONNREFUSED : 0;
}

Task<Result<std::unique_ptr<Stream>>> connect_to(Scope& scope, PosixReactor& reactor, Address to) {
  AFI_CO_STATUS(scope.check());
  const std::string name = to.text();
  UniqueFd fd(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) co_return fail(system_error(errno, "make a socket"));
  if (::connect(fd.get(), to.get(), to.size) != 0 && errno != EINPROGRESS && errno != EINTR) {
    co_return fail_connect(errno, name);
  }
  // Watched only now: epoll tells of a socket that does not connect yet that it is hung up.
  AFI_CO_RESULT(const std::shared_ptr<Socket> socket, Socket::adopt(reactor, std::move(fd), name));
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

Result<UniqueFd> bind_and_listen(const Address& address, const Endpoint& at) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return fail_listen(errno, at);
  const int on = 1;
  const int off = 0;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return fail_listen(errno, at);
  if (address.family() == AF_INET6 && at.host.empty() &&
      ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) {
    return fail_listen(errno, at);
  }
  if (::bind(fd.get(), address.get(), address.size) != 0) return fail_listen(errno, at);
  if (::listen(fd.get(), backlog) != 0) return fail_listen(errno, at);
  return fd;
}

// Both families on one socket; IPv4 alone where IPv6 is switched off.
Result<UniqueFd> listen_everywhere(const Endpoint& at) {
  auto both = bind_and_listen(any_address(AF_INET6, at.port), at);
  if (both || (both.error().system != EAFNOSUPPORT && both.error().system != EADDRNOTAVAIL)) return both;
  return bind_and_listen(any_address(AF_INET, at.port), at);
}

}  // namespace

Task<Result<std::unique_ptr<Stream>>> PosixNetwork::connect(Scope& scope, Endpoint to) {
  return to.unix_path.empty() ? connect_tcp(scope, std::move(to)) : connect_unix(scope, std::move(to));
}

Task<Result<std::unique_ptr<Stream>>> PosixNetwork::connect_tcp(Scope& scope, Endpoint to) {
  AFI_CO_STATUS(scope.check());
  if (to.host.empty()) co_return fail(ErrorCode::invalid_argument, "connect", "no host to connect to");
  AFI_CO_TRY(const std::vector<Address> addresses, resolver_.resolve(scope, to, ResolveFor::connecting));
  Error last;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    Scope attempt(scope);
    if (i + 1 < addresses.size()) attempt.set_timeout(attempt_max);
    auto connecting = connect_to(attempt, reactor_, addresses[i]);
    auto stream = co_await connecting;
    if (stream) co_return stream;
    last = std::move(stream).error();
    if (scope.is_interrupted()) break;
    if (last.code == ErrorCode::timed_out) {
      last =
          Error{.code = ErrorCode::unreachable, .what = "connect", .detail = "no answer from " + addresses[i].text()};
    }
  }
  co_return std::unexpected(std::move(last));
}

Task<Result<std::unique_ptr<Stream>>> PosixNetwork::connect_unix(Scope& scope, Endpoint to) {
  AFI_CO_RESULT(const Address address, unix_address(to.unix_path));
  for (;;) {
    AFI_CO_STATUS(scope.check());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd.is_open()) co_return fail(system_error(errno, "make a socket"));
    if (::connect(fd.get(), address.get(), address.size) == 0) {
      AFI_CO_RESULT(std::shared_ptr<Socket> socket, Socket::adopt(reactor_, std::move(fd), to.text()));
      co_return PosixStream::create(std::move(socket));
    }
    if (errno != EAGAIN && errno != EINTR) co_return fail_connect(errno, to.text());
    AFI_CO_TRY_STATUS(sleep_for(scope, full_queue_pause));
  }
}

Task<Result<std::unique_ptr<Listener>>> PosixNetwork::listen(Scope& scope, Endpoint at) {
  return at.unix_path.empty() ? listen_tcp(scope, std::move(at)) : listen_unix(scope, std::move(at));
}

Task<Result<std::unique_ptr<Listener>>> PosixNetwork::listen_tcp(Scope& scope, Endpoint at) {
  AFI_CO_STATUS(scope.check());
  std::optional<Address> address;
  if (!at.host.empty()) {
    AFI_CO_TRY(const std::vector<Address> addresses, resolver_.resolve(scope, at, ResolveFor::listening));
    address = addresses.front();
  }
  AFI_CO_RESULT(UniqueFd fd, address ? bind_and_listen(*address, at) : listen_everywhere(at));
  at.port = local_address(fd.get()).port();
  AFI_CO_RESULT(std::shared_ptr<Socket> socket, Socket::adopt(reactor_, std::move(fd), at.text()));
  std::unique_ptr<Listener> listener =
      std::make_unique<PosixListener>(calls_, std::move(socket), std::move(at), std::nullopt);
  co_return listener;
}

Task<Result<std::unique_ptr<Listener>>> PosixNetwork::listen_unix(Scope& scope, Endpoint at) {
  BlockingCall binding(scope, pool_, "listen on a unix socket", [&at] { return listen_at_path(at.unix_path); });
  auto bound = co_await binding;
  if (!bound) co_return std::unexpected(std::move(bound).error());
  AFI_CO_RESULT(std::shared_ptr<Socket> socket, Socket::adopt(reactor_, std::move(bound->fd), at.text()));
  std::unique_ptr<Listener> listener =
      std::make_unique<PosixListener>(calls_, std::move(socket), std::move(at), bound->file);
  co_return listener;
}

}  // namespace afterimage::io::posix
