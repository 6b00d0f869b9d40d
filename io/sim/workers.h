// SPDX-License-Identifier: Apache-2.0
// NodeWorkers: work runs inline when its virtual time has come, two at once, started in order. What had not run when
// the node crashed never does. Thread: the world's.
#pragma once

#include <cstddef>

#include "io/list.h"
#include "io/platform.h"

namespace afterimage::io::sim {

class Incarnation;

class NodeWorkers final : public Workers {
 public:
  explicit NodeWorkers(Incarnation& life);
  [[nodiscard]] unsigned width() const override { return jobs_at_once; }

 private:
  class Job;
  struct QueueTag;
  class Queued : public ListNode<QueueTag> {};
  static constexpr unsigned jobs_at_once = 2;

  [[nodiscard]] Task<void> run_one(std::move_only_function<void()> work) override;
  void start_next();

  Incarnation& life_;
  Scope scope_;  // of jobs, which nobody cancels
  List<Queued, QueueTag> queue_;
  unsigned running_ = 0;
};

}  // namespace afterimage::io::sim
