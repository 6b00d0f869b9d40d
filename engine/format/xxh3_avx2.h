// SPDX-License-Identifier: Apache-2.0
// The two functions of xxh3.h as AVX2 has them; only for processors that do. For xxh3.cc alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace afterimage::format {

[[nodiscard]] std::uint64_t xxh3_avx2(const void* bytes, std::size_t size);
[[nodiscard]] std::uint64_t xxh3_keyed_avx2(const void* bytes, std::size_t size, const void* secret,
                                            std::size_t secret_size);

}  // namespace afterimage::format
