// SPDX-License-Identifier: Apache-2.0
#include "tests/system/fault.h"

#include <cstdio>

namespace afterimage::system {
namespace {

constexpr std::array<std::string_view, fault_kinds> kind_names = {
    "kill primary", "kill replica",   "kill both",  "power cut primary", "power cut replica", "power cut both",
    "cut link",     "half-open link", "disk error", "failed sync",       "no space"};
constexpr std::array<std::string_view, phases> phase_names = {"capture", "spool",        "send",        "append",
                                                              "sync",    "point record", "acknowledge", "recovery"};

bool has(std::string_view path, std::string_view part) { return path.find(part) != std::string_view::npos; }

std::optional<Phase> primary_phase(const io::sim::OperationNotice& notice) {
  using enum io::sim::OperationKind;
  if (notice.kind == send) return Phase::send;
  if (io::sim::is_network(notice.kind)) return std::nullopt;
  if (has(notice.path, "/spool")) return notice.kind == read ? Phase::send : Phase::spool;
  if (has(notice.path, "/points")) return Phase::acknowledgement;
  if (has(notice.path, "/images") || has(notice.path, "/hashes-")) return Phase::capture;
  return std::nullopt;
}

std::optional<Phase> replica_phase(const io::sim::OperationNotice& notice, std::uint64_t point_bytes) {
  using enum io::sim::OperationKind;
  const bool journal = has(notice.path, ".open");
  if (notice.kind == send) return std::nullopt;
  if (notice.kind == sync || notice.kind == sync_directory) return Phase::sync;
  if (journal && notice.kind == write && notice.bytes == point_bytes) return Phase::point_record;
  if (notice.kind == write && (journal || has(notice.path, "/base."))) return Phase::append;
  return std::nullopt;
}

}  // namespace

std::string_view name_of(FaultKind kind) { return kind_names[static_cast<std::size_t>(kind)]; }
std::string_view name_of(Phase phase) { return phase_names[static_cast<std::size_t>(phase)]; }

std::optional<Phase> phase_of(const io::sim::OperationNotice& notice, bool is_primary, bool recovering,
                              std::uint64_t point_bytes) {
  if (recovering) return io::sim::is_network(notice.kind) ? std::nullopt : std::optional(Phase::recovery);
  return is_primary ? primary_phase(notice) : replica_phase(notice, point_bytes);
}

void FaultTable::add(const FaultTable& other) {
  for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
    for (std::size_t phase = 0; phase < phases; ++phase) struck[kind][phase] += other.struck[kind][phase];
  }
}

std::size_t FaultTable::empty_cells() const {
  std::size_t empty = 0;
  for (const auto& row : struck) {
    for (const std::uint64_t count : row) empty += count == 0 ? 1 : 0;
  }
  return empty;
}

void FaultTable::print() const {
  std::printf("%-18s", "fault");
  for (const std::string_view phase : phase_names) std::printf(" %12.*s", static_cast<int>(phase.size()), phase.data());
  std::printf("\n");
  for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
    std::printf("%-18.*s", static_cast<int>(kind_names[kind].size()), kind_names[kind].data());
    for (const std::uint64_t count : struck[kind]) std::printf(" %12llu", static_cast<unsigned long long>(count));
    std::printf("\n");
  }
}

}  // namespace afterimage::system
