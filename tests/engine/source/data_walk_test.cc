// SPDX-License-Identifier: Apache-2.0
// Which stretches an image is walked in, and by how many look-ups.
#include "engine/source/data_walk.h"

#include <map>

#include <gtest/gtest.h>

#include "io/sim/world.h"

namespace afterimage::source {
namespace {

// An image of which only the places of data are known.
class Pieces final : public image::ReadableImage {
 public:
  explicit Pieces(std::uint64_t blocks) : blocks_(blocks) {}
  void add(std::uint64_t first, std::uint64_t count) { data_.emplace(first, first + count); }

  [[nodiscard]] ByteCount size() const override { return ByteCount(blocks_ * block_size - 100); }
  [[nodiscard]] io::Task<Status> read(io::Scope& /*scope*/, ByteOffset /*offset*/, MutableBytes /*out*/) override {
    co_return fail(ErrorCode::io_failed, "a walk read content");
  }
  [[nodiscard]] io::Task<Result<std::optional<io::FileRange>>> next_data(io::Scope& /*scope*/,
                                                                         ByteOffset from) override {
    ++lookups;
    co_return find(from);
  }
  [[nodiscard]] io::Task<Result<io::DataMap>> map_data(io::Scope& /*scope*/, io::FileRange range) override {
    ++lookups;
    io::DataMap map{.data = {}, .end = range.end()};
    auto found = find(range.offset);
    while (found && map.add(*found)) found = find(found->end());
    co_return map;
  }

  std::uint64_t lookups = 0;

 private:
  [[nodiscard]] std::optional<io::FileRange> find(ByteOffset from) const {
    for (const auto& [first, end] : data_) {
      const std::uint64_t begin = std::max(first * block_size, from.value());
      const std::uint64_t stop = std::min(end * block_size, size().value());
      if (begin < stop) return io::FileRange{.offset = ByteOffset(begin), .size = ByteCount(stop - begin)};
    }
    return std::nullopt;
  }

  std::uint64_t blocks_;
  std::map<std::uint64_t, std::uint64_t> data_;
};

class DataWalkTest : public ::testing::Test {
 protected:
  DataWalkTest() : node(world.add_node("host")), scope(world.platform(node).reactor) {}

  // All stretches of the image, which must follow each other without a gap.
  std::vector<Stretch> walk(Pieces& image) {
    DataWalk walk(image);
    std::vector<Stretch> all;
    BlockIndex at;
    while (at < BlockIndex(blocks_of(image.size()).value())) {
      auto next = io::sim::run(world, walk.next(scope, at));
      if (!next || next->extent.count == BlockCount{}) {
        ADD_FAILURE() << "the walk does not go on at block " << at.value();
        break;
      }
      EXPECT_EQ(next->extent.first, at);
      at = next->extent.end();
      all.push_back(std::move(*next));
    }
    EXPECT_EQ(at, BlockIndex(blocks_of(image.size()).value()));
    return all;
  }
  static Extent extent(std::uint64_t first, std::uint64_t count) {
    return {.first = BlockIndex(first), .count = BlockCount(count)};
  }

  io::sim::World world{io::sim::WorldOptions{.seed = 1}};
  io::sim::NodeId node;
  io::Scope scope;
};

TEST_F(DataWalkTest, AnImageWithoutDataIsOneHole) {
  Pieces image(1'000'000);
  const auto all = walk(image);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_TRUE(all[0].data.empty());
}

TEST_F(DataWalkTest, ShortHolesStayInsideAStretchAndLongOnesEndIt) {
  Pieces image(10'000);
  image.add(10, 2);
  image.add(20, 1);
  image.add(21 + hole_blocks_min - 1, 5);
  image.add(26 + 2 * hole_blocks_min - 1, 1);
  const auto all = walk(image);
  ASSERT_EQ(all.size(), 5U);
  EXPECT_TRUE(all[0].data.empty());
  EXPECT_EQ(all[1].extent, extent(10, 11 + hole_blocks_min - 1 + 5));
  EXPECT_EQ(all[1].data, (std::vector<Extent>{extent(10, 2), extent(20, 1), extent(20 + hole_blocks_min, 5)}));
  EXPECT_TRUE(all[2].data.empty());
  EXPECT_EQ(all[3].data, (std::vector<Extent>{extent(25 + 2 * hole_blocks_min, 1)}));
  EXPECT_TRUE(all[4].data.empty());
}

TEST_F(DataWalkTest, DataWithoutHolesComesInStretchesOfTheirGreatestLength) {
  Pieces image(3 * stretch_blocks_max - 5);
  image.add(0, 3 * stretch_blocks_max - 5);
  const auto all = walk(image);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].data, (std::vector<Extent>{extent(0, stretch_blocks_max)}));
  EXPECT_EQ(all[2].data, (std::vector<Extent>{extent(2 * stretch_blocks_max, stretch_blocks_max - 5)}));
}

TEST_F(DataWalkTest, ItGoesOnInsideOfAPiece) {
  Pieces image(100);
  image.add(10, 50);
  image.add(70, 10);
  DataWalk walk(image);
  (void)io::sim::run(world, walk.next(scope, BlockIndex(std::uint64_t{10})));
  const auto rest = io::sim::run(world, walk.next(scope, BlockIndex(std::uint64_t{30})));
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->data, (std::vector<Extent>{extent(30, 30), extent(70, 10)}));
}

TEST_F(DataWalkTest, MorePiecesThanAMapHoldsAreAllFound) {
  constexpr std::uint64_t pieces = 3 * io::DataMap::pieces_max + 7;
  Pieces image(4 * pieces);
  for (std::uint64_t i = 0; i < pieces; ++i) image.add(2 * i, 1);
  std::uint64_t seen = 0;
  for (const Stretch& stretch : walk(image)) seen += stretch.data.size();
  EXPECT_EQ(seen, pieces);
  // What one piece after the other would have taken is twice their number.
  EXPECT_LE(image.lookups, 12U);
}

}  // namespace
}  // namespace afterimage::source
