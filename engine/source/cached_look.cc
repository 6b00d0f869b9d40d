// SPDX-License-Identifier: Apache-2.0
#include "engine/source/cached_look.h"

#include <algorithm>
#include <array>
#include <utility>

namespace afterimage::source {
namespace {

constexpr std::uint64_t piece_blocks_max = 64;  // 256 KiB: half of a small second-level cache

bool is_block_cached(image::ReadableImage& image, BlockIndex block) {
  std::array<std::byte, block_size> content;  // NOLINT(cppcoreguidelines-pro-type-member-init): only filled
  return read_cached_blocks(image, Extent{.first = block, .count = BlockCount(std::uint64_t{1})}, content);
}

}  // namespace

bool seems_cached(image::ReadableImage& image, Extent extent) {
  return is_block_cached(image, extent.first) && is_block_cached(image, BlockIndex(extent.end().value() - 1));
}

Result<std::vector<format::BlockHash>> CachedLook::look(const Window& window, std::uint64_t frames_bytes) {
  std::vector<format::BlockHash> hashes;
  hashes.reserve(window.extent.count.value());
  while (hashes.size() < window.extent.count.value() && compare_.frames_bytes() < frames_bytes) {
    Window piece = window.part(hashes.size(), piece_blocks_max);
    memory_.resize(bytes_of(piece.extent.count).value());
    if (!read_cached_blocks(image_, piece.extent, memory_)) break;
    piece.content = std::exchange(memory_, {});
    AFI_TRY(const std::vector<format::BlockHash> found, compare_.compare(piece));
    hashes.insert(hashes.end(), found.begin(), found.end());
    memory_ = std::move(piece.content);
  }
  return hashes;
}

}  // namespace afterimage::source
