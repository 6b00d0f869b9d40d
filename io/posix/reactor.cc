// SPDX-License-Identifier: Apache-2.0
#include "io/posix/reactor.h"

#include <cerrno>
#include <limits>

#include "io/base/check.h"

namespace afterimage::io::posix {
namespace {

// For epoll_wait: rounded up, -1 = for ever.
int milliseconds_of(Duration patience) {
  if (patience == Duration::max()) return -1;
  if (patience.count() <= 0) return 0;
  const std::int64_t milliseconds = (patience.count() - 1) / 1'000'000 + 1;
  return milliseconds > std::numeric_limits<int>::max() ? std::numeric_limits<int>::max()
                                                        : static_cast<int>(milliseconds);
}

}  // namespace

Result<std::unique_ptr<PosixReactor>> PosixReactor::create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return fail(system_error(errno, "make an epoll descriptor"));
  AFI_TRY(UniqueFd wake, make_wake());
  std::unique_ptr<PosixReactor> reactor(new PosixReactor(std::move(epoll), std::move(wake)));
  AFI_TRY_STATUS(reactor->watch(reactor->mailbox().wake_fd(), EPOLLIN, reactor->mailbox()));
  return reactor;
}

void PosixReactor::poll(Duration patience) {
  const int count =
      ::epoll_wait(epoll_.get(), batch_.data(), static_cast<int>(batch_.size()), milliseconds_of(patience));
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
  event.events = events | EPOLLET;
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

}  // namespace afterimage::io::posix
