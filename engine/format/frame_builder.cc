// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "engine/format/frame.h"
#include "io/base/check.h"

namespace afterimage::format {

FrameBuilder::FrameBuilder(ByteCount raw_target) : raw_target_(raw_target) {
  AFI_CHECK(raw_target.value() >= block_size && raw_target.value() <= limits::frame_raw_bytes_max);
}

bool FrameBuilder::full() const {
  return frame_.content.size() + block_size > raw_target_.value() || frame_.extents.size() >= limits::frame_extents_max;
}

BlockIndex FrameBuilder::next() const { return empty() ? BlockIndex() : frame_.extents.back().extent.end(); }

void FrameBuilder::extend(Extent extent, BlockKind kind) {
  AFI_CHECK(!full());
  AFI_CHECK(extent.first >= next() && extent.count.value() > 0 && extent.end().value() <= disk_blocks_max);
  if (!empty() && frame_.extents.back().kind == kind && frame_.extents.back().extent.end() == extent.first) {
    frame_.extents.back().extent.count += extent.count;
    return;
  }
  frame_.extents.push_back({.extent = extent, .kind = kind});
}

void FrameBuilder::add_data(BlockIndex block, ByteView content, BlockHash hash) {
  AFI_CHECK(content.size() == block_size && hash.value != 0);
  extend({.first = block, .count = BlockCount(std::uint64_t{1})}, BlockKind::data);
  if (frame_.content.empty()) frame_.content.reserve(raw_target_.value());
  frame_.content.insert(frame_.content.end(), content.begin(), content.end());
  frame_.hashes.push_back(hash);
}

void FrameBuilder::add_zero(Extent extent) { extend(extent, BlockKind::zero); }

RawFrame FrameBuilder::take() {
  AFI_CHECK(!empty());
  return std::exchange(frame_, RawFrame{});
}

}  // namespace afterimage::format
