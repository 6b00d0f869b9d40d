// SPDX-License-Identifier: Apache-2.0
// Rng: splitmix64, the same numbers from the same seed on every machine. Not for secrets. Externally serialised.
#pragma once

#include <cstdint>

#include "io/base/time.h"

namespace afterimage::io::sim {

// A 64-bit mixture in which every bit of the input counts.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58'476d'1ce4'e5b9U;
  value = (value ^ (value >> 27)) * 0x94d0'49bb'1331'11ebU;
  return value ^ (value >> 31);
}

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(mix(seed + 0x9e37'79b9'7f4a'7c15U)) {}

  [[nodiscard]] std::uint64_t next() { return mix(state_ += 0x9e37'79b9'7f4a'7c15U); }
  // Below `bound`, which is more than zero. The bias of the modulus does not matter here.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  [[nodiscard]] bool one_in(std::uint64_t n) { return below(n) == 0; }
  [[nodiscard]] bool per_million(std::uint32_t parts) { return parts != 0 && below(1'000'000) < parts; }
  // Evenly in [min, max].
  [[nodiscard]] Duration between(Duration min, Duration max) {
    if (max <= min) return min;
    return min + Duration(static_cast<std::int64_t>(below(static_cast<std::uint64_t>((max - min).count()) + 1)));
  }

 private:
  std::uint64_t state_;
};

}  // namespace afterimage::io::sim
