// SPDX-License-Identifier: Apache-2.0
#include "engine/format/point_record.h"

#include <gtest/gtest.h>

#include "engine/format/change_root.h"
#include "engine/format/digest.h"
#include "engine/format/span_record.h"
#include "tests/engine/format/journal_kit.h"

namespace afterimage::format {
namespace {

PointRecord two_disks() {
  PointRecord point = kit::point(5, 9, kit::id_of<Digest>(0x50));
  point.received = WallTime{42};
  point.consistency = Consistency::application;
  point.description = kit::id_of<Digest>(0x60);
  point.frame_count = 3;
  point.disks.push_back({.disk = kit::disk_b,
                         .sizes = {.before = ByteCount(std::uint64_t{8192}),
                                   .smallest = ByteCount(std::uint64_t{512}),
                                   .after = ByteCount(std::uint64_t{1} << 40U)},
                         .changed = BlockCount(std::uint64_t{77}),
                         .change_root = kit::id_of<Digest>(0x70)});
  return point;
}

void mend(Bytes& bytes) { store(bytes.data() + bytes.size() - 8, check_of(ByteView(bytes).first(bytes.size() - 8))); }

TEST(PointRecord, ComesBackAsItWas) {
  const PointRecord point = two_disks();
  const Bytes bytes = point.encode();
  EXPECT_EQ(bytes.size(), point.encoded_size());
  EXPECT_EQ(*PointRecord::measure(bytes), bytes.size());
  const auto parsed = PointRecord::parse(bytes);
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(*parsed, point);
  EXPECT_EQ(parsed->encode(), bytes);
}

TEST(PointRecord, DigestLeavesOutOnlyTheReceiveTime) {
  const PointRecord point = two_disks();
  PointRecord later = point;
  later.received = WallTime{43};
  EXPECT_EQ(later.digest(), point.digest());
  // Every other byte of the record counts.
  const Bytes bytes = point.encode();
  for (std::size_t at = 16; at + 8 < bytes.size(); ++at) {
    if (at >= 144 && at < 152) continue;
    Bytes changed = bytes;
    changed[at] ^= std::byte{1};
    mend(changed);
    if (const auto parsed = PointRecord::parse(changed)) {
      EXPECT_NE(parsed->digest(), point.digest()) << at;
    }
  }
}

TEST(PointRecord, EverySingleFlippedBitIsFound) {
  Bytes bytes = two_disks().encode();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(PointRecord::parse(bytes)) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

struct BadPoint {
  const char* name;
  void (*spoil)(Bytes&);
  ErrorCode code;
};
class BadPoints : public testing::TestWithParam<BadPoint> {};

TEST_P(BadPoints, AreRefused) {
  Bytes bytes = two_disks().encode();
  GetParam().spoil(bytes);
  mend(bytes);
  const auto parsed = PointRecord::parse(bytes);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, GetParam().code) << parsed.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    PointRecord, BadPoints,
    testing::Values(
        BadPoint{"NextVersion", [](Bytes& b) { b[4] = std::byte{2}; }, ErrorCode::unsupported},
        BadPoint{"UnknownConsistency", [](Bytes& b) { b[6] = std::byte{2}; }, ErrorCode::damaged},
        BadPoint{"NoDisks", [](Bytes& b) { b[7] = std::byte{0}; }, ErrorCode::damaged},
        BadPoint{"TooManyDisks", [](Bytes& b) { b[7] = std::byte{65}; }, ErrorCode::limit_exceeded},
        BadPoint{"FewerDisksThanItsLength", [](Bytes& b) { b[7] = std::byte{1}; }, ErrorCode::damaged},
        BadPoint{"MoreDisksThanItsLength", [](Bytes& b) { b[7] = std::byte{3}; }, ErrorCode::damaged},
        BadPoint{"LengthTooLong", [](Bytes& b) { store(b.data() + 8, 0xffffffffU); }, ErrorCode::limit_exceeded},
        BadPoint{"LengthTooShort", [](Bytes& b) { store(b.data() + 8, 12U); }, ErrorCode::damaged},
        BadPoint{"SequenceZero", [](Bytes& b) { store(b.data() + 56, std::uint64_t{0}); }, ErrorCode::damaged},
        BadPoint{"DiskTwice",
                 [](Bytes& b) {
                   std::memcpy(b.data() + point_fixed_bytes + point_disk_bytes, b.data() + point_fixed_bytes, 16);
                 },
                 ErrorCode::damaged},
        BadPoint{"DiskTooLarge", [](Bytes& b) { store(b.data() + point_fixed_bytes + 16, ~std::uint64_t{0}); },
                 ErrorCode::limit_exceeded},
        BadPoint{"SmallestIsNotTheSmallest",
                 [](Bytes& b) { store(b.data() + point_fixed_bytes + 24, std::uint64_t{5 << 20}); },
                 ErrorCode::damaged},
        BadPoint{"MoreChangedThanThereIs",
                 [](Bytes& b) { store(b.data() + point_fixed_bytes + 40, std::uint64_t{1025}); }, ErrorCode::damaged}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(SpanRecord, ComesBackAsItWasAndRefusesNonsense) {
  const SpanRecord span{
      .from = Sequence(std::uint64_t{2}),
      .to = Sequence(std::uint64_t{9}),
      .disks = {{.disk = kit::disk_a, .sizes = kit::steady(4096)}, {.disk = kit::disk_b, .sizes = kit::steady(0)}}};
  const Bytes bytes = span.encode();
  const auto parsed = SpanRecord::parse(bytes);
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(*parsed, span);
  Bytes backwards = bytes;
  store(backwards.data() + 24, std::uint64_t{2});
  mend(backwards);
  EXPECT_FALSE(SpanRecord::parse(backwards));
  Bytes twice = bytes;
  std::memcpy(twice.data() + span_fixed_bytes + span_disk_bytes, twice.data() + span_fixed_bytes, 16);
  mend(twice);
  EXPECT_FALSE(SpanRecord::parse(twice));
  EXPECT_FALSE(SpanRecord::parse(ByteView(bytes).first(bytes.size() - 1)));
}

TEST(ChangeRoot, DoesNotDependOnHowZerosAreGrouped) {
  ChangeRoot one;
  ASSERT_TRUE(one.add(BlockIndex(std::uint64_t{1}), BlockKind::data, BlockHash{5}));
  ASSERT_TRUE(one.add_zero(kit::extent(2, 6)));
  ASSERT_TRUE(one.add_zero(kit::extent(9, 1)));
  ChangeRoot many;
  ASSERT_TRUE(many.add(BlockIndex(std::uint64_t{1}), BlockKind::data, BlockHash{5}));
  for (std::uint64_t i = 2; i < 8; ++i) ASSERT_TRUE(many.add(BlockIndex(i), BlockKind::zero, {}));
  ASSERT_TRUE(many.add_zero(kit::extent(9, 1)));
  EXPECT_EQ(one.blocks(), many.blocks());
  EXPECT_EQ(one.finish(), many.finish());
}

TEST(ChangeRoot, TellsPlacesKindsAndHashesApart) {
  const auto root = [](std::uint64_t block, BlockKind kind, std::uint64_t hash) {
    ChangeRoot made;
    EXPECT_TRUE(made.add(BlockIndex(block), kind, BlockHash{hash}));
    return made.finish();
  };
  EXPECT_NE(root(1, BlockKind::data, 5), root(2, BlockKind::data, 5));
  EXPECT_NE(root(1, BlockKind::data, 5), root(1, BlockKind::data, 6));
  EXPECT_NE(root(1, BlockKind::data, 1), root(1, BlockKind::zero, 0));
  EXPECT_NE(root(1, BlockKind::zero, 0), ChangeRoot().finish());
}

TEST(ChangeRoot, RefusesWhatIsNotAscendingAndKeepsItsState) {
  ChangeRoot root;
  ASSERT_TRUE(root.add_zero(kit::extent(10, 5)));
  EXPECT_FALSE(root.add(BlockIndex(std::uint64_t{14}), BlockKind::data, BlockHash{1}));
  EXPECT_FALSE(root.add_zero(kit::extent(3, 1)));
  EXPECT_FALSE(root.add_zero(kit::extent(20, 0)));
  EXPECT_FALSE(root.add_zero(kit::extent(disk_blocks_max, 1)));
  EXPECT_EQ(root.blocks().value(), 5U);
  ChangeRoot clean;
  ASSERT_TRUE(clean.add_zero(kit::extent(10, 5)));
  EXPECT_EQ(root.finish(), clean.finish());
}

TEST(ChangeRoot, OfFramesDoesNotDependOnTheGrouping) {
  FrameEncoder encoder;
  FrameBuilder builder;
  ChangeRoot together;
  ChangeRoot apart;
  for (std::uint64_t i = 0; i < 6; ++i) {
    FrameBuilder single;
    kit::add(single, i, kit::text_block(i));
    if (i % 2 == 1) single.add_zero(kit::extent(100 * i, 7));
    const Bytes bytes = encode_frame(kit::identity(1, 0), single.take(), Compression::zstd(3), encoder);
    if (i % 2 != 0) continue;
    ASSERT_TRUE(apart.add(*FrameView::parse(bytes)));
    kit::add(builder, i, kit::text_block(i));
  }
  const Bytes bytes = encode_frame(kit::identity(1, 0), builder.take(), Compression::off(), encoder);
  ASSERT_TRUE(together.add(*FrameView::parse(bytes)));
  EXPECT_EQ(together.finish(), apart.finish());
}

}  // namespace
}  // namespace afterimage::format
