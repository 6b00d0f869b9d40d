// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "engine/format/extent_set.h"
#include "engine/format/index_run.h"
#include "engine/format/wire.h"

namespace afterimage::format {
namespace {

// Entries in the order of their frames -> ascending, not overlapping, the later one wins: goes from the newest to the
// oldest and keeps of each what nothing newer covers.
std::vector<IndexEntry> resolve(const std::vector<IndexEntry>& entries) {
  ExtentSet covered;
  std::vector<IndexEntry> won;
  won.reserve(entries.size());
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    for (const Extent& part : covered.gaps(entry->extent)) {
      IndexEntry piece = *entry;
      piece.extent = part;
      if (piece.kind == BlockKind::data) {
        piece.raw_block += static_cast<std::uint32_t>((part.first - entry->extent.first).value());
      }
      won.push_back(piece);
    }
    covered.add(entry->extent);
  }
  std::sort(won.begin(), won.end(),
            [](const IndexEntry& a, const IndexEntry& b) { return a.extent.first < b.extent.first; });
  return won;
}

}  // namespace

bool IndexRunBuilder::knows(const DiskId& disk) const {
  return std::any_of(disks_.begin(), disks_.end(), [&](const DiskEntries& each) { return each.disk == disk; });
}

IndexRunBuilder::DiskEntries& IndexRunBuilder::entries_of(const DiskId& disk) {
  const auto found =
      std::find_if(disks_.begin(), disks_.end(), [&](const DiskEntries& each) { return each.disk == disk; });
  if (found != disks_.end()) return *found;
  return disks_.emplace_back(DiskEntries{.disk = disk, .entries = {}});
}

void IndexRunBuilder::add(const FrameView& frame, ByteOffset offset) {
  DiskEntries& disk = entries_of(frame.identity().disk);
  const auto place = static_cast<std::uint32_t>(frames_.size());
  frames_.push_back({.offset = offset,
                     .encoded = ByteCount(std::uint64_t{frame.encoded_size()}),
                     .birth = frame.identity().birth,
                     .number = frame.identity().number,
                     .data_blocks = frame.header().data_blocks()});
  std::uint32_t raw_block = 0;
  for (const FrameExtent& extent : frame.extents()) {
    if (!disk.entries.empty() && extent.extent.first < disk.entries.back().extent.end()) disk.ascending = false;
    const bool data = extent.kind == BlockKind::data;
    disk.entries.push_back(
        {.extent = extent.extent, .kind = extent.kind, .frame = place, .raw_block = data ? raw_block : 0});
    if (data) raw_block += static_cast<std::uint32_t>(extent.extent.count.value());
  }
  extents_ += frame.extents().size();
}

std::size_t IndexRunBuilder::encoded_size_max(std::size_t point_disks) const {
  // An entry laid over the middle of another makes three of two: at most twice as many entries as extents.
  return wire::run_fixed_bytes + (disks_.size() + point_disks) * wire::run_disk_bytes +
         frames_.size() * wire::run_frame_bytes + 2 * extents_ * wire::run_entry_bytes + sizeof(std::uint64_t);
}

IndexRun IndexRunBuilder::close(const RunClosing& closing, std::span<const DiskSize> sizes) {
  for (const DiskSize& size : sizes) (void)entries_of(size.disk);
  std::sort(disks_.begin(), disks_.end(), [](const DiskEntries& a, const DiskEntries& b) { return a.disk < b.disk; });
  IndexRun run;
  run.closing_ = closing;
  run.frames_ = std::exchange(frames_, {});
  for (DiskEntries& disk : disks_) {
    const auto size =
        std::find_if(sizes.begin(), sizes.end(), [&](const DiskSize& each) { return each.disk == disk.disk; });
    const std::vector<IndexEntry> won = disk.ascending ? std::move(disk.entries) : resolve(disk.entries);
    run.disks_.push_back({.disk = disk.disk,
                          .sizes = size == sizes.end() ? DiskSizes{} : size->sizes,
                          .entry_begin = static_cast<std::uint32_t>(run.entries_.size()),
                          .entry_count = static_cast<std::uint32_t>(won.size())});
    run.entries_.insert(run.entries_.end(), won.begin(), won.end());
  }
  disks_.clear();
  extents_ = 0;
  return run;
}

}  // namespace afterimage::format
