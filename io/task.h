// SPDX-License-Identifier: Apache-2.0
// Task<T>: a lazy coroutine that one parent awaits by name.
//
//   auto reading = file.read_at(scope, offset, buffer);
//   auto count = co_await reading;
//
// Awaiting a temporary does not compile: g++ 12 destroys temporaries of a co_await operand twice. There is no symmetric
// transfer (it overflows the stack at -O0 and under sanitizers): a child starts inside a bool await_suspend, and a
// child that ends later resumes its parent from its final suspension, so the stack is never deeper than the tasks are
// nested. Destroying a Task destroys its frame and everything that the frame owns; operations of a platform unlink
// themselves. Thread: a task lives on the one thread of its reactor.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "io/base/check.h"

namespace afterimage::io {

template <typename T>
class Task;

namespace detail {

class PromiseBase {
 public:
  enum class Stage : unsigned char { created, starting, suspended, done };

  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <typename Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      PromiseBase& promise = self.promise();
      const bool parent_is_asleep = promise.stage_ == Stage::suspended;
      promise.stage_ = Stage::done;
      const std::coroutine_handle<> parent = promise.parent_;
      if (parent_is_asleep && parent) parent.resume();  // may destroy this frame: nothing of it is touched after
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

  [[nodiscard]] bool is_done() const noexcept { return stage_ == Stage::done; }

  // Starts `self` for `parent`. True if the parent has to sleep until the child ends.
  [[nodiscard]] bool start(std::coroutine_handle<> self, std::coroutine_handle<> parent) noexcept {
    AFI_CHECK(stage_ == Stage::created);
    stage_ = Stage::starting;
    parent_ = parent;
    self.resume();
    if (stage_ == Stage::done) return false;
    stage_ = Stage::suspended;
    return true;
  }

 private:
  std::coroutine_handle<> parent_;
  Stage stage_ = Stage::created;
};

template <typename T>
class Promise : public PromiseBase {
 public:
  [[nodiscard]] Task<T> get_return_object() noexcept;
  template <typename U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  [[nodiscard]] T take() {
    AFI_CHECK(value_.has_value());
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> : public PromiseBase {
 public:
  [[nodiscard]] Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const noexcept {}
};

}  // namespace detail

template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  struct Awaiter {
    Handle handle;
    [[nodiscard]] bool await_ready() const noexcept { return handle.promise().is_done(); }
    [[nodiscard]] bool await_suspend(std::coroutine_handle<> parent) const noexcept {
      return handle.promise().start(handle, parent);
    }
    [[nodiscard]] T await_resume() const { return handle.promise().take(); }
  };
  [[nodiscard]] Awaiter operator co_await() & noexcept { return Awaiter{handle_}; }
  Awaiter operator co_await() && = delete;  // name the task first

 private:
  Handle handle_;
};

namespace detail {

template <typename T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace detail
}  // namespace afterimage::io
