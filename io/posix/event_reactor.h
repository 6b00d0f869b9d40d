// SPDX-License-Identifier: Apache-2.0
// EventReactor: what sockets, signals and threads need of a reactor, however it waits: it tells about descriptors,
// takes what other threads finished (a mailbox with an eventfd), and gives every task its turn. A turn: what is ready
// is resumed, due timers fire, the kernel is asked (and slept in only when nothing is ready). Timers never fire early.
#pragma once

#include <coroutine>
#include <memory>

#include <sys/epoll.h>

#include "io/base/result.h"
#include "io/posix/mailbox.h"
#include "io/posix/unique_fd.h"
#include "io/reactor.h"

namespace afterimage::io::posix {

class EventReactor : public Reactor {
 public:
  ~EventReactor() override;

  [[nodiscard]] MonotonicTime now() const final;  // CLOCK_MONOTONIC; any thread
  void run_until(const bool& done) final;

  // Tells `watch` about `events` (EPOLL* flags) of `fd` until unwatch, each time something has happened anew (EPOLLET).
  // Both must outlive that.
  [[nodiscard]] virtual Status watch(int fd, std::uint32_t events, Watch& watch) = 0;
  virtual void unwatch(int fd, Watch& watch) = 0;

  [[nodiscard]] Mailbox& mailbox() { return mailbox_; }

  // An operation that may end without sleeping counts itself here. True: it lets a turn pass first (NextTurn), because
  // a task whose operations never sleep would keep timers, deadlines and other tasks from running.
  [[nodiscard]] bool is_turn_used_up();

 protected:
  // `wake` is the mailbox's; whoever derives watches it from the beginning to the end.
  explicit EventReactor(UniqueFd wake) : mailbox_(std::move(wake)) {}
  [[nodiscard]] static Result<UniqueFd> make_wake();

  // Asks the kernel once, for at most `patience`: zero = what is there now, Duration::max() = until something happens.
  // Completes operations and tells watches; resumes nothing.
  virtual void poll(Duration patience) = 0;

 private:
  [[nodiscard]] Duration patience() const;

  Mailbox mailbox_;
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
