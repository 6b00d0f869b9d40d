// SPDX-License-Identifier: Apache-2.0
#include "transport/control/target.h"

#include <gtest/gtest.h>

namespace afterimage::control {
namespace {

TEST(Target, SegmentsAndQueryAreDecodedOneByOne) {
  const auto target = parse_target("/v1/machines/web%201%2F..%2Fx/sync?dry_run&wait=2%265");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "machines", "web 1/../x", "sync"}));
  EXPECT_EQ(target->query.size(), 2U);
  EXPECT_EQ(target->query[0], (std::pair<std::string, std::string>{"dry_run", ""}));
  EXPECT_EQ(target->query[1], (std::pair<std::string, std::string>{"wait", "2&5"}));
}

TEST(Target, WhatMakeTargetWritesIsRead) {
  const std::string name = "wéb/1 ?&=%#+";
  const auto target = parse_target(make_target({"v1", "machines", name}, {{"a b", "c&d"}, {"e", ""}}));
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments[2], name);
  EXPECT_EQ(target->query[0], (std::pair<std::string, std::string>{"a b", "c&d"}));
}

TEST(Target, BadOnesAreRefused) {
  for (const char* text : {"", "v1", "*", "http://host/v1", "//v1", "/v1//status", "/", "/v1/", "/v1/%", "/v1/%4",
                           "/v1/%zz", "/v1/%00", "/v1/%0a", "/v1/a\x01", "/v1#x", "/v1?a=1&a=2", "/v1?%", "/v1?"}) {
    const auto target = parse_target(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().code, ErrorCode::invalid_argument) << text;
  }
}

TEST(Target, DotsAreOrdinarySegments) {
  const auto target = parse_target("/v1/../status");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->segments, (std::vector<std::string>{"v1", "..", "status"}));
}

}  // namespace
}  // namespace afterimage::control
