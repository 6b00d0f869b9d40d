// SPDX-License-Identifier: Apache-2.0
#include "io/sim/incarnation.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "io/sim/node.h"
#include "io/sim/world_state.h"

namespace afterimage::io::sim {

MonotonicTime NodeReactor::now() const { return world_.now(); }

void NodeReactor::run_until(const bool& done) {
  const RunOutcome outcome = world_.run(&done, world_.now() + std::chrono::hours(24));
  if (outcome.stop == Stop::done) return;
  const std::string stop(name_of(outcome.stop));
  std::fprintf(stderr, "simulation: %s while a task was awaited; %s\n", stop.c_str(), outcome.detail.c_str());
  std::abort();
}

void NodeRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    std::array<std::byte, 8> word{};
    store(word.data(), rng_.next());
    const std::size_t count = std::min(out.size(), word.size());
    std::memcpy(out.data(), word.data(), count);
    out = out.subspan(count);
  }
}

Incarnation::Incarnation(WorldState& world, Node& node, std::uint64_t number, std::uint64_t seed)
    : world_(world),
      node_(node),
      number_(number),
      reactor_(world),
      random_(seed),
      disk_(*this),
      network_(*this),
      workers_(*this) {}

Platform Incarnation::platform() {
  return {.reactor = reactor_,
          .disk = disk_,
          .network = network_,
          .clock = node_.clock,
          .random = random_,
          .workers = workers_};
}

void Incarnation::die() {
  dead_ = true;
  reactor_.halt();
  while (PendingOperation* operation = pending_.pop_front()) {
    if (world_.rng().one_in(2)) operation->happen_in_crash();
  }
}

void Incarnation::describe_pending(std::string& out) {
  if (pending_.empty()) return;
  out += out.empty() ? "" : "; ";
  out += node_.name;
  out += ": ";
  for (PendingOperation* operation = pending_.front(); operation != nullptr; operation = pending_.after(*operation)) {
    if (operation != pending_.front()) out += ", ";
    out += name_of(operation->facts().kind);
    out += ' ';
    out += operation->facts().path;
  }
}

}  // namespace afterimage::io::sim
