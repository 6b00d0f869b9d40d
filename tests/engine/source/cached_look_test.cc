// SPDX-License-Identifier: Apache-2.0
// What a look at content in memory compares, and where it stops.
#include "engine/source/cached_look.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "io/base/limits.h"

namespace afterimage::source {
namespace {

constexpr std::uint64_t blocks = 300;  // some pieces, the last of them partial
constexpr Extent everything{.first = BlockIndex{}, .count = BlockCount(blocks)};
constexpr std::uint64_t no_limit = 1024 * limits::MiB;

// An image of which the bytes before `cached_end` are in memory.
class PartlyCached final : public image::ReadableImage {
 public:
  PartlyCached() : content_(blocks * block_size - 1000) {  // the last block is a partial one
    for (std::size_t i = 0; i < content_.size(); ++i)
      content_[i] = static_cast<std::byte>(1 + i % 251 + i / block_size);
  }
  [[nodiscard]] ByteCount size() const override { return ByteCount(std::uint64_t{content_.size()}); }
  [[nodiscard]] std::size_t read_cached(ByteOffset offset, MutableBytes out) override {
    const std::uint64_t end = std::min<std::uint64_t>(cached_end, content_.size());
    if (offset.value() >= end) return 0;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), end - offset.value()));
    std::ranges::copy(ByteView(content_).subspan(static_cast<std::size_t>(offset.value()), count), out.begin());
    return count;
  }
  [[nodiscard]] io::Task<Status> read(io::Scope& /*scope*/, ByteOffset /*offset*/, MutableBytes /*out*/) override {
    co_return fail(ErrorCode::io_failed, "a look at memory asked the device");
  }
  [[nodiscard]] io::Task<Result<std::optional<io::FileRange>>> next_data(io::Scope& /*scope*/,
                                                                         ByteOffset /*from*/) override {
    co_return std::nullopt;
  }

  // Whole blocks; zeros after the end.
  [[nodiscard]] Bytes content() const {
    Bytes whole = content_;
    whole.resize(blocks * block_size);
    return whole;
  }

  std::uint64_t cached_end = blocks * block_size;

 private:
  Bytes content_;
};

class CachedLookTest : public ::testing::Test {
 protected:
  std::vector<format::BlockHash> true_hashes() const {
    const format::BlockHasher hasher(secret);
    const Bytes content = image.content();
    std::vector<format::BlockHash> hashes;
    for (std::size_t i = 0; i < blocks; ++i) {
      hashes.push_back(hasher.hash(ByteView(content).subspan(i * block_size, block_size)));
    }
    return hashes;
  }
  Window known() const {
    return {.extent = everything, .content = {}, .knowledge = Knowledge::known, .old_hashes = true_hashes()};
  }
  static Window unknown() {
    return {.extent = everything, .content = {}, .knowledge = Knowledge::unknown, .old_hashes = {}};
  }

  PartlyCached image;
  format::DiskSecret secret{};
  WindowCompare compare{secret, ByteCount(limits::cycle_frame_raw_bytes)};
  CachedLook cached{image, compare};
};

TEST_F(CachedLookTest, WhatIsKnownAndTheSameHasNotChanged) {
  const auto hashes = cached.look(known(), no_limit);
  ASSERT_TRUE(hashes);
  EXPECT_EQ(*hashes, true_hashes());
  EXPECT_EQ(compare.changed(), BlockCount{});
}

TEST_F(CachedLookTest, EveryBlockThatDiffersHasChangedWithItsContent) {
  Window window = known();
  constexpr std::size_t last = blocks - 1;
  ++window.old_hashes[100].value;
  ++window.old_hashes[last].value;
  ASSERT_TRUE(cached.look(window, no_limit));
  EXPECT_EQ(compare.changed(), BlockCount(std::uint64_t{2}));
  compare.flush();
  const std::vector<format::RawFrame> frames = compare.take_frames();
  ASSERT_EQ(frames.size(), 1U);
  const Bytes content = image.content();
  Bytes expected(content.begin() + 100 * block_size, content.begin() + 101 * block_size);
  expected.insert(expected.end(), content.begin() + last * block_size, content.end());
  EXPECT_TRUE(frames[0].content == expected);
}

TEST_F(CachedLookTest, WhatIsUnknownGivesTheFramesOfOneCompare) {
  ASSERT_TRUE(cached.look(unknown(), no_limit));
  compare.flush();
  WindowCompare whole(secret, ByteCount(limits::cycle_frame_raw_bytes));
  Window window = unknown();
  window.content = image.content();
  ASSERT_TRUE(whole.compare(window));
  whole.flush();
  const std::vector<format::RawFrame> looked = compare.take_frames();
  const std::vector<format::RawFrame> expected = whole.take_frames();
  ASSERT_EQ(looked.size(), expected.size());
  for (std::size_t i = 0; i < looked.size(); ++i) EXPECT_TRUE(looked[i].content == expected[i].content);
  EXPECT_EQ(compare.finish_root(), whole.finish_root());
}

