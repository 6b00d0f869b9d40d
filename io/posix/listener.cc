// SPDX-License-Identifier: Apache-2.0
#include "io/posix/listener.h"

#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "io/posix/address.h"
#include "io/posix/stream.h"

namespace afterimage::io::posix {
namespace {

constexpr Duration pause_when_exhausted = std::chrono::milliseconds(100);

enum class AcceptFailure : unsigned char { would_block, that_connection_only, exhausted, final };

AcceptFailure judge(int system) {
  switch (system) {
    case EAGAIN: return AcceptFailure::would_block;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return AcceptFailure::exhausted;
    // accept(2): errors of a connection that was waiting, which is gone now.
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ENONET:
    case ETIMEDOUT: return AcceptFailure::that_connection_only;
    default: return AcceptFailure::final;
  }
}

std::string name_of_peer(const Address& address, int fd) {
  if (address.family() != AF_UNIX) return address.text();
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return "unix";
  return "unix:process " + std::to_string(peer.pid);
}

Task<Result<std::unique_ptr<Stream>>> accept_next(Scope& scope, const SystemCalls& calls,
                                                  std::shared_ptr<Socket> listening) {
  for (;;) {
    AFI_CO_STATUS(scope.check());
    if (listening->reactor().is_turn_used_up()) {
      NextTurn turn(listening->reactor());
      co_await turn;
    }
    if (listening->is_closed()) co_return fail_closed(*listening);
    Address address;
    address.size = sizeof address.storage;
    UniqueFd fd(calls.accept4(listening->fd(), address.get(), &address.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.is_open()) {
      std::string peer = name_of_peer(address, fd.get());
      auto socket = Socket::adopt(listening->reactor(), std::move(fd), std::move(peer));
      if (!socket) continue;  // it is gone, the next may do better
      auto stream = PosixStream::create(std::move(*socket));
      if (stream) co_return stream;
      continue;  // reset before its options were set
    }
    const int system = errno;
    const AcceptFailure failure = judge(system);
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
  // The file first: while we still listen, nobody takes it for stale and replaces it between the look and the removal.
  struct stat status{};
  if (file_ && ::lstat(local_.unix_path.c_str(), &status) == 0 && status.st_dev == file_->device &&
      status.st_ino == file_->inode) {
    ::unlink(local_.unix_path.c_str());
  }
  socket_->close();
}

Task<Result<std::unique_ptr<Stream>>> PosixListener::accept(Scope& scope) {
  return accept_next(scope, calls_, socket_);
}

}  // namespace afterimage::io::posix
