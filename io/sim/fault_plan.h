// SPDX-License-Identifier: Apache-2.0
// FaultPlan: which operations of a node fail, and at which one it crashes. Externally serialised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/sim/disk_control.h"
#include "io/sim/operation.h"
#include "io/sim/rng.h"

namespace afterimage::io::sim {

class FaultPlan {
 public:
  void add(FaultRule rule) { rules_.push_back(std::move(rule)); }
  void fail_numbers(std::uint64_t first, std::uint64_t count, int error) { numbers_.push_back({first, count, error}); }
  void set_rates(FaultRates rates) { rates_ = rates; }
  void clear();

  // The errno that this operation meets, or 0. Counts it against the rules.
  [[nodiscard]] int strike(OperationKind kind, std::string_view path, std::uint64_t number, Rng& rng);
  // Whether operations that met never_ends still do not end.
  [[nodiscard]] bool is_stalling() const { return is_stalling_; }
  [[nodiscard]] std::uint64_t injected() const { return injected_; }

  void note_misdeed(std::string path, FileRange range) { misdeeds_.push_back({std::move(path), range}); }
  [[nodiscard]] const std::vector<Misdeed>& misdeeds() const { return misdeeds_; }

  void plan_crash(CrashPlan plan) { crash_ = std::move(plan); }
  void disarm_crash() { crash_.reset(); }
  [[nodiscard]] bool is_crash_armed() const { return crash_.has_value(); }
  // The crash of this moment of an operation. Asked at both moments of each one; a plan counts at its own moment, and
  // ends when it strikes.
  [[nodiscard]] std::optional<CrashKind> crash_now(OperationKind kind, std::string_view path, Moment moment);

 private:
  struct Numbers {
    std::uint64_t first;
    std::uint64_t count;
    int error;
  };
  [[nodiscard]] int by_rate(OperationKind kind, Rng& rng) const;

  std::vector<FaultRule> rules_;
  std::vector<Numbers> numbers_;
  FaultRates rates_;
  std::optional<CrashPlan> crash_;
  std::vector<Misdeed> misdeeds_;
  std::uint64_t injected_ = 0;
  bool is_stalling_ = false;
};

}  // namespace afterimage::io::sim
