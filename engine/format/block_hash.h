// SPDX-License-Identifier: Apache-2.0
// The hash of a block, made once beside the guest's disk and checked wherever the block is read again.
//
// XXH3-64 keyed with a random secret of the disk: a guest that does not know the secret cannot write two blocks whose
// hashes are equal. The 32 random bytes are expanded to the 192 that XXH3 wants in counter mode:
//   part i (0..5) = SHA-256("afterimage block hash v1" || u32 little-endian i || the 32 bytes)
// A block of zeros has the hash 0 without being hashed; a block of data whose hash comes out 0 has the hash 1. So 0
// always means zeros. The last block of a disk whose size is no multiple of 4096 is hashed padded with zeros.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

#include "io/base/bytes.h"

namespace afterimage::format {

// Random, made once for a disk, known to both hosts and never to the guest.
struct DiskSecret {
  std::array<std::byte, 32> bytes{};
  bool operator==(const DiskSecret&) const = default;
};

struct BlockHash {
  std::uint64_t value = 0;  // 0: a block of zeros
  auto operator<=>(const BlockHash&) const = default;
};

// True when every byte is zero (also for no bytes at all).
[[nodiscard]] bool is_zero(ByteView bytes);

// Immutable after construction: any thread.
class BlockHasher {
 public:
  explicit BlockHasher(const DiskSecret& secret);

  // The hash of exactly one block (4096 bytes).
  [[nodiscard]] BlockHash hash(ByteView block) const;

 private:
  std::array<std::byte, 192> secret_{};
};

}  // namespace afterimage::format
