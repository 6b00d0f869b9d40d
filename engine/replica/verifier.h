// SPDX-License-Identifier: Apache-2.0
// Verifier: one run of verify() over a machine, for the sources of this folder. It works on what the machine was when
// it began: points that come meanwhile are left for the next run.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/replica/epoch_ledger.h"
#include "engine/replica/frame_checker.h"
#include "engine/replica/verify.h"

namespace afterimage::replica {

class Verifier {
 public:
  Verifier(io::Scope& scope, std::shared_ptr<Machine> machine, Progress* progress);

  [[nodiscard]] io::Task<Status> take_snapshot();
  [[nodiscard]] io::Task<Status> verify_bases();
  [[nodiscard]] io::Task<Status> verify_journal();
  [[nodiscard]] io::Task<Status> verify_one_point(Sequence sequence);
  // Writes down with the points what was found; `only`: of this one alone.
  [[nodiscard]] io::Task<Result<VerifyOutcome>> conclude(std::optional<Sequence> only);

 private:
  struct Segment;     // the one being read
  struct PointRuns {  // what one point added
    Sequence sequence;
    std::vector<RunRef> runs;
  };
  void advance(std::uint64_t bytes);
  void report(DamagedPlace place);
  // Which points read that extent, as the point `written_by` wrote it (none: as the base has it).
  [[nodiscard]] io::Task<Result<std::pair<Sequence, Sequence>>> readers_of(DiskId disk, Extent extent,
                                                                           std::optional<Sequence> written_by);
  [[nodiscard]] io::Task<Status> report_extents(DiskId disk, std::vector<Extent> extents,
                                                std::optional<Sequence> written_by, std::string what);

  // verify_base.cc
  [[nodiscard]] io::Task<Status> verify_base(BaseDisk& disk);
  [[nodiscard]] io::Task<Status> compare_window(BaseDisk& disk, Extent window, std::vector<Extent>& wrong);
  [[nodiscard]] io::Task<Status> verify_first_root();

  // verify_journal.cc
  [[nodiscard]] io::Task<Status> verify_segment(SegmentNumber number);
  [[nodiscard]] io::Task<Status> read_segment(Segment& segment);
  [[nodiscard]] io::Task<Status> take_window(Segment& segment, ByteView window);
  void take_point(Segment& segment, const format::PointRecord& record);
  [[nodiscard]] io::Task<Status> compare_footer(Segment& segment);
  [[nodiscard]] io::Task<Status> report_range(SegmentNumber number, ByteOffset offset, ByteOffset end,
                                              std::string what);

  io::Scope& scope_;
  std::shared_ptr<Machine> machine_;
  Progress* progress_;
  std::shared_ptr<const Journal> journal_;
  std::shared_ptr<Base> base_;
  std::shared_ptr<SegmentTable> table_;
  std::vector<JournalPoint> points_;
  std::vector<PointRuns> added_;
  FrameChecker checker_;
  std::optional<EpochLedger> ledger_;  // of the epoch being read
  bool epoch_is_whole_ = true;         // no frame of it was damaged
  format::JournalPosition position_;
  VerifyOutcome outcome_;
  std::map<Sequence, std::string> damaged_;  // points, with the first thing found
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace afterimage::replica
