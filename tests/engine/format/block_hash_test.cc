// SPDX-License-Identifier: Apache-2.0
#include "engine/format/block_hash.h"

#include <gtest/gtest.h>

#include "engine/format/digest.h"
#include "tests/engine/format/journal_kit.h"

namespace afterimage::format {
namespace {

TEST(BlockHash, ZerosHaveTheHashZero) { EXPECT_EQ(kit::hasher.hash(Bytes(block_size)).value, 0U); }

TEST(BlockHash, OneBitAnywhereIsNotZero) {
  Bytes block(block_size);
  for (std::size_t at = 0; at < block.size(); at += 97) {
    block[at] = std::byte{0x80};
    EXPECT_FALSE(is_zero(block)) << at;
    EXPECT_NE(kit::hasher.hash(block).value, 0U);
    block[at] = std::byte{0};
  }
}

TEST(BlockHash, ZeroCheckTakesAnyLengthAndAlignment) {
  Bytes bytes(300);
  for (std::size_t from = 0; from < 70; ++from) EXPECT_TRUE(is_zero(ByteView(bytes).subspan(from)));
  bytes.back() = std::byte{1};
  for (std::size_t from = 0; from < 70; ++from) EXPECT_FALSE(is_zero(ByteView(bytes).subspan(from)));
  EXPECT_TRUE(is_zero({}));
}

TEST(BlockHash, DependsOnTheSecretOfTheDisk) {
  DiskSecret other = kit::secret;
  other.bytes[31] ^= std::byte{1};
  const Bytes block = kit::text_block(1);
  EXPECT_NE(BlockHasher(other).hash(block), kit::hasher.hash(block));
}

// A hash made today is checked in years: the value is part of the format.
TEST(BlockHash, IsTheSameInEveryVersion) {
  EXPECT_EQ(sha256_of({}).text(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(kit::hasher.hash(kit::text_block(1)).value, 10831109692208519358U);
}

}  // namespace
}  // namespace afterimage::format
