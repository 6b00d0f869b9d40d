// SPDX-License-Identifier: Apache-2.0
#include "io/scope.h"

#include "io/base/check.h"

namespace afterimage::io {

Scope::Scope(Scope& parent) : reactor_(parent.reactor_), interrupted_(parent.interrupted_) {
  parent.children_.push_back(*this);
}

Scope::Scope(Scope& parent, Duration timeout) : Scope(parent) { set_timeout(timeout); }

void Scope::set_timeout(Duration timeout) {
  if (!interrupted_) reactor_.arm(*this, reactor_.now() + timeout);
}

void Scope::cancel() { interrupt(ErrorCode::cancelled); }

void Scope::interrupt(ErrorCode reason) {
  if (interrupted_) return;
  interrupted_ = reason;
  reactor_.disarm(*this);
  // Cancelling may complete an operation, and completing unlinks it. What goes on running is put back.
  List<Operation, OperationTag> running;
  while (Operation* operation = operations_.pop_front()) {
    running.push_back(*operation);
    operation->cancel();
  }
  while (Operation* operation = running.pop_front()) operations_.push_back(*operation);
  for (Scope* child = children_.front(); child != nullptr; child = children_.after(*child)) child->interrupt(reason);
}

Status Scope::check() const {
  if (interrupted_) return std::unexpected(interruption("check a scope"));
  return {};
}

Error Scope::interruption(const char* what) const {
  AFI_CHECK(interrupted_.has_value());
  return Error{.code = *interrupted_, .system = 0, .what = what};
}

void Scope::add(Operation& operation) { operations_.push_back(operation); }

const Operation* Scope::oldest(bool (*counts)(const Operation&)) {
  Operation* first = operations_.front();  // in order of start
  while (first != nullptr && !counts(*first)) first = operations_.after(*first);
  const Operation* found = first;
  for (Scope* child = children_.front(); child != nullptr; child = children_.after(*child)) {
    const Operation* of_child = child->oldest(counts);
    if (of_child != nullptr && (found == nullptr || of_child->started < found->started)) found = of_child;
  }
  return found;
}

const Operation* Scope::oldest_pending() {
  return oldest([](const Operation&) { return true; });
}

const Operation* Scope::oldest_on_disk() {
  return oldest([](const Operation& operation) { return !operation.file_path.empty(); });
}

namespace {

class Sleep final : public Completion<Status>, private Timer {
 public:
  Sleep(Scope& scope, Duration duration) : Completion(scope, "sleep"), duration_(duration) {}
  void cancel() noexcept override {
    scope().reactor().disarm(*this);
    complete(fail(scope().interruption("sleep")));
  }

 private:
  void start() override { scope().reactor().arm(*this, scope().reactor().now() + duration_); }
  void fired() override { complete(Status{}); }
  Duration duration_;
};

}  // namespace

Task<Status> sleep_for(Scope& scope, Duration duration) {
  Sleep sleep(scope, duration);
  co_return co_await sleep;
}

class Event::Waiter final : public Completion<Status>, public WaiterBase {
 public:
  Waiter(Scope& scope, Event& event) : Completion(scope, "wait for an event"), event_(event) {}
  void cancel() noexcept override {
    WaiterBase::unlink();
    complete(fail(scope().interruption("wait for an event")));
  }
  void wake() override { complete(Status{}); }

 private:
  void start() override { event_.waiters_.push_back(*this); }
  Event& event_;
};

void Event::set() {
  is_set_ = true;
  while (WaiterBase* waiter = waiters_.pop_front()) waiter->wake();
}

Task<Status> Event::wait(Scope& scope) {
  AFI_CO_STATUS(scope.check());
  if (is_set_) co_return Status{};
  Waiter waiter(scope, *this);
  co_return co_await waiter;
}

}  // namespace afterimage::io
