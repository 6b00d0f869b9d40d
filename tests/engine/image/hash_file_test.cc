// SPDX-License-Identifier: Apache-2.0
#include "engine/image/hash_file.h"

#include <memory>

#include <gtest/gtest.h>

#include "io/base/limits.h"
#include "io/sim/world.h"

namespace afterimage::image {
namespace {

using format::BlockHash;

class HashFiles : public testing::Test {
 protected:
  HashFiles() : node(world.add_node("host")), scope(world.platform(node).reactor) {}

  std::unique_ptr<io::File> file(io::OpenMode mode) {
    auto opened = io::sim::run(world, world.platform(node).disk.open_file(scope, path, mode));
    EXPECT_TRUE(opened.has_value()) << opened.error().text();
    return std::move(*opened);
  }
  std::unique_ptr<HashFile> create(std::uint64_t bytes) {
    auto made =
        io::sim::run(world, HashFile::create(scope, file(io::OpenMode::open_or_create), disk, ByteCount(bytes)));
    EXPECT_TRUE(made.has_value()) << made.error().text();
    return std::move(*made);
  }
  Result<std::unique_ptr<HashFile>> open() {
    return io::sim::run(world, HashFile::open(scope, file(io::OpenMode::write)));
  }
  static Extent extent(std::uint64_t first, std::uint64_t count) {
    return {.first = BlockIndex(first), .count = BlockCount(count)};
  }
  void write(HashFile& sums, std::uint64_t first, std::vector<BlockHash> hashes) {
    const Status written = io::sim::run(world, sums.write_hashes(scope, BlockIndex(first), hashes));
    ASSERT_TRUE(written.has_value()) << written.error().text();
  }
  std::vector<BlockHash> read(HashFile& sums, std::uint64_t first, std::uint64_t count) {
    auto hashes = io::sim::run(world, sums.read_hashes(scope, extent(first, count)));
    EXPECT_TRUE(hashes.has_value()) << hashes.error().text();
    return hashes.value_or(std::vector<BlockHash>{});
  }
  std::uint64_t check(HashFile& sums) {
    const auto whole = io::sim::run(world, sums.whole_check(scope));
    EXPECT_TRUE(whole.has_value());
    return whole.value_or(0);
  }

