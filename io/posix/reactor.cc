// SPDX-License-Identifier: Apache-2.0
#include "io/posix/reactor.h"

#include <cerrno>
#include <limits>

#include <sys/eventfd.h>
#include <time.h>

#include "io/base/check.h"

namespace afterimage::io::posix {
namespace {

// Operations that may end without sleeping before the others get their turn.
constexpr unsigned operations_of_turn_max = 64;

}  // namespace

Result<std::unique_ptr<PosixReactor>> PosixReactor::create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return fail(system_error(errno, "make an epoll descriptor"));
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open()) return fail(system_error(errno, "make an eventfd"));
  std::unique_ptr<PosixReactor> reactor(new PosixReactor(std::move(epoll), std::move(wake)));
  AFI_TRY_STATUS(reactor->watch(reactor->mailbox_.wake_fd(), EPOLLIN, reactor->mailbox_));
  return reactor;
}

PosixReactor::PosixReactor(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), mailbox_(std::move(wake)) {}

PosixReactor::~PosixReactor() { AFI_CHECK(!is_running_); }

MonotonicTime PosixReactor::now() const {
  timespec time{};
  AFI_CHECK(::clock_gettime(CLOCK_MONOTONIC, &time) == 0);
  return MonotonicTime{std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec};
}

void PosixReactor::run_until(const bool& done) {
  AFI_CHECK(!is_running_);
  is_running_ = true;
  while (!done) {
    operations_of_turn_ = 0;
    run_ready();
    if (done) break;
    fire_due_timers(now());
    poll(poll_timeout());
  }
  is_running_ = false;
}

int PosixReactor::poll_timeout() const {
  if (has_ready()) return 0;
  MonotonicTime when;
  if (!next_timer(when)) return -1;
  const Duration left = when - now();
  if (left.count() <= 0) return 0;
  const std::int64_t milliseconds = (left.count() - 1) / 1'000'000 + 1;
  return milliseconds > std::numeric_limits<int>::max() ? std::numeric_limits<int>::max()
                                                        : static_cast<int>(milliseconds);
}

void PosixReactor::poll(int timeout_ms) {
  const int count = ::epoll_wait(epoll_.get(), batch_.data(), static_cast<int>(batch_.size()), timeout_ms);
  AFI_CHECK(count >= 0 || errno == EINTR);
  batch_size_ = count < 0 ? 0 : static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < batch_size_; ++i) {
    auto* watch = static_cast<Watch*>(batch_[i].data.ptr);
    if (watch != nullptr) watch->on_events(batch_[i].events);
  }
  batch_size_ = 0;
}

Status PosixReactor::watch(int fd, std::uint32_t events, Watch& watch) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watch;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail(system_error(errno, "watch a descriptor"));
  return {};
}

void PosixReactor::unwatch(int fd, Watch& watch) {
  AFI_CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0);
  // What this poll has still to tell it is not told: it may be gone.
  for (std::size_t i = 0; i < batch_size_; ++i) {
    if (batch_[i].data.ptr == &watch) batch_[i].data.ptr = nullptr;
  }
}

bool PosixReactor::is_turn_used_up() { return ++operations_of_turn_ >= operations_of_turn_max; }

}  // namespace afterimage::io::posix
