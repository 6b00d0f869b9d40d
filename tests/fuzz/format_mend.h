// SPDX-License-Identifier: Apache-2.0
// For the fuzz targets of the journal: makes the checks of mutated bytes right, so that what lies behind them is
// reached too. The first byte of an input says whether (bit 0); the rest of it is the target's own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "engine/format/digest.h"
#include "engine/format/frame.h"
#include "engine/format/wire.h"
#include "io/base/bytes.h"

namespace afterimage::format::fuzz {

// A law that does not hold is a finding.
inline void require(bool holds) {
  if (!holds) std::abort();
}

struct Input {
  std::uint8_t mode = 0;
  Bytes bytes;
  [[nodiscard]] bool mends() const { return (mode & 1U) != 0; }
};

[[nodiscard]] inline Input input_of(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return {};
  const auto* const from = reinterpret_cast<const std::byte*>(data + 1);
  return {.mode = data[0], .bytes = Bytes(from, from + size - 1)};
}

// The last eight bytes become the check of the rest.
inline void mend_closing(MutableBytes bytes) {
  if (bytes.size() < 8) return;
  store(bytes.data() + bytes.size() - 8, check_of(bytes.first(bytes.size() - 8)));
}

// A frame at the front of `bytes`: its body check, as long as its tables say, then its header check.
inline void mend_frame(MutableBytes bytes) {
  if (bytes.size() < frame_header_bytes) return;
  const std::uint64_t length =
      frame_header_bytes + std::uint64_t{load<std::uint32_t>(bytes.data() + 36)} * frame_extent_bytes +
      std::uint64_t{load<std::uint32_t>(bytes.data() + 40)} / block_size * 8 + load<std::uint32_t>(bytes.data() + 44);
  const std::size_t end = static_cast<std::size_t>(std::min<std::uint64_t>(length, bytes.size()));
  store(bytes.data() + 48, check_of(bytes.first(end).subspan(frame_header_bytes)));
  mend_closing(bytes.first(frame_header_bytes));
}

}  // namespace afterimage::format::fuzz
