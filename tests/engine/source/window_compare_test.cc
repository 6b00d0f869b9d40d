// SPDX-License-Identifier: Apache-2.0
// What a capture takes for changed: what differs from what was known, and everything that was not.
#include "engine/source/window_compare.h"

#include <gtest/gtest.h>

#include "io/base/limits.h"

namespace afterimage::source {
namespace {

constexpr Extent four_blocks{.first = BlockIndex(std::uint64_t{8}), .count = BlockCount(std::uint64_t{4})};

class WindowCompareTest : public ::testing::Test {
 protected:
  // Four blocks: data, zeros, zeros, data.
  static Window window(Knowledge knowledge) {
    Window window{.extent = four_blocks, .content = Bytes(4 * block_size), .knowledge = knowledge, .old_hashes = {}};
    window.content[5] = std::byte{1};
    window.content[3 * block_size] = std::byte{2};
    return window;
  }

  format::DiskSecret secret{};
  WindowCompare compare{secret, ByteCount(limits::cycle_frame_raw_bytes)};
};

TEST_F(WindowCompareTest, WhatIsKnownAndTheSameHasNotChanged) {
  Window known = window(Knowledge::known);
  const format::BlockHasher hasher(secret);
  for (std::size_t i = 0; i < 4; ++i) {
    known.old_hashes.push_back(hasher.hash(ByteView(known.content).subspan(i * block_size, block_size)));
  }
  ASSERT_TRUE(compare.compare(known));
  EXPECT_EQ(compare.changed(), BlockCount{});
}

TEST_F(WindowCompareTest, OnlyBlocksThatDifferFromWhatIsKnownHaveChanged) {
  ASSERT_TRUE(compare.compare(window(Knowledge::known)));  // known to have been zeros
  EXPECT_EQ(compare.changed(), BlockCount(std::uint64_t{2}));
}

TEST_F(WindowCompareTest, EveryBlockThatIsNotKnownHasChangedZerosToo) {
  ASSERT_TRUE(compare.compare(window(Knowledge::unknown)));
  EXPECT_EQ(compare.changed(), BlockCount(std::uint64_t{4}));
  compare.flush();
  const std::vector<format::RawFrame> frames = compare.take_frames();
  ASSERT_EQ(frames.size(), 1U);
  ASSERT_EQ(frames[0].extents.size(), 3U);
  EXPECT_EQ(frames[0].extents[1].kind, format::BlockKind::zero);
}

TEST_F(WindowCompareTest, AHoleThatIsNotKnownHasChangedAsAWhole) {
  ASSERT_TRUE(
      compare.compare(Window{.extent = four_blocks, .content = {}, .knowledge = Knowledge::unknown, .old_hashes = {}}));
  EXPECT_EQ(compare.changed(), BlockCount(std::uint64_t{4}));
}

TEST_F(WindowCompareTest, OfAHoleOnlyWhatWasDataHasChanged) {
  const std::vector<format::BlockHash> hashes{{.value = 0}, {.value = 7}, {.value = 8}, {.value = 0}};
  ASSERT_TRUE(compare.compare(
      Window{.extent = four_blocks, .content = {}, .knowledge = Knowledge::known, .old_hashes = hashes}));
  EXPECT_EQ(compare.changed(), BlockCount(std::uint64_t{2}));
}

}  // namespace
}  // namespace afterimage::source
