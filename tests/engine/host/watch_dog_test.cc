// SPDX-License-Identifier: Apache-2.0
// What waits for too long is named: the operation, the path, the machine, since when; and it is said when it is over.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/engine/host/host_kit.h"

namespace afterimage::host {
namespace {

using io::sim::OperationKind;
using kit::HostPair;

class Watching : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pair.start().has_value());
    const Status made = pair.protect();
    ASSERT_TRUE(made.has_value()) << made.error().text();
    pair.told.clear();
  }
  // One operation of that kind on that path does not end.
  void stall(io::sim::NodeId node, OperationKind kind, std::string path_part) {
    pair.world.disk(node).add_fault(
        {.match = {.kind = kind, .path_part = std::move(path_part)}, .error = io::sim::never_ends});
  }
  [[nodiscard]] std::size_t times_told(std::string_view said) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(pair.told, [said](const std::string& line) { return line.find(said) != line.npos; }));
  }
  void expect(Host& host, Health health, std::string_view said) {
    const MachineStatus status = pair.status_of(host);
    EXPECT_EQ(status.health, health) << HostPair::reasons_of(status);
    EXPECT_NE(HostPair::reasons_of(status).find(said), std::string::npos) << HostPair::reasons_of(status);
  }

  HostPair pair;
};

TEST_F(Watching, AReadOfAnImageThatDoesNotEndIsNamed) {
  stall(pair.primary_node, OperationKind::read, "/images/");
  ASSERT_TRUE(pair.begin_sync().has_value());
  pair.pass(std::chrono::seconds(25));
  EXPECT_EQ(pair.told.size(), 0U);
  pair.pass(std::chrono::seconds(40));
  expect(*pair.primary, Health::warning, "web1: read (/images/root.raw) has waited 6");
  expect(*pair.primary, Health::warning, " s, since 2026-01-01T");
  pair.pass(std::chrono::minutes(5));
  expect(*pair.primary, Health::critical, "web1: read (/images/root.raw) has waited 36");
  EXPECT_EQ(times_told("web1: read (/images/root.raw) has waited"), 2U);  // when it began, and when it was critical
}

TEST_F(Watching, AJobThatDoesNotMoveIsNamedWithItsPhase) {
  stall(pair.replica_node, OperationKind::sync, ".open");
  ASSERT_TRUE(pair.begin_sync().has_value());
  pair.pass(std::chrono::minutes(6));
  expect(*pair.primary, Health::warning, "web1: job 2 (sync, sending) has made no progress for ");
}

TEST_F(Watching, ASyncOfAReplicaThatDoesNotEndIsNamedThereAlsoWhenTheJobIsCancelled) {
  stall(pair.replica_node, OperationKind::sync, ".open");
  const Result<JobId> job = pair.begin_sync();
  ASSERT_TRUE(job.has_value());
  pair.pass(std::chrono::seconds(40));
  expect(*pair.replica, Health::warning, "web1: sync (/store/machines/");
  ASSERT_TRUE(pair.primary->cancel_job(*job).has_value());
  pair.pass(std::chrono::minutes(5));
  expect(*pair.replica, Health::critical, "web1: sync (/store/machines/");
}

TEST_F(Watching, WhatGoesOnAgainIsSaidAndShownNoLonger) {
  stall(pair.primary_node, OperationKind::read, "/images/");
  const Result<JobId> job = pair.begin_sync();
  ASSERT_TRUE(job.has_value());
  pair.pass(std::chrono::minutes(3));
  pair.world.disk(pair.primary_node).clear_faults();
  pair.pass(std::chrono::seconds(30));
  EXPECT_EQ(times_told("waits no more"), 2U);  // the read, and the job
  EXPECT_EQ(pair.primary->job(*job)->state, JobState::done);
  EXPECT_EQ(pair.status_of(*pair.primary).health, Health::normal);
}

TEST_F(Watching, WorkThatGoesWellIsNotMentioned) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(pair.sync()->state, JobState::done);
    pair.pass(std::chrono::minutes(10));
  }
  EXPECT_TRUE(pair.told.empty()) << pair.told.front();
}

}  // namespace
}  // namespace afterimage::host
