// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/checkpoint_pace.h"

#include <gtest/gtest.h>

namespace afterimage {
namespace {

MonotonicTime at(Duration since_start) { return MonotonicTime{} + since_start; }

TEST(CheckpointPace, ASlowTransferMakesOneForEveryBytesMin) {
  CheckpointPace pace;
  pace.made(at(std::chrono::hours(1)));
  pace.moved(CheckpointSizes{}.bytes_min - ByteCount(std::uint64_t{1}));
  EXPECT_FALSE(pace.is_due(at(std::chrono::hours(2))));
  pace.moved(ByteCount(std::uint64_t{1}));
  EXPECT_TRUE(pace.is_due(at(std::chrono::hours(2))));
}

TEST(CheckpointPace, AFastTransferMakesOneASecond) {
  CheckpointPace pace;
  const MonotonicTime made = at(std::chrono::hours(1));
  pace.made(made);
  pace.moved(CheckpointSizes{}.bytes_min);
  EXPECT_FALSE(pace.is_due(made + std::chrono::milliseconds(999)));
  EXPECT_TRUE(pace.is_due(made + std::chrono::seconds(1)));
  pace.made(made + std::chrono::seconds(1));
  EXPECT_FALSE(pace.is_due(made + std::chrono::seconds(5)));
}

TEST(CheckpointPace, AVeryFastOneDoesNotWaitForTheSecond) {
  CheckpointPace pace;
  const MonotonicTime made = at(std::chrono::hours(1));
  pace.made(made);
  pace.moved(CheckpointSizes{}.bytes_max);
  EXPECT_TRUE(pace.is_due(made));
}

}  // namespace
}  // namespace afterimage
