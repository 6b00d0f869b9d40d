// SPDX-License-Identifier: Apache-2.0
// MemorySink: a replica that is a model. It keeps blocks in maps, believes nothing a real one would not, and survives
// the crashes of the primary that the test plays.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/frame.h"
#include "engine/port/point_sink.h"
#include "io/base/bytes.h"

namespace afterimage::source {

// What outlives sessions.
struct ModelReplica {
  using Blocks = std::map<std::uint64_t, Bytes>;  // absent: zeros
  std::optional<MachineDescription> machine;
  std::map<DiskId, Blocks> base;
  std::optional<StagedSeed> staged;
  std::optional<UnfinishedEpoch> unfinished;
  std::map<DiskId, Blocks> tail;  // of the unfinished epoch; an empty Bytes is zeros
  Head head;
  std::vector<ByteCount> head_sizes;
  Epoch newest_epoch;
  std::vector<format::PointRecord> points;
  std::map<Sequence, std::map<DiskId, Blocks>> content;  // of every point
  std::uint64_t frames_taken = 0;
  std::uint64_t data_blocks_taken = 0;
  std::uint64_t sessions = 0;                     // the newest session's number
  std::optional<std::uint64_t> cut_after_frames;  // the session breaks after so many more
  bool lose_next_receipt = false;
  bool cut_next_commit = false;  // the session breaks before it
};

class MemorySink final : public PointSink {
 public:
  explicit MemorySink(ModelReplica& replica) : replica_(replica), number_(++replica.sessions) {}

  [[nodiscard]] io::Task<Result<Welcome>> open(io::Scope& scope, const MachineDescription& machine,
                                               SeedBy seed_by) override;
  [[nodiscard]] io::Task<Result<Need>> begin(io::Scope& scope, BeginEpoch begin) override;
  [[nodiscard]] io::Task<Status> append(io::Scope& scope, Bytes frame) override;
  [[nodiscard]] io::Task<Result<Receipt>> commit(io::Scope& scope, const format::PointRecord& record) override;
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> block_hashes(io::Scope& scope, DiskId disk,
                                                                              Extent extent) override;
  [[nodiscard]] io::Task<Status> remove_machine(io::Scope& scope) override;

 private:
  [[nodiscard]] Status take(const format::FrameView& frame);
  [[nodiscard]] Status check_roots(const format::PointRecord& record) const;

  ModelReplica& replica_;
  std::uint64_t number_;
  EpochKind kind_ = EpochKind::cycle;
};

}  // namespace afterimage::source
