// SPDX-License-Identifier: Apache-2.0
#include "io/base/bytes.h"

#include <gtest/gtest.h>

#include "io/base/units.h"

namespace afterimage {
namespace {

TEST(Bytes, IntegersAreLittleEndianAndReadBack) {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.write(std::uint32_t{0x01020304});
  writer.write_text("abc");
  EXPECT_EQ(to_hex(bytes), "040302010300616263");
  ByteReader reader(bytes);
  EXPECT_EQ(*reader.read<std::uint32_t>(), 0x01020304U);
  EXPECT_EQ(*reader.read_text(3), "abc");
  EXPECT_TRUE(reader.at_end());
}

TEST(Bytes, ReadingPastTheEndIsDamagedAndMovesNothing) {
  const Bytes bytes(3);
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read<std::uint32_t>().error().code, ErrorCode::damaged);
  EXPECT_EQ(reader.remaining(), 3U);
  EXPECT_FALSE(reader.read_bytes(4));
}

TEST(Bytes, ATextOverItsLimitIsRefused) {
  Bytes bytes;
  ByteWriter(bytes).write_text("abcd");
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read_text(3).error().code, ErrorCode::limit_exceeded);
}

TEST(Bytes, HexRefusesWhatIsNotHex) {
  EXPECT_EQ(to_hex(*from_hex("00fF10")), "00ff10");
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Units, BlocksCoverAPartialTail) {
  EXPECT_EQ(blocks_of(ByteCount(std::uint64_t{0})).value(), 0U);
  EXPECT_EQ(blocks_of(ByteCount(std::uint64_t{1})).value(), 1U);
  EXPECT_EQ(blocks_of(ByteCount(std::uint64_t{4096})).value(), 1U);
  EXPECT_EQ(blocks_of(ByteCount(std::uint64_t{4097})).value(), 2U);
  EXPECT_EQ(block_at(ByteOffset(std::uint64_t{8191})).value(), 1U);
}

}  // namespace
}  // namespace afterimage
