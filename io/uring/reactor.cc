// SPDX-License-Identifier: Apache-2.0
#include "io/uring/reactor.h"

#include <algorithm>
#include <utility>

namespace afterimage::io::uring {

// A multishot poll: it completes each time something happened, until it is taken back or the kernel ends it.
class UringReactor::Watched final : public RingOperation {
 public:
  Watched(Ring& ring, int fd, std::uint32_t events, posix::Watch& watch)
      : ring_(ring), fd_(fd), events_(events), watch_(watch) {
    arm();
  }
  ~Watched() override {
    is_ending_ = true;
    ring_.take_back(*this);
  }
  [[nodiscard]] bool is_of(int fd, const posix::Watch& watch) const { return fd_ == fd && &watch_ == &watch; }

 private:
  void arm() {
    ring_.start(*this, [this](io_uring_sqe& entry) { io_uring_prep_poll_multishot(&entry, fd_, events_); });
  }
  void completed(int result) noexcept override {
    if (is_ending_) return;
    AFI_CHECK(result >= 0 || result == -ENOMEM || result == -EAGAIN || result == -ECANCELED);
    if (!is_in_flight()) arm();
    // After the arming, so that nothing that happens meanwhile is missed.
    if (result > 0) watch_.on_events(static_cast<std::uint32_t>(result));
  }

  Ring& ring_;
  int fd_;
  std::uint32_t events_;
  posix::Watch& watch_;
  bool is_ending_ = false;
};

Result<std::unique_ptr<UringReactor>> UringReactor::create(RingOptions options) {
  AFI_TRY(std::unique_ptr<Ring> ring, Ring::create(options));
  AFI_TRY(posix::UniqueFd wake, make_wake());
  std::unique_ptr<UringReactor> reactor(new UringReactor(std::move(ring), std::move(wake)));
  AFI_TRY_STATUS(reactor->watch(reactor->mailbox().wake_fd(), EPOLLIN, reactor->mailbox()));
  return reactor;
}

UringReactor::UringReactor(std::unique_ptr<Ring> ring, posix::UniqueFd wake)
    : EventReactor(std::move(wake)), ring_(std::move(ring)) {}

UringReactor::~UringReactor() = default;

Status UringReactor::watch(int fd, std::uint32_t events, posix::Watch& watch) {
  watched_.push_back(std::make_unique<Watched>(*ring_, fd, events, watch));
  return {};
}

void UringReactor::unwatch(int fd, posix::Watch& watch) {
  const auto found = std::find_if(watched_.begin(), watched_.end(),
                                  [&](const std::unique_ptr<Watched>& one) { return one->is_of(fd, watch); });
  AFI_CHECK(found != watched_.end());
  watched_.erase(found);
}

}  // namespace afterimage::io::uring
