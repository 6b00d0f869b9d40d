// SPDX-License-Identifier: Apache-2.0
// DiskOperation: a disk operation that takes its virtual time. Its effect is a function of an errno (0: do it; else
// fail with it, doing as much harm as such a failure does), called when the time has come. Lives in the frame that
// awaits it.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "io/scope.h"
#include "io/sim/incarnation.h"
#include "io/sim/node.h"
#include "io/sim/pending_operation.h"
#include "io/sim/world_state.h"

namespace afterimage::io::sim {

[[nodiscard]] constexpr bool changes_the_disk(OperationKind kind) {
  switch (kind) {
    case OperationKind::create:
    case OperationKind::remove:
    case OperationKind::rename:
    case OperationKind::clone:
    case OperationKind::write:
    case OperationKind::write_zeros:
    case OperationKind::resize:
    case OperationKind::sync:
    case OperationKind::sync_directory: return true;
    case OperationKind::open:
    case OperationKind::list:
    case OperationKind::read:
    case OperationKind::inspect:
    case OperationKind::connect:
    case OperationKind::accept:
    case OperationKind::receive:
    case OperationKind::send:
    case OperationKind::shutdown: return false;
  }
  return false;
}

inline constexpr Duration stall_step = std::chrono::milliseconds(100);  // a stalled one looks that often

template <typename Effect>
class DiskOperation final : public Completion<std::invoke_result_t<Effect&, int>>,
                            private PendingOperation,
                            private Event {
 public:
  using Value = std::invoke_result_t<Effect&, int>;

  // `facts.path` and what the effect refers to are in the frame that awaits.
  DiskOperation(Incarnation& life, Scope& scope, OperationFacts facts, Effect& effect)
      : Completion<Value>(scope,
                          name_of(facts.kind).data()),  // NOLINT(bugprone-suspicious-stringview-data-usage): a literal
        PendingOperation(life, facts),
        effect_(effect) {
    this->file_path = facts.path;
  }

  // Only its start can be refused: a disk does not take back what it was told.
  void cancel() noexcept override {
    if (!begun_) this->complete(fail(this->scope().interruption(this->name)));
  }
  void happen_in_crash() override {
    if (!changes_the_disk(facts().kind)) return;
    const Value value = effect_(0);
    (void)value;
  }

 private:
  void start() override {
    begun_ = true;
    if (!begin()) return;
    const Delay delay = life().node().options.disk_delay;
    const bool is_sync = facts().kind == OperationKind::sync || facts().kind == OperationKind::sync_directory;
    const Duration time = life().world().rng().between(delay.min, delay.max);
    life().world().schedule(*this, is_sync ? 4 * time : time);
  }
  void fire() override {
    if (life().is_dead()) return;
    if (injected_error() == never_ends && life().node().faults.is_stalling()) {
      life().world().schedule(*this, stall_step);
      return;
    }
    Value value = effect_(injected_error() == never_ends ? 0 : injected_error());
    std::uint64_t done = facts().bytes;
    if constexpr (std::is_same_v<Value, Result<std::size_t>>) done = value ? *value : 0;
    if (finish(done, !value.has_value())) this->complete(std::move(value));
  }

  Effect& effect_;
  bool begun_ = false;
};

}  // namespace afterimage::io::sim
