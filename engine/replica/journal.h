// SPDX-License-Identifier: Apache-2.0
// Journal: the history of one machine on this replica: segments, and the points that stand in them.
//
//   FOLDER/<n>.segment   sealed: complete, and every frame in it belongs to an acknowledged point
//   FOLDER/<n>.open      staging files of this host: the newest segment, and full ones of an epoch that has no point
//   yet
//
// Order of writes of a commit: frames … | full segments: index, trailer, sync | point record | folder sync if a name is
// new | one sync of the newest staging file -> the point is durable | full staging files are renamed into the store.
// Everything before a point is durable before the point is; so whatever a cut leaves behind the last point is an
// unfinished tail (tail_verdict.h), and whatever reads wrong before it is rot.
//
// After an error of append() or commit() the tail in memory is no longer that of the file: heal() before anything else.
// A failed sync is final: heal() is refused, only opening anew (past the page cache) tells what is there.
// Thread: the reactor's; one caller at a time changes it, readers of table() may run beside it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/format/segment.h"
#include "engine/plan/point_sink_types.h"
#include "engine/replica/epoch_ledger.h"
#include "engine/replica/journal_point.h"
#include "engine/replica/segment_table.h"
#include "engine/replica/tail_verdict.h"
#include "io/disk.h"

namespace afterimage::replica {

class Journal {
 public:
  // Opens the journal in `folder`, which recovery mends as far as that loses nothing acknowledged. Segments are sealed
  // when they have `segment_bytes`, or are full; those that are there may have another size. A journal that
  // cannot go on opens all the same and says so (stopped()); its readable points stay usable. Errors: io_failed,
  // no_space.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<Journal>>> open(io::Scope& scope,
                                                                       std::shared_ptr<io::Directory> folder,
                                                                       RunCache& cache, ByteCount segment_bytes,
                                                                       JournalIdentity identity, KnownPoints known);

  [[nodiscard]] const std::vector<JournalPoint>& points() const { return points_; }
  [[nodiscard]] std::vector<JournalPoint>& points() { return points_; }
  [[nodiscard]] Head head() const;
  // Frames behind the head; none if there are none.
  [[nodiscard]] const std::optional<EpochLedger>& unfinished() const { return ledger_; }
  // Where the frames of the first epoch stand, while there is no point: its change roots are over base and frames.
  [[nodiscard]] const std::vector<OpenFrame>& first_frames() const { return first_frames_; }
  // Not empty: why nothing may be appended.
  [[nodiscard]] const std::string& stopped() const { return stopped_; }
  // What recovery found and did, for the log; and damage that stops nothing (an index that had to be made again).
  [[nodiscard]] const std::vector<std::string>& findings() const { return findings_; }
  // True when append or commit failed and heal() is due.
  [[nodiscard]] bool is_spoilt() const { return spoilt_; }
  [[nodiscard]] const std::shared_ptr<SegmentTable>& table() const { return table_; }
  [[nodiscard]] ByteCount bytes() const;  // of its frames and records
  [[nodiscard]] const JournalIdentity& identity() const { return identity_; }

  // Begins an epoch behind the head. Requires: none unfinished.
  void begin(Epoch epoch);
  // Appends checked frames of the epoch that was begun. Not durable. Errors: protocol, no_space, io_failed, conflict.
  [[nodiscard]] io::Task<Status> append(io::Scope& scope, std::span<const format::FrameView> frames);
  // The frames of the epoch must be those of which the record speaks (damaged if not). Returns when the point and all
  // of the journal that it stands on are durable.
  [[nodiscard]] io::Task<Status> commit(io::Scope& scope, format::PointRecord record);
  // Forgets the frames behind the head. Durable when it returns. Errors: io_failed, and then heal() is due; also when
  // what is left turns out to be damaged: then the journal has stopped.
  [[nodiscard]] io::Task<Status> drop_unfinished(io::Scope& scope);
  // After an error: cuts off what is not whole and reads the tail again. Errors: io_failed.
  [[nodiscard]] io::Task<Status> heal(io::Scope& scope);

 private:
  struct Tail {
    SegmentNumber number;
    std::shared_ptr<io::File> file;
    format::SegmentBuilder builder;
    ByteOffset written;  // bytes that are in the file
  };
  Journal(std::shared_ptr<io::Directory> folder, RunCache& cache, ByteCount segment_bytes, JournalIdentity identity,
          KnownPoints known);

  // journal_recovery.cc
  [[nodiscard]] io::Task<Status> recover_sealed(io::Scope& scope);
  // Frames at the end of the sealed segments that belong to a point behind them.
  [[nodiscard]] io::Task<Status> measure_sealed_end(io::Scope& scope);
  [[nodiscard]] io::Task<Status> load_one_sealed(io::Scope& scope, SegmentNumber number);
  [[nodiscard]] io::Task<Status> recover_tail(io::Scope& scope);
  [[nodiscard]] io::Task<Status> read_tail(io::Scope& scope);
  struct TailScan;
  [[nodiscard]] io::Task<Result<TailScan>> scan_tail(io::Scope& scope);
  [[nodiscard]] io::Task<Status> scan_pass(io::Scope& scope, TailScan& scan, Sequence mark);
  [[nodiscard]] io::Task<Status> cut(io::Scope& scope, const TailDecision& decision);
  void install(TailScan scan, bool may_append);
  // Points from `first` of points_ on need what cannot be read.
  void mark_damaged(std::size_t first, const std::string& why);

  // journal.cc
  [[nodiscard]] const JournalPoint* last_point() const { return points_.empty() ? nullptr : &points_.back(); }
  [[nodiscard]] bool has_room(const format::FrameView& frame) const;  // in the tail
  [[nodiscard]] io::Task<Status> roll_over(io::Scope& scope, Bytes& batch);
  [[nodiscard]] io::Task<Status> seal_tail(io::Scope& scope);
  [[nodiscard]] io::Task<Status> write_batch(io::Scope& scope, Bytes& batch);
  [[nodiscard]] io::Task<Status> append_all(io::Scope& scope, std::span<const format::FrameView> frames);
  [[nodiscard]] io::Task<Status> append_point(io::Scope& scope, format::PointRecord& record, JournalPoint& point);
  [[nodiscard]] io::Task<Status> sync_tail(io::Scope& scope);
  [[nodiscard]] io::Task<void> put_full_segments(io::Scope& scope);
  [[nodiscard]] bool is_committed(SegmentNumber full) const;
  [[nodiscard]] format::JournalPosition position() const;

  std::shared_ptr<io::Directory> folder_;
  ByteCount segment_bytes_;  // a tail of this size takes no more frames
  JournalIdentity identity_;
  KnownPoints known_;
  std::shared_ptr<SegmentTable> table_;
  std::vector<JournalPoint> points_;
  std::size_t sealed_points_ = 0;    // of points_: those in sealed segments
  SegmentNumber sealed_end_;         // the newest sealed segment
  std::string sealed_damage_;        // not empty: content of sealed segments that later points need cannot be read
  ByteCount sealed_open_stored_;     // of frames at the end of the sealed segments whose point is in the tail
  std::vector<SegmentNumber> full_;  // staging files that are complete
  std::optional<Tail> tail_;
  std::optional<EpochLedger> ledger_;
  std::vector<OpenFrame> first_frames_;
  bool names_unsynced_ = false;
  bool spoilt_ = false;
  std::string stopped_;
  std::vector<std::string> findings_;
};

}  // namespace afterimage::replica
