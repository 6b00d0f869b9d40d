// SPDX-License-Identifier: Apache-2.0
// PointSelector: what an operator writes for a point (a sequence number, "latest", "oldest", a time, or a duration ago)
// against the points that there are. A time picks the newest point not after it.
#pragma once

#include <span>
#include <string_view>

#include "io/base/result.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage {

struct DatedPoint {
  Sequence sequence;
  WallTime time;  // of the freeze
};

// `points` ascending by sequence. not_found with the nearest that exist; invalid_argument for what is no point at all.
[[nodiscard]] Result<Sequence> select_point(std::span<const DatedPoint> points, std::string_view written, WallTime now);

}  // namespace afterimage
