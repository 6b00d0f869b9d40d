// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/point_selector.h"

#include <vector>

#include <gtest/gtest.h>

namespace afterimage {
namespace {

const WallTime noon = *parse_rfc3339("2026-03-01T12:00:00Z");

// Points 4, 5 and 7, an hour apart, the newest at noon.
std::vector<DatedPoint> points() {
  return {{.sequence = Sequence(std::uint64_t{4}), .time = noon + -std::chrono::hours(2)},
          {.sequence = Sequence(std::uint64_t{5}), .time = noon + -std::chrono::hours(1)},
          {.sequence = Sequence(std::uint64_t{7}), .time = noon}};
}

std::uint64_t selected(std::string_view written, WallTime now = noon) {
  const auto kept = points();
  const auto sequence = select_point(kept, written, now);
  return sequence ? sequence->value() : 0;
}

ErrorCode refused(std::string_view written) {
  const auto kept = points();
  const auto sequence = select_point(kept, written, noon);
  return sequence ? ErrorCode::internal : sequence.error().code;
}

TEST(PointSelector, KnowsNamesAndNumbers) {
  EXPECT_EQ(selected("latest"), 7U);
  EXPECT_EQ(selected("oldest"), 4U);
  EXPECT_EQ(selected("5"), 5U);
}

TEST(PointSelector, ATimePicksTheNewestNotAfterIt) {
  EXPECT_EQ(selected("2026-03-01T12:00:00Z"), 7U);
  EXPECT_EQ(selected("2026-03-01T11:59:59Z"), 5U);
  EXPECT_EQ(selected("2026-03-01 10:00"), 4U);
  EXPECT_EQ(selected("2026-03-01T13:00:00+02:00"), 5U);
}

TEST(PointSelector, ADurationIsAgo) {
  EXPECT_EQ(selected("30m"), 5U);
  EXPECT_EQ(selected("2h"), 4U);
  EXPECT_EQ(selected("30m", noon + std::chrono::hours(1)), 7U);
}

TEST(PointSelector, WhatIsNotThereSaysWhatIs) {
  for (const char* written : {"6", "8", "0", "3h", "2026-03-01T09:00:00Z"})
    EXPECT_EQ(refused(written), ErrorCode::not_found) << written;
  const auto kept = points();
  EXPECT_NE(select_point(kept, "6", noon).error().detail.find("points 4 ("), std::string::npos);
  EXPECT_EQ(select_point({}, "latest", noon).error().code, ErrorCode::not_found);
}

TEST(PointSelector, WhatIsNoPointIsRefused) {
  for (const char* written : {"", "newest", "-1", "5 ", "2h ago", "99999999999999999999999", "2026-13-01"})
    EXPECT_EQ(refused(written), ErrorCode::invalid_argument) << written;
}

}  // namespace
}  // namespace afterimage
