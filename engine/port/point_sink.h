// SPDX-License-Identifier: Apache-2.0
// PointSink: where the points of one machine go. The engine owns this port; the replica's receiver, the remote replica
// behind the network, a seed medium and tests implement it.
//
// One session is one sink. Its life:
//
//   open ─ welcome ─┬─ begin(seeding) ─ append*                   staged into the base; belongs to no point yet
//                   ├─ begin(cycle)   ─ append* ─ commit ─ begin …  frames of a point, in the journal
//                   └─ block_hashes*                                for resync by compare
//
// The first cycle has no parent and closes the seed: point 1 is the staged base with that cycle's frames over it, and
// its change roots are over every block of each disk (zeros included), so that a point 1 is only committed over a whole
// seed. Every later point's change roots are over the blocks of its own frames.
//
// What may be believed: a frame is the replica's when append returned, durable when commit returned or when a later
// welcome counts it. A receipt means: the point and all it stands on are durable at the replica.
// A second open of the same machine fences the first session: every later call on it answers `conflict`.
// Errors: conflict (fenced, wrong parent or lineage), permission_denied, protocol, damaged (the replica refused bytes),
// no_space, io_failed, unreachable, timed_out, cancelled, resync_required. After an error other than from block_hashes
// the session is over: open a new one. Thread: the reactor's; calls one after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/format/point_record.h"
#include "engine/plan/machine_description.h"
#include "engine/plan/point_sink_types.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage {

class PointSink {
 public:
  virtual ~PointSink() = default;

  // Makes the machine known (if it is new and permitted) or recognises it, and tells where it stands.
  [[nodiscard]] virtual io::Task<Result<Welcome>> open(io::Scope& scope, const MachineDescription& machine,
                                                       SeedBy seed_by) = 0;
  [[nodiscard]] virtual io::Task<Result<Need>> begin(io::Scope& scope, BeginEpoch begin) = 0;
  // One encoded frame of the epoch, in order of numbers. Returns when the sink has taken it (it may be queued, within a
  // bound; its failure may show at a later call).
  [[nodiscard]] virtual io::Task<Status> append(io::Scope& scope, Bytes frame) = 0;
  [[nodiscard]] virtual io::Task<Result<Receipt>> commit(io::Scope& scope, const format::PointRecord& record) = 0;
  // The hashes of the blocks of the head, in order; shorter where the disk ends. At most hashes_per_request_max.
  [[nodiscard]] virtual io::Task<Result<std::vector<format::BlockHash>>> block_hashes(io::Scope& scope, DiskId disk,
                                                                                      Extent extent) = 0;
  // Removes the machine at the replica, if its permissions let this primary.
  [[nodiscard]] virtual io::Task<Status> remove_machine(io::Scope& scope) = 0;

  // Grows while a call progresses, so that whoever waits can tell slow from stuck. Nothing: the sink cannot tell.
  [[nodiscard]] virtual std::optional<std::uint64_t> steps() { return {}; }

  static constexpr std::uint64_t hashes_per_request_max = 32 * 1024;
};

}  // namespace afterimage
