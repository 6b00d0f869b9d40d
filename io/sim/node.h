// SPDX-License-Identifier: Apache-2.0
// Node: a host of the world, and what of it survives a crash. Thread: the world's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/sim/fault_plan.h"
#include "io/sim/file_system.h"
#include "io/sim/incarnation.h"
#include "io/sim/world.h"

namespace afterimage::io::sim {

// The wall clock: virtual time and a difference that jumps change.
class NodeClock final : public Clock {
 public:
  NodeClock(const MonotonicTime& world_time, WallTime start) : world_time_(world_time), start_(start) {}
  [[nodiscard]] WallTime now() const override { return start_ + Duration(world_time_.nanoseconds); }
  void jump(Duration by) { start_ = start_ + by; }

 private:
  const MonotonicTime& world_time_;
  WallTime start_;
};

struct Node {
  Node(NodeId node_id, std::string node_name, const NodeOptions& node_options, const MonotonicTime& world_time,
       WallTime start)
      : id(node_id),
        name(std::move(node_name)),
        options(node_options),
        clock(world_time, start),
        files(std::uint64_t{node_id.value} + 1, node_options.capacity, node_options.clones, clock),
        control(files, faults) {}

  NodeId id;
  std::string name;
  NodeOptions options;
  NodeClock clock;
  FileSystem files;
  FaultPlan faults;
  DiskControl control;
  std::uint64_t operations = 0;
  std::uint64_t incarnations = 0;
  bool has_power = true;                           // its kernel answers on the network
  std::unique_ptr<Incarnation> running;            // null: down
  std::vector<std::unique_ptr<Incarnation>> gone;  // tests may still hold what ran there
};

}  // namespace afterimage::io::sim
