// SPDX-License-Identifier: Apache-2.0
// Verify: reads a machine past the page cache against everything that is known of it: bases against their hashes, every
// frame's header, stored bytes and block hashes, point records, their chain and change roots, segment headers, indexes
// and trailers byte by byte. A single flipped bit in any of them is found, and named by disk, points and extent.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/port/progress.h"
#include "engine/replica/machine.h"

namespace afterimage::replica {

// One damaged place.
struct DamagedPlace {
  std::optional<DiskId> disk;    // none: of the journal itself
  std::optional<Extent> extent;  // of that disk
  Sequence first_point;          // the points that read it; 0: none does
  Sequence last_point;
  std::string what;  // which file, which check
};

struct VerifyOutcome {
  std::vector<DamagedPlace> damage;  // the first damage_max
  std::uint64_t points_verified = 0;
  std::uint64_t points_damaged = 0;
  ByteCount bytes_read;
};
inline constexpr std::size_t damage_places_max = 1000;

// One point, or all and with them every byte of the machine. What is found is kept with the points: those that are fine
// get verified_at, the others their damage. Errors: not_found (no such point), refused (the machine has nothing to
// read), cancelled; damage is no error but the outcome. `progress` may be null.
[[nodiscard]] io::Task<Result<VerifyOutcome>> verify(io::Scope& scope, std::shared_ptr<Machine> machine,
                                                     std::optional<Sequence> point, Progress* progress);

}  // namespace afterimage::replica
