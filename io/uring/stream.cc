// SPDX-License-Identifier: Apache-2.0
#include "io/uring/stream.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

#include "io/base/limits.h"
#include "io/posix/connection.h"

namespace afterimage::io::uring {
namespace {

constexpr std::size_t step_max = 1024 * limits::MiB;

class Receiving final : public RingCall {
 public:
  Receiving(Scope& scope, RingSocket& socket, MutableBytes out)
      : RingCall(scope, socket.ring(), "read from a stream", Interruption::ends_it), fd_(socket.fd()), out_(out) {}

 private:
  void fill(io_uring_sqe& entry) override {
    io_uring_prep_recv(&entry, fd_, out_.data(), std::min(out_.size(), step_max), 0);
  }
  int fd_;
  MutableBytes out_;
};

// The kernel goes on until all is sent (MSG_WAITALL); a call that is interrupted gives what was.
class Sending final : public RingCall {
 public:
  Sending(Scope& scope, RingSocket& socket, ByteView data)
      : RingCall(scope, socket.ring(), "write to a stream", Interruption::ends_it), fd_(socket.fd()), data_(data) {}

 private:
  void fill(io_uring_sqe& entry) override {
    io_uring_prep_send(&entry, fd_, data_.data(), std::min(data_.size(), step_max), MSG_NOSIGNAL | MSG_WAITALL);
  }
  int fd_;
  ByteView data_;
};

Task<Result<std::size_t>> receive(Scope& scope, std::shared_ptr<RingSocket> socket, MutableBytes out) {
  if (out.empty()) co_return fail(ErrorCode::invalid_argument, "read into no buffer");
  for (;;) {
    AFI_CO_STATUS(scope.check());
    if (socket->is_closed()) co_return posix::fail_closed(socket->peer());
    Receiving receiving(scope, *socket, out);
    const RingSocket::UnderWay under_way(*socket, RingSocket::Direction::read, receiving);
    const int result = co_await receiving;
    if (result >= 0 && !socket->is_closed()) co_return static_cast<std::size_t>(result);
    if (result == -EINTR && !socket->is_closed()) continue;
    co_return fail(error_of_call(scope, *socket, "read from a stream", result));
  }
}

Task<Status> send_all(Scope& scope, std::shared_ptr<RingSocket> socket, ByteView data) {
  AFI_CO_STATUS(scope.check());
  while (!data.empty()) {
    if (socket->is_closed()) co_return posix::fail_closed(socket->peer());
    Sending sending(scope, *socket, data);
    const RingSocket::UnderWay under_way(*socket, RingSocket::Direction::write, sending);
    const int result = co_await sending;
    if (socket->is_closed() || (result < 0 && result != -EINTR)) {
      co_return fail(error_of_call(scope, *socket, "write to a stream", result));
    }
    if (result > 0) data = data.subspan(static_cast<std::size_t>(result));
    if (!data.empty()) AFI_CO_STATUS(scope.check());
  }
  co_return Status{};
}

}  // namespace

Result<std::unique_ptr<Stream>> UringStream::create(std::shared_ptr<RingSocket> socket) {
  AFI_TRY(const auto credentials, posix::prepare_connection(socket->fd()));
  return std::unique_ptr<Stream>(new UringStream(std::move(socket), credentials));
}

Task<Result<std::size_t>> UringStream::read_some(Scope& scope, MutableBytes out) {
  return receive(scope, socket_, out);
}

Task<Status> UringStream::write(Scope& scope, ByteView data) { return send_all(scope, socket_, data); }

Task<Status> UringStream::shutdown_write(Scope& scope) {
  AFI_CO_STATUS(scope.check());
  if (socket_->is_closed()) co_return posix::fail_closed(socket_->peer());
  if (::shutdown(socket_->fd(), SHUT_WR) != 0) co_return posix::fail_broken(errno, "end a stream", socket_->peer());
  co_return Status{};
}

}  // namespace afterimage::io::uring
