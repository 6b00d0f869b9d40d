// SPDX-License-Identifier: Apache-2.0
// WorldState: what the parts of a world share: time, events, chance, the trace, and the nodes. Thread: the world's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/sim/event_queue.h"
#include "io/sim/node.h"
#include "io/sim/rng.h"
#include "io/sim/switchboard.h"
#include "io/sim/trace.h"
#include "io/sim/world.h"

namespace afterimage::io::sim {

class WorldState {
 public:
  explicit WorldState(WorldOptions options)
      : options_(options), rng_(options.seed), test_rng_(mix(options.seed)), switchboard_(*this) {}
  WorldState(const WorldState&) = delete;
  WorldState& operator=(const WorldState&) = delete;

  [[nodiscard]] const WorldOptions& options() const { return options_; }
  [[nodiscard]] MonotonicTime now() const { return now_; }
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] Rng& test_rng() { return test_rng_; }
  [[nodiscard]] Switchboard& switchboard() { return switchboard_; }
  void schedule(Event& event, Duration after) { queue_.schedule(event, now_ + after); }
  void schedule_at(Event& event, MonotonicTime when) { queue_.schedule(event, when); }

  [[nodiscard]] Trace& trace() { return trace_; }
  void trace(const TraceItem& item) { trace_.add(now_, item); }
  void set_observer(OperationObserver observer) { observer_ = std::move(observer); }
  void observe(const OperationNotice& notice) {
    if (observer_) observer_(notice);
  }

  [[nodiscard]] NodeId add_node(std::string name, const NodeOptions& options);
  [[nodiscard]] Node& node(NodeId id);
  [[nodiscard]] Node* find_node(std::string_view name);  // nullptr: no host of that name
  void crash(NodeId id, CrashKind kind);
  void restart(NodeId id);

  // While one lives, the world acts: a crash is news for whoever runs the world, not something that a test did by hand.
  class Acting {
   public:
    explicit Acting(WorldState& world) : world_(world) { ++world_.acting_; }
    Acting(const Acting&) = delete;
    Acting& operator=(const Acting&) = delete;
    ~Acting() { --world_.acting_; }

   private:
    WorldState& world_;
  };

  // Runs until *done, or, without `done`, until `limit`.
  [[nodiscard]] RunOutcome run(const bool* done, MonotonicTime limit);

 private:
  [[nodiscard]] bool run_ready_tasks();
  // Moves to the next moment at which something happens, not past `limit`, and lets it happen. False: nothing will by
  // then.
  [[nodiscard]] bool pass_time(MonotonicTime limit);
  [[nodiscard]] bool is_idle_for_ever() const;
  [[nodiscard]] std::string pending() const;

  WorldOptions options_;
  Rng rng_;
  Rng test_rng_;
  MonotonicTime now_{};
  EventQueue queue_;
  Trace trace_;
  OperationObserver observer_;
  Switchboard switchboard_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::uint64_t turns_at_this_moment_ = 0;
  int acting_ = 0;
  bool crashed_ = false;  // while acting, and not yet told
};

}  // namespace afterimage::io::sim
