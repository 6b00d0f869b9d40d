// SPDX-License-Identifier: Apache-2.0
// CrashMood: how one power cut treats what was not synced. All of them are legal; each finds other mistakes.
#pragma once

#include <cstdint>

#include "io/sim/rng.h"

namespace afterimage::io::sim {

struct CrashMood {
  enum class Kind : std::uint8_t {
    keep_all,
    lose_all,
    horizon,    // in order of time: all before a moment is kept, the write at that moment torn, all after it lost
    by_change,  // each write and each name change is kept or lost, or torn
    by_sector,  // each sector of each write is kept or lost
  };
  Kind kind = Kind::lose_all;
  std::uint64_t horizon = 0;  // the last change kept

  // `changes` is the number of the file system's latest change.
  [[nodiscard]] static CrashMood choose(Rng& rng, std::uint64_t changes) {
    CrashMood mood{.kind = static_cast<Kind>(rng.below(5))};
    // Near the end, where what is not synced is.
    const std::uint64_t reach = 1 + rng.below(32);
    mood.horizon = changes - (changes < reach ? changes : rng.below(reach));
    return mood;
  }
};

}  // namespace afterimage::io::sim
