// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/point_selector.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace afterimage {
namespace {

std::unexpected<Error> no_such_point(std::span<const DatedPoint> points, std::string_view written) {
  std::string detail = "there is no point '" + std::string(written) + "'";
  if (points.empty()) {
    detail += ": the machine has no points yet";
  } else {
    detail += ": points " + std::to_string(points.front().sequence.value()) + " (" + to_rfc3339(points.front().time) +
              ") to " + std::to_string(points.back().sequence.value()) + " (" + to_rfc3339(points.back().time) +
              ") are kept";
  }
  return fail(ErrorCode::not_found, "select a point", std::move(detail));
}

Result<Sequence> newest_not_after(std::span<const DatedPoint> points, std::string_view written, WallTime moment) {
  const DatedPoint* newest = nullptr;
  for (const DatedPoint& point : points) {
    if (point.time <= moment) newest = &point;
  }
  if (newest == nullptr) return no_such_point(points, written);
  return newest->sequence;
}

}  // namespace

Result<Sequence> select_point(std::span<const DatedPoint> points, std::string_view written, WallTime now) {
  if (written == "latest" || written == "oldest") {
    if (points.empty()) return no_such_point(points, written);
    return written == "latest" ? points.back().sequence : points.front().sequence;
  }
  std::uint64_t number = 0;
  const char* const begin = written.data();
  const char* const end = begin + written.size();
  if (const auto [stop, error] = std::from_chars(begin, end, number); error == std::errc{} && stop == end) {
    const auto found = std::ranges::find(points, Sequence(number), &DatedPoint::sequence);
    if (found == points.end()) return no_such_point(points, written);
    return found->sequence;
  }
  if (const Result<Duration> ago = parse_duration(written)) return newest_not_after(points, written, now + -*ago);
  if (const Result<WallTime> moment = parse_rfc3339(written)) return newest_not_after(points, written, *moment);
  return fail(ErrorCode::invalid_argument, "select a point",
              "not a point: '" + std::string(written) +
                  "'; write a number, latest, oldest, a time (2026-01-31T12:00:00Z) or 2h");
}

}  // namespace afterimage
