// SPDX-License-Identifier: Apache-2.0
// Scope: cancellation and an absolute deadline for everything that is awaited under it. A scope knows its pending
// operations, so that a watchdog can name what does not progress and since when.
//
// Cancelling asks each pending operation to end soon; an operation that the kernel cannot take back (a disk write) ends
// as it ends, and stays known until then. A child is cancelled with its parent and never outlives it. Thread: the
// reactor's.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "io/base/result.h"
#include "io/base/time.h"
#include "io/list.h"
#include "io/reactor.h"

namespace afterimage::io {

struct OperationTag;
struct ChildTag;

enum class Pace : std::uint8_t {
  prompt,
  slow,  // there is much to do before it can end
};

// Something awaited under a scope. The frame that awaits owns it.
class Operation : public ListNode<OperationTag> {
 public:
  explicit Operation(const char* operation_name) : name(operation_name) {}
  virtual ~Operation() = default;
  virtual void cancel() noexcept = 0;  // ask it to end soon, with scope.interruption() as its error

  const char* name;  // a literal, or kept by whoever made it: "read", "connect"
  MonotonicTime started{};
  // Of an operation on a disk: the path of what it works on, kept by the frame that awaits. Empty for what waits for
  // time, peers or other tasks.
  std::string_view file_path{};
  // Of a wait for a peer: who it is, kept by whoever made it.
  std::string_view peer_name{};
  Pace pace = Pace::prompt;
};
using OperationVisitor = std::function<void(const Operation&)>;

class Scope : public ListNode<ChildTag>, private Timer {
 public:
  explicit Scope(Reactor& reactor);
  explicit Scope(Scope& parent);
  Scope(Scope& parent, Duration timeout);  // the earlier of the parent's deadline and now + timeout
  ~Scope() override = default;

  [[nodiscard]] Reactor& reactor() const { return reactor_; }
  void cancel();
  // Moves this scope's deadline to now + timeout: for phases that follow one another.
  void set_timeout(Duration timeout);
  void clear_timeout() { reactor_.disarm(*this); }

  // True once it is cancelled or past its deadline.
  [[nodiscard]] bool is_interrupted() const { return interrupted_.has_value(); }
  // Fine, or `cancelled` or `timed_out`.
  [[nodiscard]] Status check() const;
  // The error of an operation that was interrupted. Requires is_interrupted().
  [[nodiscard]] Error interruption(const char* what) const;

  void add(Operation& operation);
  void note_ended();  // one operation, here and in the scopes above
  // The operation that has been pending longest in this scope and its children, or nullptr.
  [[nodiscard]] const Operation* oldest_pending();
  // The same of those on a disk alone, and of waits for peers alone: what a watchdog asks.
  [[nodiscard]] const Operation* oldest_on_disk();
  [[nodiscard]] const Operation* oldest_on_peer();
  // All that are pending in this scope and its children.
  void visit(const OperationVisitor& visitor);
  // How many operations under this scope have ended: while that grows, work under it progresses.
  [[nodiscard]] std::uint64_t ended() const { return ended_; }

 private:
  void fired() override { interrupt(ErrorCode::timed_out); }
  void interrupt(ErrorCode reason);

  Reactor& reactor_;
  Scope* parent_ = nullptr;
  std::optional<ErrorCode> interrupted_;
  std::uint64_t ended_ = 0;
  List<Operation, OperationTag> operations_;
  List<Scope, ChildTag> children_;
};

// All that are pending under any scope of the reactor.
void visit_operations(Reactor& reactor, const OperationVisitor& visitor);

// Many steps that a watchdog should see as one operation, for as long as this lives. Cancelling leaves it: the steps
// end by themselves.
class LongOperation final : public Operation {
 public:
  LongOperation(Scope& scope, const char* operation_name);
  // A wait for `of_peer`.
  LongOperation(Scope& scope, const char* operation_name, std::string_view of_peer, Pace how_fast);
  void cancel() noexcept override {}
};

// The awaitable of a one-shot completion: the base of what platforms wait for. Awaited once, by name.
//   start() is called when the coroutine sleeps; whoever finishes the work calls complete(value) on the reactor's
//   thread.
template <typename T>
class Completion : public Operation {
 public:
  Completion(Scope& scope, const char* operation_name) : Operation(operation_name), scope_(scope) {}

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    ready_.handle = handle;
    started = scope_.reactor().now();
    scope_.add(*this);
    if (scope_.is_interrupted()) {
      cancel_before_start();
    } else {
      start();
    }
  }
  [[nodiscard]] T await_resume() { return std::move(*value_); }

  void complete(T value) {
    if (value_.has_value()) return;  // a cancellation and a completion may cross
    value_.emplace(std::move(value));
    unlink();
    scope_.note_ended();
    scope_.reactor().post(ready_);
  }
  [[nodiscard]] bool is_complete() const { return value_.has_value(); }

 protected:
  virtual void start() = 0;
  [[nodiscard]] Scope& scope() const { return scope_; }

 private:
  void cancel_before_start() { cancel(); }

  Scope& scope_;
  Ready ready_;
  std::optional<T> value_;
};

// Sleeps. Fine after `duration`, else the interruption of the scope.
[[nodiscard]] Task<Status> sleep_for(Scope& scope, Duration duration);

// A flag that tasks of one reactor wait for. Set stays set until reset.
class Event {
 public:
  Event() = default;
  void set();
  void reset() { is_set_ = false; }
  [[nodiscard]] bool is_set() const { return is_set_; }
  [[nodiscard]] Task<Status> wait(Scope& scope);

 private:
  class Waiter;
  struct WaiterTag;
  class WaiterBase : public ListNode<WaiterTag> {
   public:
    virtual void wake() = 0;

   protected:
    ~WaiterBase() = default;
  };
  List<WaiterBase, WaiterTag> waiters_;
  bool is_set_ = false;
};

}  // namespace afterimage::io
