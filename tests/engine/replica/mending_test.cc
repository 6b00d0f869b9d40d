// SPDX-License-Identifier: Apache-2.0
// Machines that a failing device has stopped, and that come back without a new start: what they keep showing meanwhile,
// when they are tried again, and that nothing of the page cache is believed.
#include <gtest/gtest.h>

#include "tests/engine/replica/replica_kit.h"

namespace afterimage::replica {
namespace {

using io::sim::OperationKind;
using kit::ModelPrimary;
using kit::ReplicaBench;

class Mending : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(bench.start().has_value());
    bench.admit(primary);
    for (int i = 0; i < 3; ++i) make_point();
  }
  void make_point() {
    primary.change(4);
    const Status made = bench.make_point(primary);
    ASSERT_TRUE(made.has_value()) << made.error().text();
  }
  void fail_syncs(std::uint64_t count) {
    bench.disk().add_fault(
        {.match = {.kind = OperationKind::sync, .path_part = ".open"}, .count = count, .error = EIO});
  }
  // A point whose sync fails, and with it the machine.
  void stop_by_failed_sync(std::uint64_t syncs) {
    fail_syncs(syncs);
    primary.change(4);
    const Status failed = bench.make_point(primary);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, ErrorCode::io_failed);
    ASSERT_EQ(machine().state(), MachineState::stopped);
  }
  Machine& machine() { return *bench.machine(primary); }
  void pass(Duration time) { (void)bench.world.run_for(time); }

  ReplicaBench bench{3};
  ModelPrimary primary{41};
};

TEST_F(Mending, AMachineWhoseSyncFailedComesBackWithTheNextSession) {
  stop_by_failed_sync(1);
  const Status made = bench.make_point(primary);
  EXPECT_TRUE(made.has_value()) << made.error().text();
  EXPECT_EQ(machine().stop_reason(), "");
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Mending, AMachineComesBackByItselfASecondAfterItsDeviceHasHealed) {
  bench.store->begin_mending();
  stop_by_failed_sync(1);
  EXPECT_FALSE(machine().retry().tried().has_value());
  pass(std::chrono::seconds(2));
  EXPECT_EQ(machine().stop_reason(), "");
  EXPECT_EQ(bench.check(primary), "");
  make_point();
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Mending, WhileTheDeviceFailsOldPointsReadAndTheReasonStays) {
  bench.store->begin_mending();
  stop_by_failed_sync(io::sim::forever);
  pass(std::chrono::minutes(10));
  EXPECT_EQ(machine().state(), MachineState::stopped);
  EXPECT_FALSE(machine().stop_reason().empty());
  EXPECT_TRUE(machine().retry().tried().has_value());
  EXPECT_EQ(bench.check(primary), "");
  const Status refused = bench.make_point(primary);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
  bench.disk().clear_faults();
  pass(RetrySchedule::pause_max + std::chrono::seconds(1));
  EXPECT_EQ(machine().stop_reason(), "");
  make_point();
  EXPECT_EQ(bench.check(primary), "");
}

// Btrfs does not survive a failed sync of what has no new data, and with it goes what could be read.
TEST_F(Mending, ADeviceThatTakesNothingIsAskedWithFreshDataOnly) {
  bench.store->begin_mending();
  stop_by_failed_sync(1);
  bench.disk().add_fault({.match = {.kind = OperationKind::write, .path_part = bench.machine_path(primary)},
                          .count = io::sim::forever,
                          .error = EIO});
  std::vector<std::string> synced;
  bench.world.on_operation([&synced](const io::sim::OperationNotice& notice) {
    const bool is_sync = notice.kind == OperationKind::sync || notice.kind == OperationKind::sync_directory;
    if (is_sync && notice.moment == io::sim::Moment::before) synced.emplace_back(notice.path);
  });
  pass(std::chrono::minutes(10));
  EXPECT_FALSE(bench.make_point(primary).has_value());
  EXPECT_EQ(synced, std::vector<std::string>{});
  EXPECT_EQ(machine().state(), MachineState::stopped);
  EXPECT_EQ(bench.check(primary), "");
  bench.world.on_operation({});
  bench.disk().clear_faults();
  pass(RetrySchedule::pause_max + std::chrono::seconds(1));
  EXPECT_EQ(machine().stop_reason(), "");
  make_point();
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Mending, PausesGrowToAMinute) {
  bench.store->begin_mending();
  stop_by_failed_sync(io::sim::forever);
  std::uint64_t before = bench.disk().faults_injected();
  pass(std::chrono::minutes(2));
  const std::uint64_t early = bench.disk().faults_injected() - before;
  before = bench.disk().faults_injected();
  pass(std::chrono::minutes(10));
  EXPECT_GE(early, 6U);
  EXPECT_LE(bench.disk().faults_injected() - before, 11U);
}

