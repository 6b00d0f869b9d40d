// SPDX-License-Identifier: Apache-2.0
// Reactor: the one thread that runs a role's tasks, its ready queue and its timers. Nothing is global: each role can
// have its own. Platforms derive from it and add what they wait for.
#pragma once

#include <coroutine>
#include <utility>

#include "io/base/time.h"
#include "io/list.h"
#include "io/task.h"

namespace afterimage::io {

class Scope;
struct ChildTag;
struct ReadyTag;
struct TimerTag;

// A coroutine that waits to be resumed by the reactor's next turn. Dies with the frame that owns it.
class Ready : public ListNode<ReadyTag> {
 public:
  std::coroutine_handle<> handle;
};

// A moment at which `fired` is called, once. Dying or disarming takes it back. Thread: the reactor's.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer();
  virtual void fired() = 0;  // the timer is no longer armed when this is called

 private:
  friend class Reactor;
  class Reactor* armed_by_ = nullptr;
  std::pair<MonotonicTime, std::uint64_t> key_{};
};

class Reactor {
 public:
  Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  virtual ~Reactor();

  [[nodiscard]] virtual MonotonicTime now() const = 0;

  // Resumes ready.handle on a later turn, in order of posting.
  void post(Ready& ready) { ready_.push_back(ready); }

  // Arms `timer` for `when` (again, if it was armed). Timers of one moment fire in order of arming.
  void arm(Timer& timer, MonotonicTime when);
  void disarm(Timer& timer);

  // Those without a parent: all that is awaited on this reactor is under one of them.
  [[nodiscard]] List<Scope, ChildTag>& scopes() { return scopes_; }

  // Runs turns until `done` is true. Thread: makes the calling thread the reactor's for that time.
  virtual void run_until(const bool& done) = 0;

 protected:
  // For platforms: what is due. Each resumes user code that may post and arm again.
  bool run_ready();                         // one turn over what was posted before it; false if nothing was
  bool fire_due_timers(MonotonicTime now);  // false if none was due
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }
  [[nodiscard]] bool next_timer(MonotonicTime& when) const;  // false if none is armed
  // From here on nothing is resumed and no timer fires, not even what is left of this turn: how a simulated host dies.
  void halt() { halted_ = true; }

 private:
  struct Timers;  // ordered by (moment, order of arming)
  List<Scope, ChildTag> scopes_;
  List<Ready, ReadyTag> ready_;
  Timers* timers_;  // owned
  std::uint64_t armed_ = 0;
  bool halted_ = false;
};

namespace detail {

template <typename T>
struct BlockOn {
  std::optional<T> value;
  bool done = false;
};
template <>
struct BlockOn<void> {
  bool done = false;
};

// A root coroutine: owned by its creator, resumed once by hand, sleeps at its end.
class Root {
 public:
  struct promise_type {
    [[nodiscard]] Root get_return_object() noexcept {
      return Root(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
  explicit Root(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  Root(Root&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Root& operator=(Root&&) = delete;
  ~Root() {
    if (handle_) handle_.destroy();
  }
  void start() { handle_.resume(); }
  [[nodiscard]] bool is_done() const { return handle_.done(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

template <typename T>
Root keep_result(Task<T>& task, BlockOn<T>& out) {
  out.value.emplace(co_await task);
  out.done = true;
}
inline Root keep_result(Task<void>& task, BlockOn<void>& out) {
  co_await task;
  out.done = true;
}

}  // namespace detail

// Runs the reactor until `task` has ended, and gives its value. For programs and tests, never from inside a task.
template <typename T>
T block_on(Reactor& reactor, Task<T> task) {
  detail::BlockOn<T> out;
  detail::Root root = detail::keep_result(task, out);
  root.start();
  reactor.run_until(out.done);
  if constexpr (!std::is_void_v<T>) return std::move(*out.value);
}

}  // namespace afterimage::io
