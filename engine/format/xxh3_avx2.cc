// SPDX-License-Identifier: Apache-2.0
// Compiled with -mavx2. It includes nothing else of ours: an inline function compiled here could be the one that the
// linker keeps for everybody.
#include "engine/format/xxh3_avx2.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace afterimage::format {

std::uint64_t xxh3_avx2(const void* bytes, std::size_t size) { return XXH3_64bits(bytes, size); }

std::uint64_t xxh3_keyed_avx2(const void* bytes, std::size_t size, const void* secret, std::size_t secret_size) {
  return XXH3_64bits_withSecret(bytes, size, secret, secret_size);
}

}  // namespace afterimage::format
