// SPDX-License-Identifier: Apache-2.0
// What primary and replica say to each other at the port of points, as plain values: heads, unfinished epochs, needs.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "io/base/identity.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage {

// The newest point: sequence 0 and no digest before the first.
struct Head {
  Sequence sequence;
  Digest digest;
  bool operator==(const Head&) const = default;
  [[nodiscard]] bool is_none() const { return sequence == Sequence{}; }
};

enum class EpochKind : std::uint8_t {
  seeding,  // staged: frames go into the base, belong to no point yet, and are never committed by themselves
  cycle,    // frames go into the journal behind the head; the first one (no parent) closes the staged seed
  compare   // a cycle that answers a compare (resync): as cycle, but its parent may be any head of the replica
};

// Where a seeding stands: everything before `block` of disks[disk_index], and every earlier disk, is in the base.
struct SeedingPosition {
  std::uint32_t disk_index = 0;
  BlockIndex block;
  auto operator<=>(const SeedingPosition&) const = default;
};

// What was staged into the base of a machine that has no point yet.
struct StagedSeed {
  Epoch epoch;
  std::uint32_t frames = 0;  // numbers 0 .. frames-1 are held
  SeedingPosition position;
  bool operator==(const StagedSeed&) const = default;
};

// Frames in the journal, of a cycle that has no point yet.
struct UnfinishedEpoch {
  Epoch epoch;
  std::uint32_t frames = 0;  // numbers 0 .. frames-1 are held
};

struct Welcome {
  Head head;
  std::optional<UnfinishedEpoch> unfinished;
  std::optional<StagedSeed> staged;   // only while there is no point
  Epoch newest_epoch;                 // the greatest that the replica has seen: a new one must be greater
  bool awaits_medium = false;         // no point yet, and the seed is to come by import
  std::vector<ByteCount> head_sizes;  // of each disk at the head, in the description's order; empty without a head
};

struct BeginEpoch {
  EpochKind kind = EpochKind::cycle;
  Epoch epoch;  // equal to the unfinished (staged) one: go on with it; greater: what was unfinished is dropped, a
                // staged seed is staged anew from the beginning over the same base
  Head parent;  // none when seeding, and of the first cycle, which closes the seed
};

// What the replica still needs of the epoch.
struct Need {
  std::uint32_t first_frame = 0;  // the number of the first frame it does not hold
  SeedingPosition position;       // seeding only: read on from here (or from earlier)
};

struct Receipt {
  Sequence sequence;
  Digest digest;
  WallTime received;  // the replica's clock
};

enum class SeedBy : std::uint8_t { network, medium };

}  // namespace afterimage
