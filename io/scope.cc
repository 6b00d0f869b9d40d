// SPDX-License-Identifier: Apache-2.0
#include "io/scope.h"

#include "io/base/check.h"

namespace afterimage::io {

Scope::Scope(Reactor& reactor) : reactor_(reactor) { reactor.scopes().push_back(*this); }

Scope::Scope(Scope& parent) : reactor_(parent.reactor_), parent_(&parent), interrupted_(parent.interrupted_) {
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

void Scope::note_ended() {
  for (Scope* scope = this; scope != nullptr; scope = scope->parent_) ++scope->ended_;
}

void Scope::visit(const OperationVisitor& visitor) {
  for (Operation* operation = operations_.front(); operation != nullptr; operation = operations_.after(*operation)) {
    visitor(*operation);
  }
  for (Scope* child = children_.front(); child != nullptr; child = children_.after(*child)) child->visit(visitor);
}

namespace {

const Operation* oldest(Scope& scope, bool (*counts)(const Operation&)) {
  const Operation* found = nullptr;
  scope.visit([&found, counts](const Operation& operation) {
    if (counts(operation) && (found == nullptr || operation.started < found->started)) found = &operation;
  });
  return found;
}

}  // namespace

const Operation* Scope::oldest_pending() {
  return oldest(*this, [](const Operation&) { return true; });
}

const Operation* Scope::oldest_on_disk() {
  return oldest(*this, [](const Operation& operation) { return !operation.file_path.empty(); });
}

const Operation* Scope::oldest_on_peer() {
  return oldest(*this, [](const Operation& operation) { return !operation.peer_name.empty(); });
}

void visit_operations(Reactor& reactor, const OperationVisitor& visitor) {
  List<Scope, ChildTag>& scopes = reactor.scopes();
  for (Scope* scope = scopes.front(); scope != nullptr; scope = scopes.after(*scope)) scope->visit(visitor);
}

LongOperation::LongOperation(Scope& scope, const char* operation_name) : Operation(operation_name) {
  started = scope.reactor().now();
  scope.add(*this);
}

LongOperation::LongOperation(Scope& scope, const char* operation_name, std::string_view of_peer, Pace how_fast)
    : LongOperation(scope, operation_name) {
  peer_name = of_peer;
  pace = how_fast;
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
