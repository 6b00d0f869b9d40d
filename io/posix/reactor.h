// SPDX-License-Identifier: Apache-2.0
// PosixReactor: the reactor on epoll. Timers fire up to a millisecond late.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "io/posix/event_reactor.h"

namespace afterimage::io::posix {

class PosixReactor final : public EventReactor {
 public:
  [[nodiscard]] static Result<std::unique_ptr<PosixReactor>> create();

  [[nodiscard]] Status watch(int fd, std::uint32_t events, Watch& watch) override;
  void unwatch(int fd, Watch& watch) override;

 private:
  PosixReactor(UniqueFd epoll, UniqueFd wake) : EventReactor(std::move(wake)), epoll_(std::move(epoll)) {}
  void poll(Duration patience) override;

  UniqueFd epoll_;
  std::array<epoll_event, 128> batch_{};  // of the poll in progress
  std::size_t batch_size_ = 0;
};

}  // namespace afterimage::io::posix
