// SPDX-License-Identifier: Apache-2.0
#include "io/sim/fault_plan.h"

#include <utility>

namespace afterimage::io::sim {
namespace {

// Does it fit, and is it past those to be skipped? Counts.
bool strikes(OperationMatch& match, OperationKind kind, std::string_view path) {
  if (match.kind && *match.kind != kind) return false;
  if (!match.path_part.empty() && path.find(match.path_part) == std::string_view::npos) return false;
  if (match.skip == 0) return true;
  --match.skip;
  return false;
}

}  // namespace

void FaultPlan::clear() {
  rules_.clear();
  numbers_.clear();
  rates_ = FaultRates{};
  is_stalling_ = false;
}

int FaultPlan::by_rate(OperationKind kind, Rng& rng) const {
  switch (kind) {
    case OperationKind::read: return rng.per_million(rates_.read) ? EIO : 0;
    case OperationKind::write:
      if (rng.per_million(rates_.no_space)) return ENOSPC;
      return rng.per_million(rates_.write) ? EIO : 0;
    case OperationKind::write_zeros:
    case OperationKind::resize: return rng.per_million(rates_.write) ? EIO : 0;
    case OperationKind::sync:
    case OperationKind::sync_directory: return rng.per_million(rates_.sync) ? EIO : 0;
    case OperationKind::create:
    case OperationKind::clone: return rng.per_million(rates_.no_space) ? ENOSPC : 0;
    case OperationKind::open:
    case OperationKind::list:
    case OperationKind::remove:
    case OperationKind::rename:
    case OperationKind::inspect:
    case OperationKind::connect:
    case OperationKind::accept:
    case OperationKind::receive:
    case OperationKind::send:
    case OperationKind::shutdown: return 0;
  }
  return 0;
}

int FaultPlan::strike(OperationKind kind, std::string_view path, std::uint64_t number, Rng& rng) {
  int error = 0;
  for (const Numbers& numbers : numbers_) {
    if (number >= numbers.first && number - numbers.first < numbers.count) error = numbers.error;
  }
  for (auto rule = rules_.begin(); error == 0 && rule != rules_.end(); ++rule) {
    if (rule->count == 0 || !strikes(rule->match, kind, path)) continue;
    error = rule->error;
    if (rule->count == forever) continue;
    --rule->count;
    if (rule->count > 0) continue;
    rules_.erase(rule);
    break;
  }
  if (error == 0) error = by_rate(kind, rng);
  if (error != 0) ++injected_;
  if (error == never_ends) is_stalling_ = true;
  return error;
}

std::optional<CrashKind> FaultPlan::crash_now(OperationKind kind, std::string_view path, Moment moment) {
  if (!crash_ || crash_->moment != moment || !strikes(crash_->match, kind, path)) return std::nullopt;
  const CrashKind how = crash_->kind;
  crash_.reset();
  return how;
}

}  // namespace afterimage::io::sim
