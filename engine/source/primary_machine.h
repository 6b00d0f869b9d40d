// SPDX-License-Identifier: Apache-2.0
// PrimaryMachine: one protected machine on its primary. It seeds, runs cycles and takes care that tracking never
// forgets.
//
// A cycle, and the order of what is durable:
//   welcome compared (plan/welcome_plan.h) -> images synced and frozen -> captured into the spool, hashes into fresh
//   hash files -> hash files synced -> record with `pending` replaced -> frames, then the point record sent -> receipt
//   -> record with `acknowledged` replaced -> old hash files and spool removed.
// A cut before `pending`: the epoch is forgotten, the old hash files stand, what changed is found again. After: the
// next welcome tells whether the point arrived; if it did it is adopted, if not the spool is sent on from where the
// replica stands.
//
// One job at a time (the host sees to it). Thread: the reactor's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/format/frame.h"
#include "engine/plan/primary_record.h"
#include "engine/port/point_sink.h"
#include "engine/port/progress.h"
#include "engine/source/capture.h"
#include "engine/source/point_history.h"
#include "engine/source/primary_files.h"
#include "engine/source/scan_images.h"
#include "io/platform.h"

namespace afterimage::source {

struct CycleResult {
  format::PointRecord record;  // the newest point that the replica has
  ByteCount changed;           // changed blocks found, in bytes
  ByteCount sent;              // frames and records handed to the sink
  ByteCount stored;            // frames of the epoch
  Duration took{};
  std::vector<std::string> warnings;
};

// What replicate() is for: the first point (then a lost acknowledgement is enough), or a point of now.
enum class Goal : std::uint8_t { first_point, new_point };

class PrimaryMachine {
 public:
  // A new machine: `folder` is its empty folder. Durable when it returns.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<PrimaryMachine>>> create(io::Scope& scope,
                                                                                const io::Platform& platform,
                                                                                std::unique_ptr<io::Directory> folder,
                                                                                PrimaryRecord record);
  // Recovers: reads the record and removes leftovers. Idempotent.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<PrimaryMachine>>> open(io::Scope& scope,
                                                                              const io::Platform& platform,
                                                                              std::unique_ptr<io::Directory> folder);

  [[nodiscard]] const PrimaryRecord& record() const { return record_; }

  // Brings the replica behind `session` a point. Errors: those of the images and of the sink; refused (the seed on a
  // medium has not been imported), resync_required (the replica has lost the machine). Nothing is forgotten by an
  // error.
  [[nodiscard]] io::Task<Result<CycleResult>> replicate(io::Scope& scope, PointSink& session, Goal goal,
                                                        Progress* progress);
  // Writes the seed to a medium: the point is pending until the replica shows it.
  [[nodiscard]] io::Task<Result<CycleResult>> seed_medium(io::Scope& scope, PointSink& medium, Progress* progress);
  // What is known of the acknowledged points without reading them.
  [[nodiscard]] const PointHistory& history() const { return history_; }
  // The acknowledged points, ascending. Reads them all.
  [[nodiscard]] io::Task<Result<std::vector<HistoricPoint>>> points(io::Scope& scope);
  [[nodiscard]] io::Task<Status> set_activity(io::Scope& scope, Activity activity);
  void set_compression(const CompressionSetting& setting) { seeding_level_ = cycle_level_ = LevelChooser(setting); }
  void set_sizes(const CaptureSizes& sizes) { sizes_ = sizes; }
  [[nodiscard]] std::string compression() const { return cycle_level_.text(); }

 private:
  struct Base;
  class StagingFrames;
  struct Staged;

  PrimaryMachine(const io::Platform& platform, std::unique_ptr<io::Directory> folder)
      : platform_(platform), files_(std::move(folder)) {}

  [[nodiscard]] io::Task<Status> open_folder_again(io::Scope& scope);
  void note_failure(const Error& error);
  [[nodiscard]] io::Task<Result<CycleResult>> make_point(io::Scope& scope, PointSink& session, Goal goal,
                                                         Progress* progress);
  [[nodiscard]] io::Task<Result<CycleResult>> write_medium(io::Scope& scope, PointSink& medium, Progress* progress);

  // Seeding (primary_seeding.cc).
  [[nodiscard]] io::Task<Status> seed(io::Scope& scope, PointSink& sink, Welcome welcome, CycleResult& result,
                                      Progress* progress);
  [[nodiscard]] io::Task<Status> stage(io::Scope& scope, PointSink& sink, const Welcome& welcome, Staged& staged,
                                       Progress* progress);
  [[nodiscard]] io::Task<Result<bool>> resume_staging(io::Scope& scope, const Welcome& welcome, Staged& staged);
  [[nodiscard]] io::Task<Status> start_staging(io::Scope& scope, Epoch epoch, Staged& staged);
  [[nodiscard]] io::Task<Status> stage_disks(io::Scope& scope, StagingFrames& frames, ScanImages& images,
                                             Progress* progress);
  [[nodiscard]] io::Task<Status> close_at_rest(io::Scope& scope, Staged& staged);
  [[nodiscard]] io::Task<Status> adopt_sizes(io::Scope& scope, const std::vector<ByteCount>& sizes);

  // The images at one instant; what a failed sync leaves in the page cache is not read again.
  enum class Reading : std::uint8_t { frozen, live };
  [[nodiscard]] io::Task<Result<std::unique_ptr<ScanImages>>> freeze_images(io::Scope& scope, Reading reading);

  // Cycles (primary_cycle.cc).
  [[nodiscard]] io::Task<Status> cycle(io::Scope& scope, PointSink& session, EpochKind kind, const Welcome& welcome,
                                       CycleResult& result, Progress* progress);
  [[nodiscard]] io::Task<Status> capture(io::Scope& scope, Base& base, const Welcome& welcome, Progress* progress);
  [[nodiscard]] io::Task<Result<format::PointDisk>> capture_disk(io::Scope& scope, Capture& capturing, Base& base,
                                                                 std::size_t index, ScanImages& images,
                                                                 image::HashFile& fresh);
  [[nodiscard]] io::Task<Status> keep_pending(io::Scope& scope, EpochKind kind, format::PointRecord point,
                                              HashFileSet& hashes, Epoch hashes_epoch);
  [[nodiscard]] io::Task<Status> ship(io::Scope& scope, PointSink& session, Head parent, CycleResult& result,
                                      Progress* progress);
  [[nodiscard]] io::Task<Status> send_spool(io::Scope& scope, PointSink& session, std::uint32_t from,
                                            CycleResult& result, Progress* progress);
  [[nodiscard]] io::Task<Result<bool>> hashes_are_whole(io::Scope& scope);
  [[nodiscard]] io::Task<bool> pending_can_be_sent(io::Scope& scope);
  [[nodiscard]] format::PointRecord make_record(Epoch epoch, const Welcome& welcome, WallTime frozen) const;
  [[nodiscard]] Epoch next_epoch(const Welcome& welcome) const;

  // What is believed (primary_machine.cc).
  [[nodiscard]] io::Task<Status> change_record(io::Scope& scope, PrimaryRecord changed);
  [[nodiscard]] io::Task<Status> acknowledge(io::Scope& scope, const CycleResult& result);
  [[nodiscard]] io::Task<Status> forget_pending(io::Scope& scope);

  io::Platform platform_;
  PrimaryFiles files_;
  PointHistory history_;
  bool io_has_failed_ = false;  // since the folder was opened
  PrimaryRecord record_;
  CacheTrust images_ = CacheTrust::in_doubt;  // what an earlier life saw of them is not known
  CaptureSizes sizes_;
  // A seeding is bulk and mends its level on the way; what it learned is not held against the cycles' few bytes.
  LevelChooser seeding_level_;
  LevelChooser cycle_level_;
};

}  // namespace afterimage::source
