// SPDX-License-Identifier: Apache-2.0
#include "engine/format/change_root.h"

namespace afterimage::format {
namespace {
constexpr std::size_t buffer_bytes = 4096;
constexpr std::size_t item_bytes = 17;
}  // namespace

ChangeRoot::ChangeRoot() {
  buffer_.reserve(buffer_bytes);
  ByteWriter(buffer_).write_bytes(view_of("afterimage change root v1"));
}

void ChangeRoot::flush() {
  sha_.update(buffer_);
  buffer_.clear();
}

void ChangeRoot::write_item(std::uint8_t tag, std::uint64_t first, std::uint64_t second) {
  if (buffer_.size() + item_bytes > buffer_bytes) flush();
  ByteWriter writer(buffer_);
  writer.write(tag);
  writer.write(first);
  writer.write(second);
}

void ChangeRoot::write_zero_run() {
  if (zeros_.count.value() == 0) return;
  write_item(1, zeros_.first.value(), zeros_.count.value());
  zeros_ = {};
}

Status ChangeRoot::advance(Extent extent) {
  if (extent.count.value() == 0 || extent.first.value() >= disk_blocks_max ||
      extent.count.value() > disk_blocks_max - extent.first.value()) {
    return fail(ErrorCode::damaged, "changed blocks lie outside any disk");
  }
  if (extent.first < next_) return fail(ErrorCode::damaged, "changed blocks are not ascending");
  next_ = extent.end();
  blocks_ += extent.count;
  return {};
}

Status ChangeRoot::add_zero(Extent extent) {
  AFI_TRY_STATUS(advance(extent));
  if (zeros_.count.value() != 0 && zeros_.end() == extent.first) {
    zeros_.count += extent.count;
    return {};
  }
  write_zero_run();
  zeros_ = extent;
  return {};
}

Status ChangeRoot::add(BlockIndex block, BlockKind kind, BlockHash hash) {
  const Extent extent{.first = block, .count = BlockCount(std::uint64_t{1})};
  if (kind == BlockKind::zero) return add_zero(extent);
  AFI_TRY_STATUS(advance(extent));
  write_zero_run();
  write_item(0, block.value(), hash.value);
  return {};
}

Status ChangeRoot::add(const FrameView& frame) {
  if (frame.extents().front().extent.first < next_) return fail(ErrorCode::damaged, "changed blocks are not ascending");
  std::size_t hash = 0;
  for (const FrameExtent& extent : frame.extents()) {
    if (extent.kind == BlockKind::zero) {
      AFI_TRY_STATUS(add_zero(extent.extent));
      continue;
    }
    for (std::uint64_t i = 0; i < extent.extent.count.value(); ++i) {
      AFI_TRY_STATUS(add(extent.extent.first + BlockCount(i), BlockKind::data, frame.hashes()[hash++]));
    }
  }
  return {};
}

Digest ChangeRoot::finish() {
  write_zero_run();
  flush();
  return sha_.finish();
}

}  // namespace afterimage::format
