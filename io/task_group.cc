// SPDX-License-Identifier: Apache-2.0
#include "io/task_group.h"

#include <utility>

namespace afterimage::io {

detail::Root TaskGroup::run(Task<void> task) {
  {
    // Its frame dies with it, not with the group: a stream that was given to it is closed at its end.
    Task<void> own = std::move(task);
    co_await own;
  }
  ++ended_;
  if (--running_ == 0) idle_.set();
}

void TaskGroup::spawn(Task<void> task) {
  collect();
  ++running_;
  idle_.reset();
  detail::Root& root = roots_.emplace_back(run(std::move(task)));
  root.start();
}

void TaskGroup::collect() {
  if (ended_ <= roots_.size() / 2) return;  // each root is looked at a bounded number of times
  ended_ = 0;
  roots_.remove_if([](const detail::Root& root) { return root.is_done(); });
}

Task<void> TaskGroup::join() {
  while (running_ != 0) {
    auto waiting = idle_.wait(idle_scope_);
    const Status status = co_await waiting;
    (void)status;
  }
}

}  // namespace afterimage::io
