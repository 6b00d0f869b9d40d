// SPDX-License-Identifier: Apache-2.0
#include "io/sim/pending_operation.h"

#include "io/sim/incarnation.h"
#include "io/sim/node.h"
#include "io/sim/world_state.h"

namespace afterimage::io::sim {

bool PendingOperation::begin() {
  if (life_.is_dead()) return false;
  WorldState& world = life_.world();
  const WorldState::Acting acting(world);
  Node& node = life_.node();
  number_ = ++node.operations;
  world.trace({TraceEvent::begin, node.id.value, facts_});
  if (const auto crash = node.faults.crash_now(facts_.kind, facts_.path, Moment::before)) {
    world.crash(node.id, *crash);
    return false;
  }
  world.observe({.node = node.id,
                 .kind = facts_.kind,
                 .moment = Moment::before,
                 .path = facts_.path,
                 .offset = facts_.offset,
                 .bytes = facts_.bytes,
                 .number = number_});
  if (life_.is_dead()) return false;
  error_ = node.faults.strike(facts_.kind, facts_.path, number_, world.rng());
  life_.add(*this);
  return true;
}

bool PendingOperation::finish(std::uint64_t bytes_done, bool failed) {
  ListNode<PendingTag>::unlink();
  if (life_.is_dead()) return false;
  WorldState& world = life_.world();
  const WorldState::Acting acting(world);
  Node& node = life_.node();
  facts_.bytes = bytes_done;
  world.trace({failed ? TraceEvent::failed : TraceEvent::ended, node.id.value, facts_});
  if (const auto crash = node.faults.crash_now(facts_.kind, facts_.path, Moment::after)) {
    world.crash(node.id, *crash);
    return false;
  }
  world.observe({.node = node.id,
                 .kind = facts_.kind,
                 .moment = Moment::after,
                 .path = facts_.path,
                 .offset = facts_.offset,
                 .bytes = bytes_done,
                 .number = number_,
                 .failed = failed});
  return !life_.is_dead();
}

}  // namespace afterimage::io::sim