// Else a primary whose pending point is of that epoch is refused until the daemon is started anew.
TEST_F(Mending, AnEpochOfWhichNothingWasLeftBeginsOnceMore) {
  primary.change(4);
  std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const Result<Welcome> welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(welcome.has_value());
  primary.prepare_pending(welcome->newest_epoch.next());
  bench.disk().add_fault({.match = {.kind = OperationKind::write, .path_part = ".open"}, .count = 1, .error = EIO});
  ASSERT_FALSE(bench.run(primary.send_pending(*bench.scope, *sink)).has_value());
  sink = bench.store->receiver(primary.peer());
  ASSERT_TRUE(bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network)).has_value());
  const Status sent = bench.run(primary.send_pending(*bench.scope, *sink));
  EXPECT_TRUE(sent.has_value()) << sent.error().text();
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Mending, OtherMachinesGoOnWhileOneIsStopped) {
  bench.store->begin_mending();
  ModelPrimary other{77};
  bench.admit(other);
  ASSERT_TRUE(bench.make_point(other).has_value());
  const std::string path = bench.machine_path(primary);
  bench.disk().add_fault(
      {.match = {.kind = OperationKind::sync, .path_part = path}, .count = io::sim::forever, .error = EIO});
  primary.change(4);
  ASSERT_FALSE(bench.make_point(primary).has_value());
  pass(std::chrono::minutes(3));
  other.change(5);
  EXPECT_TRUE(bench.make_point(other).has_value());
  EXPECT_EQ(machine().state(), MachineState::stopped);
  EXPECT_EQ(bench.check(other), "");
}

TEST_F(Mending, AMachineThatCouldNotBeOpenedAtAllIsOpenedLater) {
  bench.stop();
  bench.disk().add_fault(
      {.match = {.kind = OperationKind::read, .path_part = "/description"}, .count = io::sim::forever, .error = EIO});
  ASSERT_TRUE(bench.restart().has_value());
  ASSERT_EQ(bench.machine(primary), nullptr);
  ASSERT_EQ(bench.store->troubles().size(), 1U);
  bench.store->begin_mending();
  pass(std::chrono::seconds(30));
  EXPECT_TRUE(bench.store->troubles().front().retry.tried().has_value());
  bench.disk().clear_faults();
  pass(RetrySchedule::pause_max + std::chrono::seconds(1));
  EXPECT_TRUE(bench.store->troubles().empty());
  ASSERT_NE(bench.machine(primary), nullptr);
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Mending, AStoppedMachineCanBeRemoved) {
  bench.store->begin_mending();
  stop_by_failed_sync(io::sim::forever);
  pass(std::chrono::seconds(20));
  const Status removed = bench.run(bench.store->remove_machine(*bench.scope, primary.description().id));
  ASSERT_TRUE(removed.has_value()) << removed.error().text();
  bench.disk().clear_faults();
  pass(std::chrono::minutes(5));
  EXPECT_FALSE(bench.disk().exists(bench.machine_path(primary)));
}

TEST_F(Mending, PointsThatTheCatalogueDidNotTakeAreToldLater) {
  bench.store->begin_mending();
  bench.kept.refuse_writes();
  make_point();  // the journal is the truth
  make_point();
  EXPECT_FALSE(machine().index_failure().empty());
  EXPECT_EQ(bench.check(primary), "");
  pass(std::chrono::seconds(10));
  EXPECT_TRUE(machine().index_retry().tried().has_value());
  const MachineId id = primary.description().id;
  EXPECT_EQ(bench.run(bench.catalogue->points(*bench.scope, id))->size(), 3U);
  bench.kept.take_writes();
  pass(RetrySchedule::pause_max + std::chrono::seconds(1));
  EXPECT_EQ(machine().index_failure(), "");
  EXPECT_EQ(bench.run(bench.catalogue->points(*bench.scope, id))->size(), 5U);
}

// A point that only the journal remembers is acknowledged all the same: losing it is no unfinished tail.
TEST_F(Mending, APointThatTheCatalogueDoesNotKnowIsMissedByTheReopening) {
  bench.kept.refuse_writes();
  make_point();
  const Sequence last = machine().head().sequence;
  stop_by_failed_sync(1);
  const std::string path = bench.machine_path(primary) + "/journal/0000000000000001.open";
  const ByteOffset at = machine().journal()->points().back().offset;
  ASSERT_TRUE(bench.disk().rot(path, at + ByteCount(std::uint64_t{20}), std::byte{1}).has_value());
  ASSERT_FALSE(bench.run(machine().reopen(*bench.scope)).has_value());
  EXPECT_EQ(machine().state(), MachineState::stopped);
  EXPECT_EQ(machine().points().back().sequence, last);
  bench.kept.take_writes();
}

// What the cache holds after a failed sync is not on the device: a point that is acknowledged after the reopening must
// outlive the power.
TEST_F(Mending, WhatIsAcknowledgedAfterwardsOutlivesAPowerCut) {
  for (std::uint64_t syncs = 1; syncs < 6; ++syncs) {
    fail_syncs(syncs);
    for (int tried = 0; tried < 12 && bench.disk().faults_injected() < syncs; ++tried) {
      primary.change(3);
      (void)bench.make_point(primary);
      pass(std::chrono::seconds(2));
    }
    bench.disk().clear_faults();
    make_point();
    bench.world.power_cut(bench.node);
    ASSERT_TRUE(bench.restart().has_value());
    bench.admit(primary);
    ASSERT_EQ(bench.check(primary), "") << syncs << " syncs failed";
  }
}

}  // namespace
}  // namespace afterimage::replica
