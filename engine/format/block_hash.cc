// SPDX-License-Identifier: Apache-2.0
#include "engine/format/block_hash.h"

#include <cstring>

#include "engine/format/digest.h"
#include "engine/format/xxh3.h"
#include "io/base/check.h"
#include "io/base/units.h"

namespace afterimage::format {

bool is_zero(ByteView bytes) {
  const std::byte* at = bytes.data();
  std::size_t rest = bytes.size();
  // Eight words at a time: the compiler makes vectors of the inner loop, and data ends the outer one at once.
  while (rest >= 64) {
    std::uint64_t words[8];
    std::memcpy(words, at, sizeof words);
    std::uint64_t any = 0;
    for (const std::uint64_t word : words) any |= word;
    if (any != 0) return false;
    at += 64;
    rest -= 64;
  }
  for (; rest > 0; ++at, --rest) {
    if (*at != std::byte{0}) return false;
  }
  return true;
}

BlockHasher::BlockHasher(const DiskSecret& secret) {
  for (std::uint32_t part = 0; part < secret_.size() / 32; ++part) {
    Bytes input;
    ByteWriter writer(input);
    writer.write_bytes(view_of("afterimage block hash v1"));
    writer.write(part);
    writer.write_bytes(secret.bytes);
    const Digest digest = sha256_of(input);
    std::memcpy(secret_.data() + part * digest.bytes.size(), digest.bytes.data(), digest.bytes.size());
  }
}

BlockHash BlockHasher::hash(ByteView block) const {
  AFI_CHECK(block.size() == block_size);
  if (is_zero(block)) return BlockHash{0};
  const std::uint64_t value = xxh3_of(block, secret_);
  return BlockHash{value == 0 ? 1 : value};
}

}  // namespace afterimage::format
