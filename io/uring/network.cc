// SPDX-License-Identifier: Apache-2.0
#include "io/uring/network.h"

#include <cerrno>

#include <fcntl.h>

#include "io/uring/listener.h"
#include "io/uring/stream.h"

namespace afterimage::io::uring {
namespace {

class Connecting final : public RingCall {
 public:
  Connecting(Scope& scope, RingSocket& socket, const posix::Address& to)
      : RingCall(scope, socket.ring(), "connect", Interruption::ends_it), fd_(socket.fd()), to_(to) {}

 private:
  void fill(io_uring_sqe& entry) override { io_uring_prep_connect(&entry, fd_, to_.get(), to_.size); }
  int fd_;
  const posix::Address& to_;
};

}  // namespace

Task<Result<std::unique_ptr<Stream>>> UringNetwork::connect_to(Scope& scope, posix::Address to) {
  AFI_CO_STATUS(scope.check());
  const std::string name = to.text();
  AFI_CO_RESULT(posix::UniqueFd fd, posix::make_socket(to.family()));
  const auto socket = std::make_shared<RingSocket>(ring_, std::move(fd), name);
  Connecting connecting(scope, *socket, to);
  const int result = co_await connecting;
  if (result == -ECANCELED) AFI_CO_STATUS(scope.check());
  if (result < 0) co_return posix::fail_connect(-result, name);
  const int state = posix::state_of_connection(socket->fd());
  if (state != 0) co_return posix::fail_connect(state, name);
  co_return UringStream::create(socket);
}

Result<std::unique_ptr<Stream>> UringNetwork::make_stream(posix::UniqueFd fd, std::string peer) {
  return UringStream::create(std::make_shared<RingSocket>(ring_, std::move(fd), std::move(peer)));
}

Result<std::unique_ptr<Listener>> UringNetwork::make_listener(posix::ListeningSocket listening) {
  // Older kernels answer EAGAIN at once to an accept on a non-blocking socket.
  const int flags = ::fcntl(listening.fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(listening.fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return fail(system_error(errno, "listen"));
  }
  auto socket = std::make_shared<RingSocket>(ring_, std::move(listening.fd), listening.local.text());
  return std::make_unique<UringListener>(std::move(socket), std::move(listening.local), listening.file);
}

}  // namespace afterimage::io::uring
