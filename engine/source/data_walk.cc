// SPDX-License-Identifier: Apache-2.0
#include "engine/source/data_walk.h"

#include <algorithm>

namespace afterimage::source {

DataWalk::DataWalk(image::ReadableImage& image) : image_(image), end_(blocks_of(image.size()).value()) {}

// Pieces of less than a block, or that share one, become blocks.
void DataWalk::add(io::FileRange piece) {
  const BlockIndex first = block_at(piece.offset);
  const BlockIndex end = std::min(end_, BlockIndex(blocks_of(ByteCount(piece.end().value())).value()));
  if (first >= end) return;
  if (!data_.empty() && first <= data_.back().end()) {
    Extent& last = data_.back();
    last.count = std::max(last.end(), end) - last.first;
  } else {
    data_.push_back(Extent{.first = first, .count = end - first});
  }
}

io::Task<Status> DataWalk::look_from(io::Scope& scope, BlockIndex at) {
  const BlockCount count = std::min(end_ - at, BlockCount(stretch_blocks_max));
  AFI_CO_TRY(const io::DataMap map, image_.map_data(scope, {.offset = offset_of(at), .size = bytes_of(count)}));
  for (const io::FileRange& piece : map.data) add(piece);
  looked_end_ = block_at(map.end);
  if (!data_.empty()) co_return Status{};
  // A long hole is passed in one step.
  AFI_CO_TRY(const std::optional<io::FileRange> found, image_.next_data(scope, offset_of(looked_end_)));
  if (found) add(*found);
  looked_end_ = data_.empty() ? end_ : data_.back().end();
  co_return Status{};
}

io::Task<Result<Stretch>> DataWalk::next(io::Scope& scope, BlockIndex at) {
  while (!data_.empty() && data_.front().end() <= at) data_.pop_front();
  if (data_.empty()) AFI_CO_TRY_STATUS(look_from(scope, std::max(at, looked_end_)));
  if (data_.empty() || data_.front().first > at) {
    const BlockIndex hole_end = data_.empty() ? end_ : data_.front().first;
    co_return Stretch{.extent = {.first = at, .count = hole_end - at}, .data = {}};
  }
  Stretch stretch{.extent = {.first = at, .count = {}}, .data = {}};
  for (const Extent& piece : data_) {
    const BlockIndex first = std::max(piece.first, at);
    const BlockIndex end = std::min(piece.end(), at + BlockCount(stretch_blocks_max));
    if (first >= end || first - stretch.extent.end() >= BlockCount(hole_blocks_min)) break;
    stretch.data.push_back(Extent{.first = first, .count = end - first});
    stretch.extent.count = end - at;
  }
  co_return stretch;
}

}  // namespace afterimage::source
