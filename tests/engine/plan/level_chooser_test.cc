// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/level_chooser.h"

#include <gtest/gtest.h>

namespace afterimage {
namespace {

// As many bytes as make evidence, at a rate.
void send_at(LevelChooser& chooser, double megabytes_per_second) {
  const ByteCount bytes(LevelChooser::evidence_bytes);
  const double seconds = static_cast<double>(bytes.value()) / (megabytes_per_second * 1e6);
  chooser.sent(bytes, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
}

TEST(LevelChooser, WhatWasSetStays) {
  LevelChooser chooser(format::Compression::zstd(7));
  send_at(chooser, 5000);
  send_at(chooser, 1);
  EXPECT_EQ(chooser.current(), format::Compression::zstd(7));
  EXPECT_EQ(LevelChooser(format::Compression::off()).current(), format::Compression::off());
}

TEST(LevelChooser, AFastLinkIsCompressedLessStepByStep) {
  LevelChooser chooser;
  EXPECT_EQ(chooser.current(), format::Compression::zstd(1));
  send_at(chooser, 900);
  EXPECT_EQ(chooser.current(), format::Compression::zstd(-5));
  send_at(chooser, 900);
  EXPECT_EQ(chooser.current(), format::Compression::off());
  send_at(chooser, 900);
  EXPECT_EQ(chooser.current(), format::Compression::off());
}

TEST(LevelChooser, ASlowLinkIsCompressedMore) {
  LevelChooser chooser;
  send_at(chooser, 10);
  EXPECT_EQ(chooser.current(), format::Compression::zstd(3));
  send_at(chooser, 10);
  EXPECT_EQ(chooser.current(), format::Compression::zstd(3));
  send_at(chooser, 100);
  EXPECT_EQ(chooser.current(), format::Compression::zstd(1));
}

TEST(LevelChooser, ARateNearABorderDoesNotSwing) {
  LevelChooser chooser;
  for (const double rate : {45.0, 55.0, 41.0, 60.0, 190.0, 240.0}) {
    send_at(chooser, rate);
    EXPECT_EQ(chooser.current(), format::Compression::zstd(1)) << rate;
  }
}

TEST(LevelChooser, LittleIsNoEvidence) {
  LevelChooser chooser;
  chooser.sent(ByteCount(LevelChooser::evidence_bytes - 1), Duration(1));
  EXPECT_EQ(chooser.current(), format::Compression::zstd(1));
  chooser.sent(ByteCount(std::uint64_t{1}), Duration(1));
  EXPECT_EQ(chooser.current(), format::Compression::zstd(-5));
}

TEST(LevelChooser, SettingsAreRead) {
  for (const char* good : {"auto", "off", "-5", "-1", "1", "19"}) {
    const auto setting = parse_compression(good);
    ASSERT_TRUE(setting) << good;
    EXPECT_EQ(text_of(*setting), good);
  }
  EXPECT_EQ(parse_compression("3")->value(), format::Compression::zstd(3));
  for (const char* bad : {"", "0", "20", "-6", "1x", "+1", " 1", "zstd", "99999999999999999999"}) {
    const auto refused = parse_compression(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  }
}

TEST(LevelChooser, SettingsAreTold) {
  EXPECT_EQ(text_of(CompressionSetting{}), "auto");
  EXPECT_EQ(text_of(CompressionSetting(format::Compression::off())), "off");
  EXPECT_EQ(text_of(CompressionSetting(format::Compression::zstd(-5))), "-5");
  EXPECT_EQ(text_of(format::Compression::zstd(3)), "zstd 3");
}

}  // namespace
}  // namespace afterimage
