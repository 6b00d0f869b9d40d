// SPDX-License-Identifier: Apache-2.0
#include "engine/format/view_plan.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "io/base/check.h"
#include "io/base/limits.h"

namespace afterimage::format {
namespace {

constexpr std::uint64_t in_block = block_size - 1;

Extent between(BlockIndex first, BlockIndex end) { return {.first = first, .count = end - first}; }

BlockIndex block_end_of(ByteCount bytes) { return BlockIndex(blocks_of(bytes).value()); }

Extent clip(const Extent& extent, const Extent& window) {
  return between(std::max(extent.first, window.first), std::min(extent.end(), window.end()));
}

// How much of a piece's last block lies before `limit`. The piece lies before block_end_of(limit).
std::uint32_t last_bytes(const Extent& extent, ByteCount limit) {
  const std::uint64_t tail = limit.value() & in_block;
  const bool cut = tail != 0 && extent.end() == block_end_of(limit);
  return static_cast<std::uint32_t>(cut ? tail : block_size);
}

// Joins neighbours that one read would fetch.
std::vector<ViewPiece> joined(std::vector<ViewPiece> pieces) {
  std::sort(pieces.begin(), pieces.end(),
            [](const ViewPiece& a, const ViewPiece& b) { return a.extent.first < b.extent.first; });
  std::vector<ViewPiece> out;
  out.reserve(pieces.size());
  for (ViewPiece& piece : pieces) {
    if (!out.empty()) {
      ViewPiece& last = out.back();
      const bool same_frame =
          piece.source != PieceSource::frame || (piece.run == last.run && piece.frame == last.frame &&
                                                 piece.raw_block == last.raw_block + last.extent.count.value());
      if (last.extent.end() == piece.extent.first && last.source == piece.source && last.whole() && same_frame) {
        last.extent.count += piece.extent.count;
        last.last_block_bytes = piece.last_block_bytes;
        continue;
      }
    }
    out.push_back(std::move(piece));
  }
  return out;
}

}  // namespace

Result<ViewPlan> ViewPlan::make(const DiskId& disk, std::vector<JournalRun> newest_first, ByteCount base_bytes) {
  ViewPlan plan;
  plan.disk_ = disk;
  plan.size_ = base_bytes;
  ByteCount limit(limits::disk_bytes_max);
  DiskSizes cycle;  // of the cycle whose runs are being passed
  Sequence above;
  for (JournalRun& each : newest_first) {
    const IndexRun& run = *each.run;
    const bool newest = plan.layers_.empty();
    if (newest && !run.closed()) return fail(ErrorCode::invalid_argument, "a view ends at a run that no point closes");
    if (run.closed()) {
      if (!newest && run.sequence() >= above)
        return fail(ErrorCode::invalid_argument, "the runs of a view do not descend");
      above = run.sequence();
      const RunDisk* const known = run.find(disk);
      if (newest && known == nullptr) {
        return fail(ErrorCode::not_found, "plan a view",
                    fmt::format("point {} has no disk {}", run.sequence().value(), disk.text()));
      }
      if (!newest) limit = std::min(limit, cycle.smallest);
      cycle = known == nullptr ? DiskSizes{} : known->sizes;
      if (newest) plan.size_ = cycle.after;
    }
    plan.layers_.push_back({.source = std::move(each), .limit = std::min(limit, cycle.after)});
  }
  if (!plan.layers_.empty()) limit = std::min(limit, cycle.smallest);
  plan.base_limit_ = std::min(limit, base_bytes);
  return plan;
}

void ViewPlan::overlay(const Layer& layer, std::uint32_t run, const Extent& part, std::vector<ViewPiece>& pieces,
                       std::vector<Extent>& uncovered) const {
  const IndexRun& index = *layer.source.run;
  const BlockIndex limit = block_end_of(layer.limit);
  BlockIndex next = part.first;
  if (part.first < limit) {
    const Extent window = between(part.first, std::min(part.end(), limit));
    for (const IndexEntry& entry : index.lookup(disk_, window)) {
      const Extent extent = clip(entry.extent, window);
      if (next < extent.first) uncovered.push_back(between(next, extent.first));
      next = extent.end();
      ViewPiece piece{.extent = extent, .source = PieceSource::zero};
      if (entry.kind == BlockKind::data) {
        piece.source = PieceSource::frame;
        piece.last_block_bytes = last_bytes(extent, layer.limit);
        piece.raw_block = entry.raw_block + static_cast<std::uint32_t>((extent.first - entry.extent.first).value());
      }
      piece.place = index.frame_of(entry);
      piece.run = run;
      piece.frame = entry.frame;
      piece.segment = layer.source.segment;
      pieces.push_back(std::move(piece));
    }
  }
  if (next < part.end()) uncovered.push_back(between(next, part.end()));
}

std::vector<ViewPiece> ViewPlan::changes(const Extent& window) const {
  std::vector<ViewPiece> pieces;
  const BlockIndex end = std::min(window.end(), block_end_of(size_));
  if (window.first >= end) return pieces;
  std::vector<Extent> uncovered{between(window.first, end)};
  for (std::uint32_t run = 0; run < layers_.size() && !uncovered.empty(); ++run) {
    std::vector<Extent> rest;
    for (const Extent& part : uncovered) overlay(layers_[run], run, part, pieces, rest);
    uncovered = std::move(rest);
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const ViewPiece& a, const ViewPiece& b) { return a.extent.first < b.extent.first; });
  return pieces;
}

std::vector<ViewPiece> ViewPlan::plan(const Extent& window) const {
  std::vector<ViewPiece> pieces = changes(window);
  const BlockIndex end = std::min(window.end(), block_end_of(size_));
  const BlockIndex base_end = block_end_of(base_limit_);
  std::vector<ViewPiece> rest;
  const auto fill = [&](BlockIndex first, BlockIndex to) {
    if (first < std::min(to, base_end)) {
      const Extent extent = between(first, std::min(to, base_end));
      rest.push_back(
          {.extent = extent, .source = PieceSource::base, .last_block_bytes = last_bytes(extent, base_limit_)});
    }
    if (std::max(first, base_end) < to) rest.push_back({.extent = between(std::max(first, base_end), to)});
  };
  BlockIndex next = window.first;
  for (ViewPiece& piece : pieces) {
    if (piece.source == PieceSource::zero) piece = ViewPiece{.extent = piece.extent};
    if (next < piece.extent.first) fill(next, piece.extent.first);
    next = piece.extent.end();
  }
  if (next < end) fill(next, end);
  pieces.insert(pieces.end(), rest.begin(), rest.end());
  return joined(std::move(pieces));
}

bool ViewPlan::cuts(std::size_t run) const {
  const Layer& layer = layers_[run];
  const auto entries = layer.source.run->entries(disk_);
  if (entries.empty()) return false;
  const BlockIndex end = entries.back().extent.end();
  return end > block_end_of(layer.limit) || last_bytes(between(BlockIndex(), end), layer.limit) != block_size;
}

}  // namespace afterimage::format
