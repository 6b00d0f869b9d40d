// SPDX-License-Identifier: Apache-2.0
// World: hosts, their disks and the network between them, in one thread and one virtual time, driven by one seed.
//
//   World world({.seed = 7});
//   const NodeId primary = world.add_node("primary");
//   auto host = make_host(world.platform(primary));        // io::Platform: reactor, disk, network, clock, random,
//   workers world.crash_at(primary, {.match = {.kind = OperationKind::sync}, .kind = CrashKind::power_cut}); const
//   RunOutcome outcome = world.run_until(done);       // Stop::crashed host.reset(); // 1. crash  2. destroy what ran
//   there  3. restart world.restart(primary);
//
// Invariants
// - The same seed and the same calls give the same trace hash: nothing depends on addresses, real time or hash tables.
// - A crashed incarnation is inert at once: none of its tasks is resumed, none of its operations has an effect. Its
// objects
//   (files, streams, coroutine frames) may be destroyed at any time after, but before the World.
// - What a disk may lose in a power cut is exactly what the contract of io/disk.h leaves open.
// Thread: all of it belongs to one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>

#include "io/base/result.h"
#include "io/base/time.h"
#include "io/base/units.h"
#include "io/platform.h"
#include "io/sim/disk_control.h"
#include "io/sim/operation.h"

