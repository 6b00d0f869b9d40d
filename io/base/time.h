// SPDX-License-Identifier: Apache-2.0
// Two times that never mix: WallTime is what people read and points carry (it may jump), MonotonicTime is what
// deadlines and timers use.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/base/result.h"

namespace afterimage {

using Duration = std::chrono::nanoseconds;

// Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted. 0 means unknown.
struct WallTime {
  std::int64_t nanoseconds = 0;
  auto operator<=>(const WallTime&) const = default;
  friend Duration operator-(WallTime a, WallTime b) { return Duration(a.nanoseconds - b.nanoseconds); }
  friend WallTime operator+(WallTime a, Duration b) { return WallTime{a.nanoseconds + b.count()}; }
};

// Nanoseconds since some moment of this boot (or of this simulation).
struct MonotonicTime {
  std::int64_t nanoseconds = 0;
  auto operator<=>(const MonotonicTime&) const = default;
  friend Duration operator-(MonotonicTime a, MonotonicTime b) { return Duration(a.nanoseconds - b.nanoseconds); }
  friend MonotonicTime operator+(MonotonicTime a, Duration b) { return MonotonicTime{a.nanoseconds + b.count()}; }
};

// RFC 3339, UTC, milliseconds: "2026-01-31T12:00:00.250Z".
[[nodiscard]] std::string to_rfc3339(WallTime time);
// RFC 3339 section 5.6 with any offset, or the same without offset taken as UTC, seconds optional ("2026-01-31 12:00").
[[nodiscard]] Result<WallTime> parse_rfc3339(std::string_view text);

// "30s", "5m", "1h", "7d", "500ms"; more than zero, at most 100 years.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
// "64K", "10G", "1T", "4096": binary multiples; at most 2^63 - 1.
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace afterimage
