// SPDX-License-Identifier: Apache-2.0
#include "io/base/time.h"

#include <gtest/gtest.h>

namespace afterimage {
namespace {

TEST(Time, Rfc3339IsReadBack) {
  const auto time = parse_rfc3339("2026-01-31T12:34:56.250Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(to_rfc3339(*time), "2026-01-31T12:34:56.250Z");
  EXPECT_EQ(parse_rfc3339("2026-01-31 13:34:56.25+01:00")->nanoseconds, time->nanoseconds);
  EXPECT_EQ(to_rfc3339(*parse_rfc3339("2026-01-31 12:34")), "2026-01-31T12:34:00.000Z");
}

TEST(Time, WhatIsNoTimeIsRefused) {
  for (const char* text :
       {"", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00Zx", "-026-01-01T00:00:00Z", "2026-01-01T00:00:00+1:00"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Time, DurationsAndSizesAreRead) {
  EXPECT_EQ(*parse_duration("30s"), std::chrono::seconds(30));
  EXPECT_EQ(*parse_duration("7d"), std::chrono::hours(168));
  EXPECT_EQ(*parse_size("10G"), 10ULL << 30);
  EXPECT_EQ(*parse_size("4096"), 4096U);
  for (const char* text : {"", "5", "-1s", "0s", "1w", "99999999999999999999s", "9999999d"})
    EXPECT_FALSE(parse_duration(text)) << text;
  for (const char* text : {"", "-1", "1KB", "9999999999T", "G"}) EXPECT_FALSE(parse_size(text)) << text;
}

}  // namespace
}  // namespace afterimage