namespace afterimage::io::sim {

struct Delay {  // evenly between the two, by the seed
  Duration min;
  Duration max;
};

struct WorldOptions {
  std::uint64_t seed = 1;
  WallTime start{1'767'225'600'000'000'000};  // 2026-01-01T00:00:00Z
  Delay network_delay{.min = std::chrono::microseconds(20), .max = std::chrono::microseconds(400)};
  std::size_t stream_buffer_bytes = 256 * 1024;  // of one direction of one stream
};

struct NodeOptions {
  ByteCount capacity{std::uint64_t{1} << 40};
  CloneSupport clones = CloneSupport::yes;
  Delay disk_delay{.min = std::chrono::microseconds(5), .max = std::chrono::microseconds(200)};
  Delay worker_delay{.min = std::chrono::microseconds(1), .max = std::chrono::microseconds(100)};
};

enum class Stop : std::uint8_t {
  done,       // what was asked for happened
  crashed,    // a node went down by a plan or an observer, or during the run; is_up() tells which
  deadlock,   // nothing is ready and nothing will ever happen
  time_over,  // the limit of virtual time passed
};
[[nodiscard]] std::string_view name_of(Stop stop) noexcept;

struct RunOutcome {
  Stop stop = Stop::done;
  std::string detail = {};  // deadlock, time_over: the operations that are pending, by node
};

// How two nodes stop hearing each other.
enum class PartitionKind : std::uint8_t {
  silent,   // packets vanish: connects wait, streams stall and go on after heal()
  refused,  // new connections are refused, streams stall
};
enum class CutKind : std::uint8_t {
  reset,            // both ends see `unreachable`; what was on the way is lost
  half_open_first,  // the first named node sees `unreachable`, the other one hears nothing, ever
  half_open_second,
  silent,  // neither hears anything, ever
};

using OperationObserver = std::move_only_function<void(const OperationNotice&)>;

class WorldState;

class World {
 public:
  explicit World(WorldOptions options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  // --- Nodes. A node's name is its host name; "localhost", "127.0.0.1" and "::1" are the node itself.
  [[nodiscard]] NodeId add_node(std::string name, NodeOptions options = {});
  [[nodiscard]] const std::string& name_of(NodeId node) const;
  [[nodiscard]] Platform platform(NodeId node);  // of the running incarnation; the node is up
  [[nodiscard]] bool is_up(NodeId node) const;
  // Crashes a node that is up. May be called from an observer or a task: the node is inert when it returns.
  void crash(NodeId node, CrashKind kind);
  void kill(NodeId node) { crash(node, CrashKind::kill); }
  void power_cut(NodeId node) { crash(node, CrashKind::power_cut); }
  // A new incarnation on a node that is down.
  void restart(NodeId node);
  // Arms one crash, replacing the plan before; the plan ends when it strikes, or with disarm_crash.
  void crash_at(NodeId node, CrashPlan plan);
  void disarm_crash(NodeId node);
  [[nodiscard]] bool is_crash_armed(NodeId node) const;

  // --- Running. Virtual time passes only here.
  [[nodiscard]] RunOutcome run_until(const bool& done, Duration limit = std::chrono::hours(1));
  [[nodiscard]] RunOutcome run_for(Duration duration);  // Stop::done when the time has passed, also if nothing happens
  [[nodiscard]] MonotonicTime now() const;

  // --- Watching.
  [[nodiscard]] std::uint64_t seed() const;
  [[nodiscard]] std::uint64_t trace_hash() const;             // of every event so far
  [[nodiscard]] std::uint64_t operations(NodeId node) const;  // begun so far, by all incarnations
  // Called before and after each operation of every node; may crash nodes. One observer; an empty one ends it.
  void on_operation(OperationObserver observer);
  // Mixes what a test did into the trace hash, so that two runs that differ there differ here.
  void trace(std::uint64_t value);
  // A number below `bound` (> 0) from the seed, for the decisions of a test.
  [[nodiscard]] std::uint64_t random_below(std::uint64_t bound);

  // --- Disk: faults, and the content without latency, faults or trace.
  void set_disk_delay(NodeId node, Delay delay);  // of each operation; a sync takes four times as long
  [[nodiscard]] DiskControl& disk(NodeId node);
  void set_worker_delay(NodeId node, Delay delay);  // of each piece of work that begins from now on

  // --- Clock.
  void jump_clock(NodeId node, Duration by);  // the wall clock; forwards or back
  [[nodiscard]] WallTime wall_time(NodeId node) const;

  // --- Network.
  void partition(NodeId a, NodeId b, PartitionKind kind);
  void heal(NodeId a, NodeId b);
  // Cuts the connections that there are between two nodes.
  void cut(NodeId first, NodeId second, CutKind kind);
  // Cuts the connection that carries it when `bytes` more have arrived from `first` at `second`: any byte of a message.
  void cut_after(NodeId first, NodeId second, ByteCount bytes, CutKind kind);
  void disarm_cut(NodeId first, NodeId second);
  void set_network_delay(NodeId a, NodeId b, Delay delay);              // both directions
  void set_bandwidth(NodeId a, NodeId b, ByteCount bytes_per_second);   // each direction; 0 = unlimited
  [[nodiscard]] ByteCount bytes_carried(NodeId from, NodeId to) const;  // arrived
  [[nodiscard]] std::uint64_t connections_made(NodeId from, NodeId to) const;

 private:
  std::unique_ptr<WorldState> state_;
};

// A Result of a Task<T>: of a Task<Result<U>> it is Result<U> itself.
template <typename T>
struct RunResult {
  using type = Result<T>;
};
template <typename U>
struct RunResult<Result<U>> {
  using type = Result<U>;
};

// Runs the world until `task` has ended: its value. Else `internal` with the reason (deadlock), `timed_out` (limit), or
// `cancelled` (a node crashed; the task's frame is destroyed). The world's io::block_on, for tests that crash nodes.
template <typename T>
[[nodiscard]] typename RunResult<T>::type run(World& world, Task<T> task, Duration limit = std::chrono::hours(1)) {
  detail::BlockOn<T> out;
  detail::Root root = detail::keep_result(task, out);
  root.start();
  const RunOutcome outcome = world.run_until(out.done, limit);
  switch (outcome.stop) {
    case Stop::done: break;
    case Stop::crashed: return fail(ErrorCode::cancelled, "a node crashed");
    case Stop::deadlock: return fail(ErrorCode::internal, "deadlock", outcome.detail);
    case Stop::time_over: return fail(ErrorCode::timed_out, "run a task of the world", outcome.detail);
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*out.value);
  }
}

}  // namespace afterimage::io::sim
