// SPDX-License-Identifier: Apache-2.0
#include "engine/format/merge_plan.h"

#include <algorithm>
#include <utility>

#include "engine/format/frame.h"
#include "io/base/limits.h"

namespace afterimage::format {
namespace {

// By run (newest first) and frame.
struct FrameUse {
  std::uint32_t live = 0;  // data blocks
  bool must_go = false;    // holds cut content: a copy would bring it back
  bool copied = false;
};
using Uses = std::vector<std::vector<FrameUse>>;

DiskSizes sizes_across(const std::vector<JournalRun>& oldest_first, const DiskId& disk) {
  DiskSizes sizes;
  bool first = true;
  for (const JournalRun& each : oldest_first) {
    if (!each.run->closed()) continue;
    const RunDisk* const known = each.run->find(disk);
    const DiskSizes step = known == nullptr ? DiskSizes{} : known->sizes;
    sizes = {.before = first ? step.before : sizes.before,
             .smallest = first ? step.smallest : std::min(sizes.smallest, step.smallest),
             .after = step.after};
    first = false;
  }
  return sizes;
}

void count_uses(const std::vector<ViewPiece>& pieces, Uses& uses) {
  for (const ViewPiece& piece : pieces) {
    if (piece.source != PieceSource::frame) continue;
    FrameUse& use = uses[piece.run][piece.frame];
    use.live += static_cast<std::uint32_t>(piece.extent.count.value());
    if (!piece.whole()) use.must_go = true;
  }
}

// Frames are of one disk, so the frames that `disk` has in a run are those its entries name.
void forbid_cut_frames(const ViewPlan& view, const std::vector<JournalRun>& newest_first, const DiskId& disk,
                       Uses& uses) {
  for (std::size_t run = 0; run < newest_first.size(); ++run) {
    if (!view.cuts(run)) continue;
    const IndexRun& index = *newest_first[run].run;
    for (const IndexEntry& entry : index.entries(disk)) {
      FrameUse& use = uses[run][entry.frame];
      if (use.live < index.frames()[entry.frame].data_blocks) use.must_go = true;
    }
  }
}

bool worth_copying(const FrameUse& use, const FramePlace& place) {
  return !use.must_go && place.data_blocks > 0 && std::uint64_t{use.live} * 4 >= std::uint64_t{place.data_blocks} * 3;
}

void choose_copies(const std::vector<JournalRun>& newest_first, Uses& uses, MergePlan& plan) {
  for (std::size_t run = newest_first.size(); run-- > 0;) {
    const auto frames = newest_first[run].run->frames();
    plan.frames_in += frames.size();
    for (std::size_t frame = 0; frame < frames.size(); ++frame) {
      FrameUse& use = uses[run][frame];
      use.copied = worth_copying(use, frames[frame]);
      if (!use.copied) continue;
      plan.copies.push_back({.segment = newest_first[run].segment, .place = frames[frame]});
      plan.copied_bytes += frames[frame].encoded.value();
    }
  }
}

}  // namespace

Result<MergePlan> plan_merge(const std::vector<JournalRun>& oldest_first) {
  if (oldest_first.empty()) return fail(ErrorCode::invalid_argument, "merge no runs");
  const std::vector<JournalRun> newest_first(oldest_first.rbegin(), oldest_first.rend());
  const IndexRun& newest = *newest_first.front().run;
  const auto oldest =
      std::find_if(oldest_first.begin(), oldest_first.end(), [](const JournalRun& each) { return each.run->closed(); });
  if (!newest.closed()) return fail(ErrorCode::invalid_argument, "merge runs that no point closes");
  MergePlan plan{.epoch = newest.epoch(), .from = oldest->run->from(), .to = newest.sequence()};
  Uses uses;
  for (const JournalRun& each : newest_first) uses.emplace_back(each.run->frames().size());
  std::vector<std::pair<DiskId, std::vector<ViewPiece>>> pieces;
  for (const RunDisk& disk : newest.disks()) {
    if (disk.sizes == DiskSizes{}) continue;  // frames of a disk that the point does not know
    AFI_TRY(const ViewPlan view, ViewPlan::make(disk.disk, newest_first, ByteCount()));
    const Extent whole{.first = BlockIndex(), .count = blocks_of(view.size())};
    pieces.emplace_back(disk.disk, view.changes(whole));
    count_uses(pieces.back().second, uses);
    forbid_cut_frames(view, newest_first, disk.disk, uses);
    plan.sizes.push_back({.disk = disk.disk, .sizes = sizes_across(oldest_first, disk.disk)});
  }
  if (plan.sizes.size() > limits::disks_max)
    return fail(ErrorCode::limit_exceeded, "merge more disks than a machine has");
  choose_copies(newest_first, uses, plan);
  for (auto& [disk, of_disk] : pieces) {
    for (ViewPiece& piece : of_disk) {
      const bool data = piece.source == PieceSource::frame;
      if (data) plan.live_blocks += piece.extent.count.value();
      if (uses[piece.run][piece.frame].copied) continue;
      if (data) plan.rewritten_blocks += piece.extent.count.value();
      plan.rewrites.push_back({.disk = disk, .piece = std::move(piece)});
    }
  }
  return plan;
}

}  // namespace afterimage::format
