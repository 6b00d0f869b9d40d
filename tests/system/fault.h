// SPDX-License-Identifier: Apache-2.0
// Faults of the whole-system simulation: what is done, in which phase of a cycle, and how often each pair has happened.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "io/sim/operation.h"

namespace afterimage::system {

enum class FaultKind : std::uint8_t {
  kill_primary,
  kill_replica,
  kill_both,
  cut_power_of_primary,
  cut_power_of_replica,
  cut_power_of_both,
  cut_link,
  cut_link_half_open,
  fail_disk,
  fail_sync,
  no_space
};
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(FaultKind::no_space) + 1;

enum class Phase : std::uint8_t { capture, spool, send, append, sync, point_record, acknowledgement, recovery };
inline constexpr std::size_t phases = static_cast<std::size_t>(Phase::recovery) + 1;

[[nodiscard]] std::string_view name_of(FaultKind kind);
[[nodiscard]] std::string_view name_of(Phase phase);

// Which phase an operation belongs to; nothing for what belongs to none. `recovering`: its node has not finished its
// start. `point_bytes`: the length of a point record of this machine.
[[nodiscard]] std::optional<Phase> phase_of(const io::sim::OperationNotice& notice, bool is_primary, bool recovering,
                                            std::uint64_t point_bytes);

// How often each fault struck in each phase.
struct FaultTable {
  std::array<std::array<std::uint64_t, phases>, fault_kinds> struck{};
  void add(FaultKind kind, Phase phase) { ++struck[static_cast<std::size_t>(kind)][static_cast<std::size_t>(phase)]; }
  void add(const FaultTable& other);
  [[nodiscard]] std::size_t empty_cells() const;
  void print() const;
};

}  // namespace afterimage::system
