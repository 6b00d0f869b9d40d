// SPDX-License-Identifier: Apache-2.0
// The first 64 bytes of a segment: whose journal it belongs to. Every check behind it (records, trailer) binds to it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/base/bytes.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::format {

inline constexpr std::uint16_t segment_version = 1;
inline constexpr std::size_t segment_header_bytes = 64;

enum class SegmentKind : std::uint8_t {
  stream = 0,  // as captured: frames in order of birth and number, every point follows the one before
  merged = 1,  // by a merge: a span record before every point, frames of any number
};

struct SegmentHeader {
  SegmentKind kind = SegmentKind::stream;
  MachineId machine;
  LineageId lineage;
  SegmentNumber number;
  auto operator<=>(const SegmentHeader&) const = default;

  [[nodiscard]] Bytes encode() const;
  // Its closing check, which the trailer repeats.
  [[nodiscard]] std::uint64_t check() const;
  // Reads the first 64 of `bytes`. Errors: damaged, unsupported (another version).
  [[nodiscard]] static Result<SegmentHeader> parse(ByteView bytes);
};

}  // namespace afterimage::format
