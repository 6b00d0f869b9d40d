// SPDX-License-Identifier: Apache-2.0
// Strong units: explicit from the exact representation, no conversion out, only the arithmetic that means something
// (offset - offset = count; block index x block size through one checked function).
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>

#include "io/base/check.h"

namespace afterimage {

// A count of something: adds, subtracts (checked), compares.
template <typename Tag>
class Count {
 public:
  constexpr Count() = default;
  constexpr explicit Count(std::same_as<std::uint64_t> auto value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  constexpr auto operator<=>(const Count&) const = default;

  constexpr Count& operator+=(Count other) {
    AFI_CHECK(other.value_ <= std::numeric_limits<std::uint64_t>::max() - value_);
    value_ += other.value_;
    return *this;
  }
  constexpr Count& operator-=(Count other) {
    AFI_CHECK(other.value_ <= value_);
    value_ -= other.value_;
    return *this;
  }
  friend constexpr Count operator+(Count a, Count b) { return a += b; }
  friend constexpr Count operator-(Count a, Count b) { return a -= b; }

 private:
  std::uint64_t value_ = 0;
};

// A position counted in CountType: moves by counts, differs by counts.
template <typename Tag, typename CountType>
class Position {
 public:
  constexpr Position() = default;
  constexpr explicit Position(std::same_as<std::uint64_t> auto value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  constexpr auto operator<=>(const Position&) const = default;

  constexpr Position& operator+=(CountType count) {
    AFI_CHECK(count.value() <= std::numeric_limits<std::uint64_t>::max() - value_);
    value_ += count.value();
    return *this;
  }
  friend constexpr Position operator+(Position a, CountType b) { return a += b; }
  friend constexpr CountType operator-(Position a, Position b) {
    AFI_CHECK(b.value_ <= a.value_);
    return CountType(a.value_ - b.value_);
  }

 private:
  std::uint64_t value_ = 0;
};

// A number in an order: compares and has a next, nothing else.
template <typename Tag>
class Ordinal {
 public:
  constexpr Ordinal() = default;
  constexpr explicit Ordinal(std::same_as<std::uint64_t> auto value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  [[nodiscard]] constexpr Ordinal next() const {
    AFI_CHECK(value_ != std::numeric_limits<std::uint64_t>::max());
    return Ordinal(value_ + 1);
  }
  constexpr auto operator<=>(const Ordinal&) const = default;

 private:
  std::uint64_t value_ = 0;
};

using ByteCount = Count<struct ByteCountTag>;
using ByteOffset = Position<struct ByteOffsetTag, ByteCount>;
using BlockCount = Count<struct BlockCountTag>;
using BlockIndex = Position<struct BlockIndexTag, BlockCount>;  // of 4 KiB blocks of one disk
using Epoch = Ordinal<struct EpochTag>;        // the writes between two freezes of a machine; 0 = seeding
using Sequence = Ordinal<struct SequenceTag>;  // of a recovery point within a machine; the first is 1, 0 = none
using SegmentNumber = Ordinal<struct SegmentNumberTag>;  // of a segment within a machine's journal; the first is 1

inline constexpr std::uint64_t block_size = 4096;  // bytes: the unit of tracking and of hashing
inline constexpr std::uint64_t block_shift = 12;

// Bytes spanned by whole blocks. The caller has bounded `blocks` (limits.h: disk_bytes_max); overflow is a bug.
[[nodiscard]] constexpr ByteCount bytes_of(BlockCount blocks) {
  AFI_CHECK(blocks.value() <= (std::numeric_limits<std::uint64_t>::max() >> block_shift));
  return ByteCount(blocks.value() << block_shift);
}
[[nodiscard]] constexpr ByteOffset offset_of(BlockIndex block) {
  AFI_CHECK(block.value() <= (std::numeric_limits<std::uint64_t>::max() >> block_shift));
  return ByteOffset(block.value() << block_shift);
}
// Blocks needed to hold `bytes`; the last one may be partly used.
[[nodiscard]] constexpr BlockCount blocks_of(ByteCount bytes) {
  return BlockCount((bytes.value() >> block_shift) + ((bytes.value() & (block_size - 1)) != 0 ? 1U : 0U));
}
// The block that holds the byte at `offset`.
[[nodiscard]] constexpr BlockIndex block_at(ByteOffset offset) { return BlockIndex(offset.value() >> block_shift); }

// A block-aligned range of one disk: [first, first + count).
struct Extent {
  BlockIndex first;
  BlockCount count;
  [[nodiscard]] constexpr BlockIndex end() const { return first + count; }
  constexpr auto operator<=>(const Extent&) const = default;
};

}  // namespace afterimage
