// SPDX-License-Identifier: Apache-2.0
// Trace: one number for all that happened, in order. Two runs that differ anywhere differ in it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "io/base/bytes.h"
#include "io/base/time.h"
#include "io/sim/pending_operation.h"
#include "io/sim/rng.h"

namespace afterimage::io::sim {

// Not for anything but the trace: fast, weak, and the same everywhere.
[[nodiscard]] inline std::uint64_t trace_hash_of(ByteView bytes) {
  constexpr std::uint64_t factor = 0xff51'afd7'ed55'8ccdU;
  std::uint64_t hash = 0x9e37'79b9'7f4a'7c15U ^ bytes.size();
  if (bytes.size() >= 32) {
    // Four at once, which do not wait for each other: most of what a simulation hashes are whole blocks.
    std::array<std::uint64_t, 4> lanes{hash, hash + 1, hash + 2, hash + 3};
    for (; bytes.size() >= 32; bytes = bytes.subspan(32)) {
      for (std::size_t i = 0; i < 4; ++i) {
        lanes[i] = (lanes[i] ^ load<std::uint64_t>(bytes.data() + 8 * i)) * factor;
        lanes[i] ^= lanes[i] >> 32U;
      }
    }
    for (const std::uint64_t lane : lanes) hash = mix(hash ^ lane);
  }
  for (const std::byte byte : bytes) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x0100'0000'01b3U;
  return mix(hash);
}

enum class TraceEvent : std::uint8_t { begin, ended, failed, crash, restart, arrival, cut, test };

struct TraceItem {
  TraceEvent event = TraceEvent::begin;
  std::uint64_t node = 0;
  OperationFacts facts = {};
};

class Trace {
 public:
  void add(std::uint64_t value) { hash_ = mix(hash_ ^ value) + value; }
  void add(MonotonicTime when, const TraceItem& item) {
    add(static_cast<std::uint64_t>(when.nanoseconds));
    add((static_cast<std::uint64_t>(item.event) << 40) | (item.node << 8) |
        static_cast<std::uint64_t>(item.facts.kind));
    add(trace_hash_of(view_of(item.facts.path)));
    add(item.facts.offset ^ mix(item.facts.bytes) ^ item.facts.check);
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0;
};

}  // namespace afterimage::io::sim
