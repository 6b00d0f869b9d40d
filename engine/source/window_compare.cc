// SPDX-License-Identifier: Apache-2.0
#include "engine/source/window_compare.h"

#include <algorithm>
#include <span>
#include <utility>

#include "io/base/check.h"

namespace afterimage::source {

std::vector<Extent> clip_extents(const std::vector<Extent>& extents, Extent within) {
  std::vector<Extent> inside;
  for (auto at = std::ranges::upper_bound(extents, within.first, {}, &Extent::end);
       at != extents.end() && at->first < within.end(); ++at) {
    const BlockIndex first = std::max(at->first, within.first);
    inside.push_back(Extent{.first = first, .count = std::min(at->end(), within.end()) - first});
  }
  return inside;
}

Window Window::alike(std::uint64_t skipped, std::uint64_t blocks_max) const {
  const std::uint64_t count = std::min(extent.count.value() - skipped, blocks_max);
  Window part{.extent = {.first = extent.first + BlockCount(skipped), .count = BlockCount(count)},
              .content = {},
              .knowledge = knowledge,
              .old_hashes = {},
              .data = {}};
  const auto hashes = std::span(old_hashes).subspan(std::min<std::size_t>(skipped, old_hashes.size()));
  const auto taken = hashes.first(std::min<std::size_t>(count, hashes.size()));
  part.old_hashes.assign(taken.begin(), taken.end());
  return part;
}

Window Window::part(std::uint64_t skipped, std::uint64_t blocks_max) const {
  Window part = alike(skipped, blocks_max);
  part.data = clip_extents(data, part.extent);
  return part;
}

Window::Piece Window::piece(std::uint64_t skipped, std::uint64_t blocks_max) const {
  if (data.empty()) return {.window = alike(skipped, blocks_max)};
  const BlockIndex at = extent.first + BlockCount(skipped);
  const auto next = std::ranges::upper_bound(data, at, {}, &Extent::end);
  const BlockIndex data_first = next == data.end() ? extent.end() : next->first;
  if (at < data_first) return {.window = alike(skipped, (data_first - at).value()), .is_hole = true};
  return {.window = alike(skipped, std::min(blocks_max, (next->end() - at).value()))};
}

BlockCount Window::data_blocks() const {
  if (data.empty()) return extent.count;
  BlockCount sum;
  for (const Extent& piece : data) sum += piece.count;
  return sum;
}

void WindowCompare::take_frame() {
  frames_.push_back(builder_.take());
  frames_bytes_ += frames_.back().content.size();
}

void WindowCompare::flush() {
  if (!builder_.empty()) take_frame();
}

std::vector<format::RawFrame> WindowCompare::take_frames() {
  frames_bytes_ = 0;
  return std::exchange(frames_, {});
}

Status WindowCompare::changed_zeros(Extent extent) {
  AFI_TRY_STATUS(root_.add_zero(extent));
  builder_.add_zero(extent);
  if (builder_.full()) take_frame();
  return {};
}

Status WindowCompare::changed_data(BlockIndex block, ByteView content, format::BlockHash hash) {
  AFI_TRY_STATUS(root_.add(block, format::BlockKind::data, hash));
  builder_.add_data(block, content, hash);
  if (builder_.full()) take_frame();
  return {};
}

// A range of zeros: unknown, it has changed as a whole; known, only its blocks that were data have.
Status WindowCompare::compare_zeros(const Window& window) {
  if (window.knowledge == Knowledge::unknown) return changed_zeros(window.extent);
  for (std::size_t i = 0; i < window.old_hashes.size();) {
    if (window.old_hashes[i].value == 0) {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    while (end < window.old_hashes.size() && window.old_hashes[end].value != 0) ++end;
    AFI_TRY_STATUS(changed_zeros(Extent{.first = window.extent.first + BlockCount(std::uint64_t{i}),
                                        .count = BlockCount(std::uint64_t{end - i})}));
    i = end;
  }
  return {};
}

Result<std::vector<format::BlockHash>> WindowCompare::compare(const Window& window, ByteView window_content) {
  if (window_content.empty()) {
    AFI_TRY_STATUS(compare_zeros(window));
    return std::vector<format::BlockHash>{};
  }
  const std::uint64_t blocks = window.extent.count.value();
  AFI_CHECK(window_content.size() == blocks * block_size);
  std::vector<format::BlockHash> hashes(blocks);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const ByteView content = window_content.subspan(i * block_size, block_size);
    hashes[i] = hasher_.hash(content);
    if (window.knowledge == Knowledge::known) {
      const format::BlockHash old = i < window.old_hashes.size() ? window.old_hashes[i] : format::BlockHash{};
      if (old == hashes[i]) continue;
    }
    const BlockIndex block = window.extent.first + BlockCount(i);
    if (hashes[i].value == 0) {
      AFI_TRY_STATUS(changed_zeros(Extent{.first = block, .count = BlockCount(std::uint64_t{1})}));
    } else {
      AFI_TRY_STATUS(changed_data(block, content, hashes[i]));
    }
  }
  return hashes;
}

}  // namespace afterimage::source
