// SPDX-License-Identifier: Apache-2.0
#include "io/posix/listener.h"

#include <cerrno>

#include <sys/socket.h>

#include "io/posix/stream.h"

namespace afterimage::io::posix {
namespace {

Task<Result<std::unique_ptr<Stream>>> accept_next(Scope& scope, const SystemCalls& calls,
                                                  std::shared_ptr<Socket> listening) {
  for (;;) {
    AFI_CO_STATUS(scope.check());
    if (listening->reactor().is_turn_used_up()) {
      NextTurn turn(listening->reactor());
      co_await turn;
    }
    if (listening->is_closed()) co_return fail_closed(listening->peer());
    Address address;
    address.size = sizeof address.storage;
    UniqueFd fd(calls.accept4(listening->fd(), address.get(), &address.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.is_open()) {
      std::string peer = name_of_accepted(address, fd.get());
      auto socket = Socket::adopt(listening->reactor(), std::move(fd), std::move(peer));
      if (!socket) continue;  // it is gone, the next may do better
      auto stream = PosixStream::create(std::move(*socket));
      if (stream) co_return stream;
      continue;  // reset before its options were set
    }
    const int system = errno;
    const AcceptFailure failure = judge_accept(system);
    if (failure == AcceptFailure::final) co_return fail(system_error(system, "accept a connection"));
    if (failure == AcceptFailure::would_block) {
      Socket::Readiness readiness(scope, *listening, Socket::Direction::read, "accept a connection");
      const Status ready = co_await readiness;
      if (!ready) co_return std::unexpected(ready.error());
    }
    if (failure == AcceptFailure::exhausted) AFI_CO_TRY_STATUS(sleep_for(scope, pause_when_exhausted));
  }
}

}  // namespace

PosixListener::~PosixListener() {
  if (file_) remove_socket_file(local_.unix_path, *file_);
  socket_->close();
}

Task<Result<std::unique_ptr<Stream>>> PosixListener::accept(Scope& scope) {
  return accept_next(scope, calls_, socket_);
}

}  // namespace afterimage::io::posix
