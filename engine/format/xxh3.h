// SPDX-License-Identifier: Apache-2.0
// XXH3-64 with the widest vectors that the processor has. Debian's libxxhash is built for the oldest x86-64 and hashes
// at half the speed; the same source, compiled here once more with AVX2, is chosen at the first call where it runs.
#pragma once

#include <cstdint>

#include "io/base/bytes.h"

namespace afterimage::format {

[[nodiscard]] std::uint64_t xxh3_of(ByteView bytes);
// `secret`: at least 136 bytes of high entropy.
[[nodiscard]] std::uint64_t xxh3_of(ByteView bytes, ByteView secret);

}  // namespace afterimage::format
