// SPDX-License-Identifier: Apache-2.0
// UringReactor: the reactor on one ring. A turn hands over all that its tasks started and waits for the next completion
// or timer in one system call.
#pragma once

#include <list>
#include <memory>

#include "io/posix/event_reactor.h"
#include "io/uring/ring.h"

namespace afterimage::io::uring {

class UringReactor final : public posix::EventReactor {
 public:
  [[nodiscard]] static Result<std::unique_ptr<UringReactor>> create(RingOptions options = {});
  ~UringReactor() override;

  [[nodiscard]] Ring& ring() { return *ring_; }

  [[nodiscard]] Status watch(int fd, std::uint32_t events, posix::Watch& watch) override;
  void unwatch(int fd, posix::Watch& watch) override;

 private:
  class Watched;
  UringReactor(std::unique_ptr<Ring> ring, posix::UniqueFd wake);
  void poll(Duration patience) override { ring_->turn(patience); }

  std::unique_ptr<Ring> ring_;
  std::list<std::unique_ptr<Watched>> watched_;  // few: the mailbox, signals
};

}  // namespace afterimage::io::uring