  io::sim::World world{io::sim::WorldOptions{.seed = 1}};
  io::sim::NodeId node;
  io::Scope scope;
  std::string path = "/sums";
  DiskId disk{.bytes = {std::byte{7}, std::byte{9}}};
};

TEST_F(HashFiles, HashesComeBackAfterOpeningAnew) {
  const auto sums = create(100 * block_size + 1);
  EXPECT_EQ(sums->blocks(), BlockCount(std::uint64_t{101}));
  write(*sums, 98, {{11}, {12}, {13}});
  const auto again = open();
  ASSERT_TRUE(again.has_value()) << again.error().text();
  EXPECT_EQ((*again)->disk(), disk);
  EXPECT_EQ((*again)->disk_size(), ByteCount(100 * block_size + 1));
  EXPECT_EQ(read(**again, 97, 4), (std::vector<BlockHash>{{0}, {11}, {12}, {13}}));
}

TEST_F(HashFiles, ATebibyteOfZerosCostsNothing) {
  const auto sums = create(limits::TiB);
  EXPECT_EQ(check(*sums), check(*sums));
  EXPECT_LT(world.disk(node).used(), ByteCount(std::uint64_t{64 * 1024}));
  const auto none = io::sim::run(world, sums->next_data(scope, BlockIndex(std::uint64_t{1})));
  ASSERT_TRUE(none.has_value());
  write(*sums, 200'000'000, {{5}});
  const auto data = io::sim::run(world, sums->next_data(scope, BlockIndex(std::uint64_t{1000})));
  ASSERT_TRUE(data.has_value() && data->has_value());
  EXPECT_LE((*data)->first, BlockIndex(std::uint64_t{200'000'000}));
  EXPECT_GT((*data)->end(), BlockIndex(std::uint64_t{200'000'000}));
}

TEST_F(HashFiles, TheWholeCheckDoesNotDependOnHoles) {
  const auto sums = create(5000 * block_size);
  write(*sums, 10, {{1}, {2}, {3}});
  const std::uint64_t sparse = check(*sums);
  write(*sums, 3000, std::vector<BlockHash>(1000));  // zeros where a hole was
  EXPECT_EQ(check(*sums), sparse);
  write(*sums, 3000, {{4}});
  EXPECT_NE(check(*sums), sparse);
  ASSERT_TRUE(io::sim::run(world, sums->clear_hashes(scope, extent(2999, 2))).has_value());
  EXPECT_EQ(check(*sums), sparse);
}

TEST_F(HashFiles, TheSameHashesElsewhereCheckDifferently) {
  const auto sums = create(5000 * block_size);
  write(*sums, 512, {{7}});
  const std::uint64_t first = check(*sums);
  ASSERT_TRUE(io::sim::run(world, sums->clear_hashes(scope, extent(512, 1))).has_value());
  write(*sums, 1024, {{7}});
  EXPECT_NE(check(*sums), first);
}

TEST_F(HashFiles, AShrinkAndARegrowthLeaveZeros) {
  const auto sums = create(10 * block_size);
  write(*sums, 0, std::vector<BlockHash>(10, BlockHash{3}));
  ASSERT_TRUE(io::sim::run(world, sums->resize(scope, ByteCount(4 * block_size))).has_value());
  ASSERT_TRUE(io::sim::run(world, sums->resize(scope, ByteCount(8 * block_size))).has_value());
  EXPECT_EQ(read(*sums, 2, 6), (std::vector<BlockHash>{{3}, {3}, {0}, {0}, {0}, {0}}));
}

TEST_F(HashFiles, AResizeCutAnywhereLeavesAValidFile) {
  for (const std::uint64_t blocks : {4U, 40U}) {
    for (std::uint64_t operation = 0; operation < 6; ++operation) {
      world.disk(node).clear_faults();
      auto sums = create(10 * block_size);
      write(*sums, 0, std::vector<BlockHash>(10, BlockHash{3}));
      ASSERT_TRUE(io::sim::run(world, sums->sync(scope)).has_value());
      world.disk(node).sync_all();
      world.crash_at(node, {.match = {.path_part = "sums", .skip = operation}});
      const Status resized = io::sim::run(world, sums->resize(scope, ByteCount(blocks * block_size)));
      sums.reset();
      world.disarm_crash(node);
      if (world.is_up(node)) break;
      world.restart(node);
      io::Scope fresh(world.platform(node).reactor);
      auto file = io::sim::run(world, world.platform(node).disk.open_file(fresh, path, io::OpenMode::write));
      ASSERT_TRUE(file.has_value());
      const auto opened = io::sim::run(world, HashFile::open(fresh, std::move(*file)));
      ASSERT_TRUE(opened.has_value()) << operation << ": " << opened.error().text();
      const std::uint64_t kept = std::min<std::uint64_t>((*opened)->blocks().value(), 10);
      const auto hashes = io::sim::run(world, (*opened)->read_hashes(fresh, extent(0, std::min(kept, blocks))));
      ASSERT_TRUE(hashes.has_value());
      for (const BlockHash& hash : *hashes) EXPECT_EQ(hash, BlockHash{3});
      return;  // the scope of this fixture belongs to the incarnation that is gone
    }
  }
}

TEST_F(HashFiles, EveryFlippedBitOfTheHeaderIsRefused) {
  const Bytes good = HashFileHeader{.disk = disk, .disk_size = ByteCount(std::uint64_t{12345})}.encode();
  ASSERT_TRUE(HashFileHeader::parse(good).has_value());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_FALSE(HashFileHeader::parse(bad).has_value()) << bit;
  }
}

TEST_F(HashFiles, AFileThatIsCutOffIsDamaged) {
  const auto sums = create(100 * block_size);
  ASSERT_TRUE(
      world.disk(node).resize(path, ByteCount(std::uint64_t{4096 + 99 * 8}), io::sim::Persistence::cached).has_value());
  const auto again = open();
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::damaged);
}

TEST_F(HashFiles, BlocksOutsideTheDiskAreRefused) {
  const auto sums = create(10 * block_size);
  const std::vector<BlockHash> two(2);
  EXPECT_FALSE(io::sim::run(world, sums->write_hashes(scope, BlockIndex(std::uint64_t{9}), two)).has_value());
  EXPECT_FALSE(io::sim::run(world, sums->read_hashes(scope, extent(10, 1))).has_value());
  EXPECT_FALSE(io::sim::run(world, sums->clear_hashes(scope, extent(~std::uint64_t{0} - 1, 1))).has_value());
}

}  // namespace
}  // namespace afterimage::image
