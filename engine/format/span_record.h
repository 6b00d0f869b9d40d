// SPDX-License-Identifier: Apache-2.0
// A span record stands before a point record in a merged segment and says what the merged frames cover: everything
// after the point `from` up to the point `to`, and how the sizes of the disks went across all of it. (The point record
// itself is carried over unchanged and speaks of its own epoch only.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/format/index_run.h"
#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::format {

inline constexpr std::uint16_t span_version = 1;
inline constexpr std::size_t span_fixed_bytes = 32;
inline constexpr std::size_t span_disk_bytes = 40;

struct SpanRecord {
  Sequence from;                // exclusive; 0: from the beginning
  Sequence to;                  // the point record behind this record
  std::vector<DiskSize> disks;  // every disk of that point
  bool operator==(const SpanRecord&) const = default;

  [[nodiscard]] std::size_t encoded_size() const { return span_fixed_bytes + disks.size() * span_disk_bytes + 8; }
  // Requires: at most disks_max disks.
  [[nodiscard]] Bytes encode() const;
  // `bytes` is exactly one record. Errors: damaged, limit_exceeded, unsupported.
  [[nodiscard]] static Result<SpanRecord> parse(ByteView bytes);
  // The length of the record that begins with these (at least 12) bytes; believed only once parse() succeeds.
  [[nodiscard]] static Result<std::size_t> measure(ByteView bytes);
};

}  // namespace afterimage::format
