// SPDX-License-Identifier: Apache-2.0
#include "io/posix/signals.h"

#include <cerrno>

#include <sys/signalfd.h>
#include <unistd.h>

#include "io/base/check.h"

namespace afterimage::io::posix {
namespace {

sigset_t waited_for() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGHUP);
  return set;
}

Signal signal_of(unsigned number) {
  if (number == SIGHUP) return Signal::hang_up;
  return number == SIGINT ? Signal::interrupt : Signal::terminate;
}

Task<Result<Signal>> next_signal(Scope& scope, std::shared_ptr<Socket> descriptor) {
  AFI_CO_STATUS(scope.check());
  for (;;) {
    signalfd_siginfo info{};
    const ssize_t size = ::read(descriptor->fd(), &info, sizeof info);
    if (size == sizeof info) co_return signal_of(info.ssi_signo);
    if (size < 0 && errno == EINTR) continue;
    if (size >= 0 || errno != EAGAIN) co_return fail(system_error(errno, "wait for a signal"));
    Socket::Readiness readiness(scope, *descriptor, Socket::Direction::read, "wait for a signal");
    const Status ready = co_await readiness;
    if (!ready) co_return std::unexpected(ready.error());
  }
}

}  // namespace

std::string_view name_of(Signal signal) {
  switch (signal) {
    case Signal::terminate: return "SIGTERM";
    case Signal::interrupt: return "SIGINT";
    case Signal::hang_up: return "SIGHUP";
  }
  return "";
}

Result<std::unique_ptr<SignalWaiter>> SignalWaiter::create(EventReactor& reactor) {
  const sigset_t set = waited_for();
  UniqueFd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd.is_open()) return fail(system_error(errno, "make a signalfd"));
  AFI_TRY(std::shared_ptr<Socket> descriptor, Socket::adopt(reactor, std::move(fd), "signals"));
  sigset_t before;
  AFI_CHECK(::pthread_sigmask(SIG_BLOCK, &set, &before) == 0);
  std::unique_ptr<SignalWaiter> waiter(new SignalWaiter(before));
  waiter->descriptor_ = std::move(descriptor);
  return waiter;
}

SignalWaiter::~SignalWaiter() {
  descriptor_->close();
  AFI_CHECK(::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr) == 0);
}

Task<Result<Signal>> SignalWaiter::wait(Scope& scope) { return next_signal(scope, descriptor_); }

}  // namespace afterimage::io::posix
