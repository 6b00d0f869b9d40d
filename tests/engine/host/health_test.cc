// SPDX-License-Identifier: Apache-2.0
// What a host says of itself when its devices fail, and that it mends without a new start.
#include <gtest/gtest.h>

#include "tests/engine/host/host_kit.h"

namespace afterimage::host {
namespace {

using io::sim::OperationKind;
using kit::HostPair;

class HostHealth : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pair.start().has_value());
    const Status made = pair.protect();
    ASSERT_TRUE(made.has_value()) << made.error().text();
  }
  void expect(const MachineStatus& status, Health health, std::string_view said) {
    EXPECT_EQ(status.health, health) << HostPair::reasons_of(status);
    EXPECT_NE(HostPair::reasons_of(status).find(said), std::string::npos) << HostPair::reasons_of(status);
  }
  void expect_well(Host& host) {
    const MachineStatus status = pair.status_of(host);
    EXPECT_EQ(status.health, Health::normal) << HostPair::reasons_of(status);
  }
  io::sim::DiskControl& disk(io::sim::NodeId node) { return pair.world.disk(node); }

  HostPair pair;
};

TEST_F(HostHealth, AStoppedReplicaSaysWhyAndWhenItWasTriedAndComesBack) {
  disk(pair.replica_node)
      .add_fault(
          {.match = {.kind = OperationKind::sync, .path_part = ".open"}, .count = io::sim::forever, .error = EIO});
  const Result<JobInfo> failed = pair.sync();
  ASSERT_TRUE(failed.has_value());
  EXPECT_EQ(failed->state, JobState::failed);
  expect(pair.status_of(*pair.replica), Health::critical, "paused: ");
  pair.pass(std::chrono::minutes(2));
  expect(pair.status_of(*pair.replica), Health::critical, "; tried again at 2026-");
  EXPECT_EQ(pair.status_of(*pair.replica).state, "stopped");
  disk(pair.replica_node).clear_faults();
  pair.pass(std::chrono::seconds(61));
  expect_well(*pair.replica);
  const Result<JobInfo> made = pair.sync();
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->state, JobState::done);
}

TEST_F(HostHealth, AProtectedMachineWhoseRecordDidNotReadComesBack) {
  disk(pair.primary_node)
      .add_fault({.match = {.kind = OperationKind::read, .path_part = "/state/machines"},
                  .count = io::sim::forever,
                  .error = EIO});
  ASSERT_TRUE(pair.restart_primary().has_value());
  expect(pair.status_of(*pair.primary), Health::critical, "paused: its state cannot be read");
  pair.pass(std::chrono::minutes(1));
  expect(pair.status_of(*pair.primary), Health::critical, "; tried again at 2026-");
  disk(pair.primary_node).clear_faults();
  pair.pass(std::chrono::seconds(61));
  EXPECT_EQ(pair.status_of(*pair.primary).name, "web1");
  const Result<JobInfo> made = pair.sync();
  ASSERT_TRUE(made.has_value()) << made.error().text();
  EXPECT_EQ(made->state, JobState::done);
}

TEST_F(HostHealth, AProtectedMachineWhoseRecordDidNotReadIsTriedWhenACommandAsksForIt) {
  disk(pair.primary_node)
      .add_fault({.match = {.kind = OperationKind::read, .path_part = "/state/machines"}, .count = 1, .error = EIO});
  ASSERT_TRUE(pair.restart_primary().has_value());
  expect(pair.status_of(*pair.primary), Health::critical, "paused: its state cannot be read");
  const Result<JobInfo> made = pair.sync();
  ASSERT_TRUE(made.has_value()) << made.error().text();
  EXPECT_EQ(made->state, JobState::done);
}

TEST_F(HostHealth, WhileARecordCannotBeReadNoMachineIsTakenForANewOne) {
  disk(pair.primary_node)
      .add_fault({.match = {.kind = OperationKind::read, .path_part = "/state/machines"},
                  .count = io::sim::forever,
                  .error = EIO});
  ASSERT_TRUE(pair.restart_primary().has_value());
  const Status again = pair.protect();
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::refused) << again.error().text();
  const Result<JobInfo> asked = pair.sync();
  ASSERT_FALSE(asked.has_value());
  EXPECT_NE(asked.error().text().find("whether this host protects web1 is not known"), std::string::npos)
      << asked.error().text();
  disk(pair.primary_node).clear_faults();
  pair.pass(std::chrono::seconds(61));
  const Result<JobInfo> made = pair.sync();
  ASSERT_TRUE(made.has_value()) << made.error().text();
  EXPECT_EQ(made->state, JobState::done);
}

TEST_F(HostHealth, ACatalogueThatTakesNothingIsAWarningAndNoPointIsLost) {
  pair.replica_catalogue.refuse_writes();
  const Result<JobInfo> made = pair.sync();
  ASSERT_TRUE(made.has_value()) << made.error().text();
  EXPECT_EQ(made->state, JobState::done);
  expect(pair.status_of(*pair.replica), Health::warning, "points are safe in the journals");
  pair.replica_catalogue.take_writes();
  pair.pass(std::chrono::seconds(70));  // nobody came meanwhile
  expect_well(*pair.replica);
}

void fail_once(HostPair& pair, OperationKind kind) {
  pair.world.disk(pair.primary_node)
      .add_fault({.match = {.kind = kind, .path_part = "/state/machines/"}, .error = EIO});
}

TEST(HostStart, AProtectionThatFailedIsNotThereAfterTheNextStart) {
  HostPair pair;
  ASSERT_TRUE(pair.start().has_value());
  fail_once(pair, OperationKind::sync_directory);  // the record is there already
  ASSERT_FALSE(pair.protect().has_value());
  ASSERT_TRUE(pair.restart_primary().has_value());
  const auto shown = pair.run(pair.primary->status(*pair.primary_scope, std::nullopt));
  ASSERT_TRUE(shown.has_value());
  EXPECT_TRUE(shown->empty());
}

TEST(HostStart, OfTwoMachinesWithOneNameTheOneThatHasPointsKeepsItAndTheOtherIsShown) {
  HostPair pair;
  ASSERT_TRUE(pair.start().has_value());
  constexpr int left_over = 4;  // by chance of their ids some are found before the one that has points, some after it
  for (int i = 0; i < left_over; ++i) {
    fail_once(pair, OperationKind::sync_directory);
    fail_once(pair, OperationKind::remove);
    ASSERT_FALSE(pair.protect().has_value());
  }
  const Status made = pair.protect();
  ASSERT_TRUE(made.has_value()) << made.error().text();
  ASSERT_TRUE(pair.restart_primary().has_value());
  const Result<JobInfo> synced = pair.sync();
  ASSERT_TRUE(synced.has_value()) << synced.error().text();
  EXPECT_EQ(synced->state, JobState::done) << (synced->error ? synced->error->text() : "");
  const auto shown = pair.run(pair.primary->status(*pair.primary_scope, std::nullopt));
  ASSERT_TRUE(shown.has_value());
  EXPECT_EQ(shown->size(), 1U + left_over);
}

}  // namespace
}  // namespace afterimage::host
