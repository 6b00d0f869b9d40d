// SPDX-License-Identifier: Apache-2.0
#include "io/sim/world.h"

#include <utility>

#include "io/base/check.h"
#include "io/sim/world_state.h"

namespace afterimage::io::sim {

World::World(WorldOptions options) : state_(std::make_unique<WorldState>(options)) {}
World::~World() = default;

NodeId World::add_node(std::string name, NodeOptions options) { return state_->add_node(std::move(name), options); }
const std::string& World::name_of(NodeId node) const { return state_->node(node).name; }

Platform World::platform(NodeId node) {
  AFI_CHECK(is_up(node));
  return state_->node(node).running->platform();
}

bool World::is_up(NodeId node) const { return state_->node(node).running != nullptr; }

void World::crash(NodeId node, CrashKind kind) {
  AFI_CHECK(is_up(node));
  state_->crash(node, kind);
}

void World::restart(NodeId node) { state_->restart(node); }
void World::crash_at(NodeId node, CrashPlan plan) { state_->node(node).faults.plan_crash(std::move(plan)); }
void World::disarm_crash(NodeId node) { state_->node(node).faults.disarm_crash(); }
bool World::is_crash_armed(NodeId node) const { return state_->node(node).faults.is_crash_armed(); }

RunOutcome World::run_until(const bool& done, Duration limit) { return state_->run(&done, now() + limit); }
RunOutcome World::run_for(Duration duration) { return state_->run(nullptr, now() + duration); }
MonotonicTime World::now() const { return state_->now(); }

std::uint64_t World::seed() const { return state_->options().seed; }
std::uint64_t World::trace_hash() const { return state_->trace().hash(); }
std::uint64_t World::operations(NodeId node) const { return state_->node(node).operations; }
void World::on_operation(OperationObserver observer) { state_->set_observer(std::move(observer)); }

void World::trace(std::uint64_t value) {
  state_->trace({.event = TraceEvent::test, .node = 0, .facts = {.check = value}});
}

std::uint64_t World::random_below(std::uint64_t bound) {
  AFI_CHECK(bound > 0);
  return state_->test_rng().below(bound);
}

void World::set_disk_delay(NodeId node, Delay delay) { state_->node(node).options.disk_delay = delay; }

void World::set_worker_delay(NodeId node, Delay delay) { state_->node(node).options.worker_delay = delay; }

DiskControl& World::disk(NodeId node) { return state_->node(node).control; }

void World::jump_clock(NodeId node, Duration by) { state_->node(node).clock.jump(by); }
WallTime World::wall_time(NodeId node) const { return state_->node(node).clock.now(); }

void World::partition(NodeId a, NodeId b, PartitionKind kind) {
  state_->switchboard().link(a, b).partition = kind;
  state_->switchboard().link(b, a).partition = kind;
}

void World::heal(NodeId a, NodeId b) { state_->switchboard().heal(a, b); }
void World::cut(NodeId first, NodeId second, CutKind kind) { state_->switchboard().cut(first, second, kind); }

void World::cut_after(NodeId first, NodeId second, ByteCount bytes, CutKind kind) {
  Link& link = state_->switchboard().link(first, second);
  link.cut_after = bytes;
  link.cut_kind = kind;
}

void World::disarm_cut(NodeId first, NodeId second) { state_->switchboard().link(first, second).cut_after.reset(); }

void World::set_network_delay(NodeId a, NodeId b, Delay delay) {
  state_->switchboard().link(a, b).delay = delay;
  state_->switchboard().link(b, a).delay = delay;
}

void World::set_bandwidth(NodeId a, NodeId b, ByteCount bytes_per_second) {
  state_->switchboard().link(a, b).bytes_per_second = bytes_per_second.value();
  state_->switchboard().link(b, a).bytes_per_second = bytes_per_second.value();
}

ByteCount World::bytes_carried(NodeId from, NodeId to) const {
  return ByteCount(state_->switchboard().link(from, to).carried);
}

std::uint64_t World::connections_made(NodeId from, NodeId to) const {
  return state_->switchboard().link(from, to).connections;
}

}  // namespace afterimage::io::sim
