// SPDX-License-Identifier: Apache-2.0
// TaskGroup: tasks that run beside each other and end before their group does. Cancel their scope, then join.
// Destroying a group with running tasks destroys their frames where they sleep: that is how the simulator kills a host;
// a program joins first. Thread: the reactor's.
#pragma once

#include <cstddef>
#include <list>

#include "io/reactor.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::io {

class TaskGroup {
 public:
  explicit TaskGroup(Reactor& reactor) : idle_scope_(reactor) { idle_.set(); }
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() = default;

  // Starts `task` at once: it runs until it first sleeps. Its frame dies when it has ended.
  void spawn(Task<void> task);
  [[nodiscard]] std::size_t size() const { return running_; }
  // Waits until no task is left, however long; tasks end when the scope they were given is cancelled.
  [[nodiscard]] Task<void> join();

 private:
  [[nodiscard]] detail::Root run(Task<void> task);
  void collect();

  Scope idle_scope_;  // never cancelled: joining cannot be interrupted
  Event idle_;
  std::size_t running_ = 0;
  std::size_t ended_ = 0;  // roots that can be collected
  std::list<detail::Root> roots_;
};

}  // namespace afterimage::io
