// SPDX-License-Identifier: Apache-2.0
#include "engine/format/xxh3.h"

#include <xxhash.h>

#ifdef AFTERIMAGE_XXH3_AVX2
#include "engine/format/xxh3_avx2.h"
#endif

namespace afterimage::format {

#ifdef AFTERIMAGE_XXH3_AVX2

namespace {
bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}
}  // namespace

std::uint64_t xxh3_of(ByteView bytes) {
  return has_avx2() ? xxh3_avx2(bytes.data(), bytes.size()) : XXH3_64bits(bytes.data(), bytes.size());
}

std::uint64_t xxh3_of(ByteView bytes, ByteView secret) {
  return has_avx2() ? xxh3_keyed_avx2(bytes.data(), bytes.size(), secret.data(), secret.size())
                    : XXH3_64bits_withSecret(bytes.data(), bytes.size(), secret.data(), secret.size());
}

#else

std::uint64_t xxh3_of(ByteView bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::uint64_t xxh3_of(ByteView bytes, ByteView secret) {
  return XXH3_64bits_withSecret(bytes.data(), bytes.size(), secret.data(), secret.size());
}

#endif

}  // namespace afterimage::format
