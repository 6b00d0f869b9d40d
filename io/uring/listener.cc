// SPDX-License-Identifier: Apache-2.0
#include "io/uring/listener.h"

#include <sys/socket.h>

#include "io/uring/stream.h"

namespace afterimage::io::uring {
namespace {

// One accept a call: a multishot one would take connections that nobody asked for yet.
class Accepting final : public RingCall {
 public:
  Accepting(Scope& scope, RingSocket& socket)
      : RingCall(scope, socket.ring(), "accept a connection", Interruption::ends_it), fd_(socket.fd()) {
    address_.size = sizeof address_.storage;
  }
  // A connection that nobody took dies here.
  ~Accepting() override {
    take_back();
    if (!is_taken_ && is_complete()) const posix::UniqueFd unclaimed = take(await_resume());
  }
  [[nodiscard]] posix::UniqueFd take(int result) {
    is_taken_ = true;
    return posix::UniqueFd(result < 0 ? -1 : result);
  }
  [[nodiscard]] const posix::Address& address() const { return address_; }

 private:
  void fill(io_uring_sqe& entry) override {
    io_uring_prep_accept(&entry, fd_, address_.get(), &address_.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }
  int fd_;
  posix::Address address_;
  bool is_taken_ = false;
};

Task<Result<std::unique_ptr<Stream>>> accept_next(Scope& scope, std::shared_ptr<RingSocket> listening) {
  for (;;) {
    AFI_CO_STATUS(scope.check());
    if (listening->is_closed()) co_return posix::fail_closed(listening->peer());
    Accepting accepting(scope, *listening);
    const RingSocket::UnderWay under_way(*listening, RingSocket::Direction::read, accepting);
    const int result = co_await accepting;
    posix::UniqueFd fd = accepting.take(result);
    if (listening->is_closed()) co_return posix::fail_closed(listening->peer());
    if (fd.is_open()) {
      std::string peer = posix::name_of_accepted(accepting.address(), fd.get());
      auto stream =
          UringStream::create(std::make_shared<RingSocket>(listening->ring(), std::move(fd), std::move(peer)));
      if (stream) co_return stream;
      continue;  // reset before its options were set
    }
    if (result == -ECANCELED) continue;  // the scope tells why
    const posix::AcceptFailure failure = posix::judge_accept(-result);
    if (failure == posix::AcceptFailure::final) co_return fail(system_error(-result, "accept a connection"));
    if (failure == posix::AcceptFailure::exhausted) {
      AFI_CO_TRY_STATUS(sleep_for(scope, posix::pause_when_exhausted));
    }
  }
}

}  // namespace

UringListener::~UringListener() {
  if (file_) posix::remove_socket_file(local_.unix_path, *file_);
  socket_->close();
}

Task<Result<std::unique_ptr<Stream>>> UringListener::accept(Scope& scope) { return accept_next(scope, socket_); }

}  // namespace afterimage::io::uring
