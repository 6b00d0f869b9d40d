// SPDX-License-Identifier: Apache-2.0
// PosixReactor: tasks, timers, descriptors (epoll) and what other threads finished (a mailbox with an eventfd).
// A turn: what is ready is resumed, due timers fire, epoll is asked (and slept in only when nothing is ready).
// Timers fire up to a millisecond late, never early.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <memory>

#include <sys/epoll.h>

#include "io/base/result.h"
#include "io/posix/mailbox.h"
#include "io/posix/unique_fd.h"
#include "io/reactor.h"

namespace afterimage::io::posix {

class PosixReactor final : public Reactor {
 public:
  [[nodiscard]] static Result<std::unique_ptr<PosixReactor>> create();
  ~PosixReactor() override;

  [[nodiscard]] MonotonicTime now() const override;  // CLOCK_MONOTONIC; any thread
  void run_until(const bool& done) override;

  // Tells `watch` about `events` (EPOLL* flags) of `fd` until unwatch. Both must outlive that.
  [[nodiscard]] Status watch(int fd, std::uint32_t events, Watch& watch);
  void unwatch(int fd, Watch& watch);

  [[nodiscard]] Mailbox& mailbox() { return mailbox_; }

  // An operation that may end without sleeping counts itself here. True: it lets a turn pass first (NextTurn), because
  // a task whose operations never sleep would keep timers, deadlines and other tasks from running.
  [[nodiscard]] bool is_turn_used_up();

 private:
  PosixReactor(UniqueFd epoll, UniqueFd wake);
  [[nodiscard]] int poll_timeout() const;  // milliseconds, -1 = for ever
  void poll(int timeout_ms);

  UniqueFd epoll_;
  Mailbox mailbox_;
  std::array<epoll_event, 128> batch_{};  // of the poll in progress
  std::size_t batch_size_ = 0;
  unsigned operations_of_turn_ = 0;
  bool is_running_ = false;
};

// Sleeps until the reactor's next turn. Awaited once, by name.
class NextTurn {
 public:
  explicit NextTurn(Reactor& reactor) : reactor_(reactor) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    ready_.handle = handle;
    reactor_.post(ready_);
  }
  void await_resume() const noexcept {}

 private:
  Reactor& reactor_;
  Ready ready_;
};

}  // namespace afterimage::io::posix
