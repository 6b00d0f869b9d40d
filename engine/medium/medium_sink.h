// SPDX-License-Identifier: Apache-2.0
// MediumSink: a seed on its way to a disk that will be shipped. A PointSink over a folder:
//
//   <16 hex digits>.segment   sealed segments: the staged seed, then its closing cycle and the point record
//   <16 hex digits>.open      the segment being written
//   export-progress           the sealed segments of the staged seed; after a cut the export goes on behind them
//   afterimage-seed           the manifest, written last: with it the seed is whole
//
// Order: segment synced and renamed -> progress replaced; at the end: all segments -> manifest -> progress removed.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/format/digest.h"
#include "engine/format/segment.h"
#include "engine/plan/seed_manifest.h"
#include "engine/port/point_sink.h"
#include "io/disk.h"
#include "io/platform.h"

namespace afterimage::medium {

inline constexpr const char* manifest_file_name = "afterimage-seed";
inline constexpr const char* progress_file_name = "export-progress";
[[nodiscard]] std::string segment_file_name(SegmentNumber number);

// Thread: the reactor's.
class MediumSink final : public PointSink {
 public:
  // `folder` is empty or holds an unfinished export of the same machine. `owner` is this host.
  MediumSink(const io::Platform& platform, std::unique_ptr<io::Directory> folder, HostId owner, std::string owner_name);

  // Errors: already_exists (a whole seed is there), refused (the folder holds something else).
  [[nodiscard]] io::Task<Result<Welcome>> open(io::Scope& scope, const MachineDescription& machine,
                                               SeedBy seed_by) override;
  [[nodiscard]] io::Task<Result<Need>> begin(io::Scope& scope, BeginEpoch begin) override;
  [[nodiscard]] io::Task<Status> append(io::Scope& scope, Bytes frame) override;
  [[nodiscard]] io::Task<Result<Receipt>> commit(io::Scope& scope, const format::PointRecord& record) override;
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> block_hashes(io::Scope& scope, DiskId disk,
                                                                              Extent extent) override;
  [[nodiscard]] io::Task<Status> remove_machine(io::Scope& scope) override;

  [[nodiscard]] ByteCount written() const { return written_; }  // by this run

 private:
  [[nodiscard]] io::Task<Status> refuse_strangers(io::Scope& scope);
  [[nodiscard]] io::Task<Status> remove_segments_after(io::Scope& scope, std::size_t keep);
  [[nodiscard]] io::Task<Status> begin_segment(io::Scope& scope);
  [[nodiscard]] io::Task<Status> write_out(io::Scope& scope, ByteView bytes);
  [[nodiscard]] io::Task<Status> flush(io::Scope& scope);
  [[nodiscard]] io::Task<Status> seal_segment(io::Scope& scope);
  [[nodiscard]] io::Task<Status> keep_progress(io::Scope& scope);
  [[nodiscard]] Status follow_position(const format::FrameView& frame);

  io::Platform platform_;
  std::unique_ptr<io::Directory> folder_;
  HostId owner_;
  std::string owner_name_;
  MachineDescription machine_;
  ExportProgress progress_;            // as stored: sealed segments of the staged seed
  std::vector<SeedSegment> segments_;  // all sealed ones
  StagedSeed staged_;                  // with the open segment
  std::optional<EpochKind> epoch_kind_;

  std::optional<format::SegmentBuilder> builder_;  // of the open segment
  std::unique_ptr<io::File> file_;
  format::Sha256 sha_;
  Bytes gathered_;
  ByteOffset file_end_;
  ByteCount written_;
};

}  // namespace afterimage::medium
