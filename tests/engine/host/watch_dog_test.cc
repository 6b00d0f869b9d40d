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
  explicit Watching(kit::Between between = kit::Between::calls) : pair(between) {}
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

  // Whatever begins on a worker of that host now runs for ten minutes.
  void hang_workers(io::sim::NodeId node) {
    pair.world.set_worker_delay(node, {.min = std::chrono::minutes(10), .max = std::chrono::minutes(10)});
  }
  void free_workers(io::sim::NodeId node) {
    pair.world.set_worker_delay(node, {.min = std::chrono::microseconds(1), .max = std::chrono::microseconds(100)});
  }

  HostPair pair;
};

class WatchingOverNetwork : public Watching {
 protected:
  WatchingOverNetwork() : Watching(kit::Between::streams) {}
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

// Read and compared at once where the simulated cache has it, which is by the seed.
TEST_F(Watching, WorkOnAWorkerThatDoesNotEndIsNamed) {
  hang_workers(pair.primary_node);
  ASSERT_TRUE(pair.begin_sync().has_value());
  pair.pass(std::chrono::seconds(1));
  free_workers(pair.primary_node);  // but for the one that hangs
  pair.pass(std::chrono::seconds(40));
  expect(*pair.primary, Health::warning, "compare blocks (a worker) has waited 4");
  pair.pass(std::chrono::minutes(5));
  expect(*pair.primary, Health::critical, "compare blocks (a worker) has waited 34");
  pair.pass(std::chrono::minutes(5));
  EXPECT_EQ(times_told("compare blocks (a worker) waits no more"), 1U);
  EXPECT_EQ(pair.status_of(*pair.primary).health, Health::normal);
}

TEST_F(Watching, ACallOfSQLiteThatDoesNotEndIsNamedAndStatusAnswersAllTheSame) {
  EXPECT_EQ(pair.status_of(*pair.replica).peer, "primary");
  hang_workers(pair.replica_node);
  ASSERT_TRUE(pair.begin_sync().has_value());  // the gate asks host.db
  pair.pass(std::chrono::seconds(1));
  free_workers(pair.replica_node);
  pair.pass(std::chrono::seconds(40));
  const MonotonicTime asked = pair.world.now();
  const MachineStatus status = pair.status_of(*pair.replica);
  EXPECT_LE(pair.world.now() - asked, std::chrono::seconds(5));
  EXPECT_EQ(status.peer, "primary");
  EXPECT_NE(HostPair::reasons_of(status).find("this host: use host.db (a worker) has waited "), std::string::npos)
      << HostPair::reasons_of(status);
}

TEST_F(Watching, StatusOfAPrimaryAnswersWhileTheDiskOfItsStateHangs) {
  pair.world.disk(pair.primary_node)
      .add_fault({.match = {.kind = OperationKind::read, .path_part = "/state"},
                  .count = io::sim::forever,
                  .error = io::sim::never_ends});
  ASSERT_TRUE(pair.begin_sync().has_value());
  pair.pass(std::chrono::seconds(40));
  const MonotonicTime asked = pair.world.now();
  expect(*pair.primary, Health::warning, "web1: read (/state/machines/");
  EXPECT_LE(pair.world.now() - asked, std::chrono::seconds(1));
  EXPECT_EQ(pair.status_of(*pair.primary).latest_point->sequence, Sequence(std::uint64_t{1}));
}

TEST_F(WatchingOverNetwork, AWaitForAnAcknowledgementIsNamedWithThePointAndTheReplica) {
  stall(pair.replica_node, OperationKind::sync, ".open");
  ASSERT_TRUE(pair.begin_sync().has_value());
  pair.pass(std::chrono::seconds(70));
  expect(*pair.primary, Health::warning, "web1: wait for the acknowledgement of point 2 (replica) has waited 6");
  expect(*pair.replica, Health::warning, "web1: sync (/store/machines/");
  EXPECT_EQ(times_told("web1: wait for the acknowledgement of point 2 (replica) has waited"), 1U);
}

TEST_F(WatchingOverNetwork, AWaitForFramesOfAPrimaryThatLivesButHangsIsNamedAtTheReplica) {
  stall(pair.primary_node, OperationKind::read, "/spool");
  ASSERT_TRUE(pair.begin_sync().has_value());
  pair.pass(std::chrono::seconds(70));
  expect(*pair.replica, Health::warning, "web1: wait for frames (primary) has waited 6");
  expect(*pair.primary, Health::warning, "web1: read (/state/machines/");
  pair.world.disk(pair.primary_node).clear_faults();
  pair.pass(std::chrono::seconds(10));
  EXPECT_EQ(times_told("web1: wait for frames (primary) waits no more"), 1U);
  EXPECT_EQ(pair.status_of(*pair.replica).health, Health::normal);
}

TEST_F(WatchingOverNetwork, WorkThatGoesWellIsNotMentioned) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(pair.sync()->state, JobState::done);
    pair.pass(std::chrono::minutes(10));
  }
  EXPECT_TRUE(pair.told.empty()) << pair.told.front();
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
