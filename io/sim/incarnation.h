// SPDX-License-Identifier: Apache-2.0
// Incarnation: the life of one process on a node, with the platform it sees. Once dead it stays dead and inert: its
// reactor is halted, its operations have no effect and never end. Kept until the world ends. Thread: the world's.
#pragma once

#include <cstdint>
#include <string>

#include "io/platform.h"
#include "io/sim/disk.h"
#include "io/sim/network.h"
#include "io/sim/pending_operation.h"
#include "io/sim/rng.h"
#include "io/sim/workers.h"

namespace afterimage::io::sim {

struct Node;
class WorldState;

class NodeReactor final : public Reactor {
 public:
  explicit NodeReactor(WorldState& world) : world_(world) {}
  [[nodiscard]] MonotonicTime now() const override;
  // Runs the whole world. A deadlock or a crash of a node on the way ends the program with what was pending: tests that
  // expect them use World::run_until or run().
  void run_until(const bool& done) override;

  using Reactor::fire_due_timers;
  using Reactor::halt;
  using Reactor::has_ready;
  using Reactor::next_timer;
  using Reactor::run_ready;

 private:
  WorldState& world_;
};

class NodeRandom final : public Random {
 public:
  explicit NodeRandom(std::uint64_t seed) : rng_(seed) {}
  void fill(MutableBytes out) override;

 private:
  Rng rng_;
};

class Incarnation {
 public:
  Incarnation(WorldState& world, Node& node, std::uint64_t number, std::uint64_t seed);
  Incarnation(const Incarnation&) = delete;
  Incarnation& operator=(const Incarnation&) = delete;

  [[nodiscard]] WorldState& world() const { return world_; }
  [[nodiscard]] Node& node() const { return node_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] bool is_dead() const { return dead_; }
  [[nodiscard]] NodeReactor& reactor() { return reactor_; }
  [[nodiscard]] Platform platform();

  void add(PendingOperation& operation) { pending_.push_back(operation); }
  // From here on nothing runs. Operations under way happen or not, by the seed.
  void die();
  void describe_pending(std::string& out);  // "primary: read /x, accept :8084"

 private:
  WorldState& world_;
  Node& node_;
  std::uint64_t number_;
  bool dead_ = false;
  List<PendingOperation, PendingTag> pending_;
  NodeReactor reactor_;
  NodeRandom random_;
  NodeDisk disk_;
  NodeNetwork network_;
  NodeWorkers workers_;
};

}  // namespace afterimage::io::sim
