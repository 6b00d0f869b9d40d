// SPDX-License-Identifier: Apache-2.0
// PointSink: where the points of one machine go. The engine owns this port; the replica's receiver, the remote replica
// behind the network, a seed medium and tests implement it.
//
// One session is one sink. Its life:
//
//   open ─ welcome ─┬─ begin(seeding) ─ append* ─ commit ─┐        commit of sequence 1
//                   ├─ begin(cycle)   ─ append* ─ commit ─┴─ begin …
//                   └─ block_hashes*                               for resync by compare
//
// What may be believed: a frame is the replica's when append returned, durable when commit returned or when a later
// welcome counts it. A receipt means: the point and all it stands on are durable at the replica.
// A second open of the same machine fences the first session: every later call on it answers `conflict`.
// Errors: conflict (fenced, wrong parent or lineage), permission_denied, protocol, damaged (the replica refused bytes),
// no_space, io_failed, unreachable, timed_out, cancelled, resync_required. After an error other than from block_hashes the
// session is over: open a new one. Thread: the reactor's; calls one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/format/point_record.h"
#include "engine/plan/machine_description.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage {

// The newest point: sequence 0 and no digest before the first.
struct Head {
  Sequence sequence;
  Digest digest;
  bool operator==(const Head&) const = default;
  [[nodiscard]] bool is_none() const { return sequence == Sequence{}; }
};

enum class EpochKind : std::uint8_t {
  seeding,  // frames go into the base until the first point closes them
  cycle,    // frames go into the journal behind the head
  compare   // a cycle that answers a compare (resync): as cycle, but its parent may be any head of the replica
};

// Where a seeding stands: everything before `block` of disks[disk_index], and every earlier disk, is in the base.
struct SeedingPosition {
  std::uint32_t disk_index = 0;
  BlockIndex block;
  auto operator<=>(const SeedingPosition&) const = default;
};

// Frames of an epoch that has no point yet.
struct UnfinishedEpoch {
  Epoch epoch;
  std::uint32_t frames = 0;        // numbers 0 .. frames-1 are held
  SeedingPosition position;        // seeding only
};

struct Welcome {
  Head head;
  std::optional<UnfinishedEpoch> unfinished;
  Epoch newest_epoch;  // the greatest that the replica has seen: a new one must be greater
  bool awaits_medium = false;  // no point yet, and the seed is to come by import
};

struct BeginEpoch {
  EpochKind kind = EpochKind::cycle;
  Epoch epoch;   // equal to the unfinished one: go on with it; greater: what was unfinished is dropped (a seeding keeps its base)
  Head parent;   // none when seeding
};

// What the replica still needs of the epoch.
struct Need {
  std::uint32_t first_frame = 0;   // the number of the first frame it does not hold
  SeedingPosition position;        // seeding only: read on from here (or from earlier)
};

struct Receipt {
  Sequence sequence;
  Digest digest;
  WallTime received;  // the replica's clock
};

enum class SeedBy : std::uint8_t { network, medium };

class PointSink {
 public:
  virtual ~PointSink() = default;

  // Makes the machine known (if it is new and permitted) or recognises it, and tells where it stands.
  [[nodiscard]] virtual io::Task<Result<Welcome>> open(io::Scope& scope, const MachineDescription& machine, SeedBy seed_by) = 0;
  [[nodiscard]] virtual io::Task<Result<Need>> begin(io::Scope& scope, BeginEpoch begin) = 0;
  // One encoded frame of the epoch, in order of numbers. Returns when the sink has taken it (it may be queued, within a
  // bound; its failure may show at a later call). `frame` is only used until it returns.
  [[nodiscard]] virtual io::Task<Status> append(io::Scope& scope, ByteView frame) = 0;
  [[nodiscard]] virtual io::Task<Result<Receipt>> commit(io::Scope& scope, const format::PointRecord& record) = 0;
  // The hashes of the blocks of the head, in order; shorter where the disk ends. At most hashes_per_request_max.
  [[nodiscard]] virtual io::Task<Result<std::vector<format::BlockHash>>> block_hashes(io::Scope& scope, DiskId disk, Extent extent) = 0;
  // Removes the machine at the replica, if its permissions let this primary.
  [[nodiscard]] virtual io::Task<Status> remove_machine(io::Scope& scope) = 0;

  static constexpr std::uint64_t hashes_per_request_max = 32 * 1024;
};

}  // namespace afterimage