TEST_F(CachedLookTest, ItStopsBeforeThePieceThatIsNotInMemory) {
  image.cached_end = 150 * block_size;
  const auto hashes = cached.look(known(), no_limit);
  ASSERT_TRUE(hashes);
  ASSERT_LE(hashes->size(), 150U);
  ASSERT_GT(hashes->size(), 0U);
  const std::vector<format::BlockHash> expected = true_hashes();
  EXPECT_TRUE(std::equal(hashes->begin(), hashes->end(), expected.begin()));
  EXPECT_EQ(compare.changed(), BlockCount{});
}

TEST_F(CachedLookTest, OfNothingInMemoryItComparesNothing) {
  image.cached_end = 10;
  const auto hashes = cached.look(unknown(), no_limit);
  ASSERT_TRUE(hashes);
  EXPECT_TRUE(hashes->empty());
  EXPECT_EQ(compare.changed(), BlockCount{});
}

TEST_F(CachedLookTest, ItStopsWhenEnoughHasChangedAndGoesOnWhereItStopped) {
  Window window = unknown();
  std::uint64_t looks = 0;
  std::uint64_t done = 0;
  for (; done < blocks; ++looks) {
    const auto hashes = cached.look(window.part(done, blocks), 64 * limits::KiB);
    ASSERT_TRUE(hashes);
    ASSERT_FALSE(hashes->empty());
    done += hashes->size();
    EXPECT_FALSE(compare.take_frames().empty());
    EXPECT_EQ(compare.frames_bytes(), 0U);
  }
  EXPECT_GT(looks, 1U);
  EXPECT_EQ(done, blocks);
}

TEST_F(CachedLookTest, ARangeSeemsCachedWhenBothItsEndsAre) {
  EXPECT_TRUE(seems_cached(image, everything));
  image.cached_end = 150 * block_size;
  EXPECT_FALSE(seems_cached(image, everything));
  EXPECT_TRUE(seems_cached(image, Extent{.first = BlockIndex{}, .count = BlockCount(std::uint64_t{150})}));
}

// What the image holds there is not asked for: a hole is zeros.
TEST_F(CachedLookTest, HolesOfAWindowAreZerosAndAreNotRead) {
  image.cached_end = 20 * block_size;
  Window window = unknown();
  window.extent.count = BlockCount(std::uint64_t{20});
  window.data = {{.first = BlockIndex{}, .count = BlockCount(std::uint64_t{3})},
                 {.first = BlockIndex(std::uint64_t{18}), .count = BlockCount(std::uint64_t{2})}};
  window.knowledge = Knowledge::known;
  window.old_hashes = true_hashes();
  window.old_hashes.resize(20);
  const auto hashes = cached.look(window, no_limit);
  ASSERT_TRUE(hashes);
  std::vector<format::BlockHash> expected = window.old_hashes;
  for (std::size_t i = 3; i < 18; ++i) expected[i] = {};
  EXPECT_EQ(*hashes, expected);
  EXPECT_EQ(compare.changed(), BlockCount(std::uint64_t{15}));  // they were data
}

TEST(WindowPart, HasTheDataOfItsBlocks) {
  const auto extent = [](std::uint64_t first, std::uint64_t count) {
    return Extent{.first = BlockIndex(first), .count = BlockCount(count)};
  };
  const Window window{.extent = extent(0, 100),
                      .content = {},
                      .knowledge = Knowledge::unknown,
                      .old_hashes = {},
                      .data = {extent(0, 10), extent(20, 10), extent(90, 10)}};
  EXPECT_EQ(window.part(5, 20).data, (std::vector<Extent>{extent(5, 5), extent(20, 5)}));
  EXPECT_EQ(window.data_blocks(), BlockCount(std::uint64_t{30}));
  const Window::Piece hole = window.piece(10, 3);
  EXPECT_TRUE(hole.is_hole);
  EXPECT_EQ(hole.window.extent, extent(10, 10));
  const Window::Piece data = window.piece(25, 3);
  EXPECT_FALSE(data.is_hole);
  EXPECT_EQ(data.window.extent, extent(25, 3));
}

TEST(WindowPart, HasTheHashesOfItsBlocks) {
  Window window{.extent = {.first = BlockIndex(std::uint64_t{8}), .count = BlockCount(std::uint64_t{4})},
                .content = {},
                .knowledge = Knowledge::known,
                .old_hashes = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}}};
  const Window part = window.part(1, 2);
  EXPECT_EQ(part.extent.first, BlockIndex(std::uint64_t{9}));
  EXPECT_EQ(part.extent.count, BlockCount(std::uint64_t{2}));
  ASSERT_EQ(part.old_hashes.size(), 2U);
  EXPECT_EQ(part.old_hashes[0].value, 2U);
  EXPECT_EQ(window.part(3, 100).extent.count, BlockCount(std::uint64_t{1}));
  window.knowledge = Knowledge::unknown;
  window.old_hashes.clear();
  EXPECT_TRUE(window.part(1, 2).old_hashes.empty());
}

}  // namespace
}  // namespace afterimage::source
