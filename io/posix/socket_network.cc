// SPDX-License-Identifier: Apache-2.0
#include "io/posix/socket_network.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

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

std::unexpected<Error> fail_listen(int system, const Endpoint& at) {
  Error error = system_error(system, "listen", "cannot listen on " + at.text() + ": " + reason_of(system));
  if (system == EADDRNOTAVAIL) error.code = ErrorCode::invalid_argument;  // not an address of this host
  return fail(std::move(error));
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

Task<Result<std::unique_ptr<Stream>>> SocketNetwork::connect(Scope& scope, Endpoint to) {
  return to.unix_path.empty() ? connect_tcp(scope, std::move(to)) : connect_unix(scope, std::move(to));
}

Task<Result<std::unique_ptr<Stream>>> SocketNetwork::connect_tcp(Scope& scope, Endpoint to) {
  AFI_CO_STATUS(scope.check());
  if (to.host.empty()) co_return fail(ErrorCode::invalid_argument, "connect", "no host to connect to");
  AFI_CO_TRY(const std::vector<Address> addresses, resolver_.resolve(scope, to, ResolveFor::connecting));
  Error last;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    Scope attempt(scope);
    if (i + 1 < addresses.size()) attempt.set_timeout(attempt_max);
    auto connecting = connect_to(attempt, addresses[i]);
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

Task<Result<std::unique_ptr<Stream>>> SocketNetwork::connect_unix(Scope& scope, Endpoint to) {
  AFI_CO_RESULT(const Address address, unix_address(to.unix_path));
  for (;;) {
    AFI_CO_STATUS(scope.check());
    AFI_CO_RESULT(UniqueFd fd, make_socket(AF_UNIX));
    if (::connect(fd.get(), address.get(), address.size) == 0) co_return make_stream(std::move(fd), to.text());
    if (errno != EAGAIN && errno != EINTR) co_return fail_connect(errno, to.text());
    AFI_CO_TRY_STATUS(sleep_for(scope, full_queue_pause));
  }
}

Task<Result<std::unique_ptr<Listener>>> SocketNetwork::listen(Scope& scope, Endpoint at) {
  return at.unix_path.empty() ? listen_tcp(scope, std::move(at)) : listen_unix(scope, std::move(at));
}

Task<Result<std::unique_ptr<Listener>>> SocketNetwork::listen_tcp(Scope& scope, Endpoint at) {
  AFI_CO_STATUS(scope.check());
  std::optional<Address> address;
  if (!at.host.empty()) {
    AFI_CO_TRY(const std::vector<Address> addresses, resolver_.resolve(scope, at, ResolveFor::listening));
    address = addresses.front();
  }
  AFI_CO_RESULT(UniqueFd fd, address ? bind_and_listen(*address, at) : listen_everywhere(at));
  at.port = local_address(fd.get()).port();
  ListeningSocket socket{.fd = std::move(fd), .local = std::move(at), .file = std::nullopt};
  co_return make_listener(std::move(socket));
}

Task<Result<std::unique_ptr<Listener>>> SocketNetwork::listen_unix(Scope& scope, Endpoint at) {
  BlockingCall binding(scope, pool_, "listen on a unix socket", [&at] { return listen_at_path(at.unix_path); });
  auto bound = co_await binding;
  if (!bound) co_return std::unexpected(std::move(bound).error());
  ListeningSocket socket{.fd = std::move(bound->fd), .local = std::move(at), .file = bound->file};
  co_return make_listener(std::move(socket));
}

}  // namespace afterimage::io::posix
