// SPDX-License-Identifier: Apache-2.0
#include "io/sim/world_state.h"

#include <algorithm>
#include <utility>

#include "io/base/check.h"

namespace afterimage::io::sim {
namespace {

// Tasks that keep each other ready without end would hang the program: no test means that.
constexpr std::uint64_t turns_at_a_moment_max = 10'000'000;

}  // namespace

NodeId WorldState::add_node(std::string name, const NodeOptions& options) {
  const NodeId id{static_cast<std::uint32_t>(nodes_.size())};
  nodes_.push_back(std::make_unique<Node>(id, std::move(name), options, now_, options_.start));
  restart(id);
  return id;
}

Node& WorldState::node(NodeId id) {
  AFI_CHECK(id.value < nodes_.size());
  return *nodes_[id.value];
}

Node* WorldState::find_node(std::string_view name) {
  for (const auto& node : nodes_) {
    if (node->name == name) return node.get();
  }
  return nullptr;
}

void WorldState::crash(NodeId id, CrashKind kind) {
  Node& crashed = node(id);
  if (crashed.running == nullptr) return;
  trace({.event = TraceEvent::crash, .node = id.value, .facts = {.offset = static_cast<std::uint64_t>(kind)}});
  // Its last operations happen or not; then the connections, while bytes of those operations can still leave.
  crashed.running->die();
  crashed.gone.push_back(std::move(crashed.running));
  switchboard_.crash(id, kind);
  switch (kind) {
    case CrashKind::kill: crashed.files.kill(rng_); break;
    case CrashKind::power_cut:
      crashed.has_power = false;
      crashed.files.power_cut(rng_);
      break;
  }
  if (acting_ > 0) crashed_ = true;
}

void WorldState::restart(NodeId id) {
  Node& restarted = node(id);
  AFI_CHECK(restarted.running == nullptr);
  trace({.event = TraceEvent::restart, .node = id.value});
  restarted.has_power = true;
  crashed_ = false;  // whoever restarts it knows
  switchboard_.restart(id);
  const std::uint64_t number = ++restarted.incarnations;
  restarted.running =
      std::make_unique<Incarnation>(*this, restarted, number, mix(options_.seed ^ mix((number << 32) | id.value)));
}

bool WorldState::run_ready_tasks() {
  bool any = false;
  for (const auto& node : nodes_) {
    if (node->running != nullptr && node->running->reactor().has_ready()) {
      // The reference holds: a node that crashes keeps its incarnation among those gone.
      any = node->running->reactor().run_ready() || any;
    }
  }
  return any;
}

bool WorldState::is_idle_for_ever() const {
  MonotonicTime when{};
  return queue_.empty() && std::none_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
           return node->running != nullptr && node->running->reactor().next_timer(when);
         });
}

bool WorldState::pass_time(MonotonicTime limit) {
  Node* of_timer = nullptr;
  MonotonicTime next{};
  bool any = !queue_.empty();
  if (any) next = queue_.next();
  for (const auto& node : nodes_) {
    MonotonicTime when{};
    if (node->running == nullptr || !node->running->reactor().next_timer(when)) continue;
    if (!any || when < next) {
      any = true;
      next = when;
      of_timer = node.get();
    }
  }
  if (!any || next > limit) return false;
  if (next > now_) turns_at_this_moment_ = 0;
  now_ = std::max(now_, next);
  if (of_timer != nullptr) {
    (void)of_timer->running->reactor().fire_due_timers(now_);
  } else {
    queue_.fire_next();
  }
  return true;
}

RunOutcome WorldState::run(const bool* done, MonotonicTime limit) {
  const Acting acting(*this);
  turns_at_this_moment_ = 0;
  while (true) {
    if (done != nullptr && *done) return {.stop = Stop::done};
    const bool ran = run_ready_tasks();
    if (std::exchange(crashed_, false)) return {.stop = Stop::crashed, .detail = {}};
    if (ran) {
      if (++turns_at_this_moment_ > turns_at_a_moment_max) {
        return {.stop = Stop::time_over, .detail = "tasks run without end and no time passes; " + pending()};
      }
      continue;
    }
    if (pass_time(limit)) {
      if (std::exchange(crashed_, false)) return {.stop = Stop::crashed, .detail = {}};
      continue;
    }
    if (done != nullptr && is_idle_for_ever()) return {.stop = Stop::deadlock, .detail = pending()};
    now_ = std::max(now_, limit);
    if (done == nullptr) return {.stop = Stop::done};
    return {.stop = Stop::time_over, .detail = pending()};
  }
}

std::string WorldState::pending() const {
  std::string out;
  for (const auto& node : nodes_) {
    if (node->running != nullptr) node->running->describe_pending(out);
  }
  return out.empty() ? "no operation is pending" : "pending: " + out;
}

}  // namespace afterimage::io::sim
