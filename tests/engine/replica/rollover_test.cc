// SPDX-License-Identifier: Apache-2.0
// Epochs that fill segments: the journal rolls over in their middle, and again whatever is cut or fails there.
//
//   1.open: point 1, frames of epoch 3 ─ full ─ 2.open: frames of epoch 3, point 2 ─► 1.segment, 2.open
#include <gtest/gtest.h>

#include "engine/replica/verify.h"
#include "tests/engine/replica/replica_kit.h"

namespace afterimage::replica {
namespace {

using kit::ModelPrimary;
using kit::ReplicaBench;

constexpr std::uint64_t filling_extents = 150'000;  // more than one segment's index may have

ModelPrimary make_primary(std::uint64_t seed) {
  ModelPrimary primary(seed, {30'000, 50'000});
  primary.add_hollow_disk(filling_extents);
  return primary;
}

Status make_all(ReplicaBench& bench, ModelPrimary& primary, std::size_t count) {
  while (primary.acknowledged().size() < count) {
    primary.change(5);
    AFI_TRY_STATUS(bench.make_point(primary));
  }
  return {};
}

TEST(RollOver, AnEpochMaySpanSegments) {
  ReplicaBench bench(1);
  ModelPrimary primary = make_primary(1);
  ASSERT_TRUE(bench.start().has_value());
  bench.admit(primary);
  const Status made = make_all(bench, primary, 3);
  ASSERT_TRUE(made.has_value()) << made.error().text();
  EXPECT_EQ(bench.check(primary), "");
  const auto names = bench.disk().list(bench.machine_path(primary) + "/journal");
  ASSERT_TRUE(names.has_value());
  EXPECT_GT(names->size(), 2U);
  for (std::size_t i = 0; i + 1 < names->size(); ++i) EXPECT_TRUE((*names)[i].ends_with(".segment")) << (*names)[i];
  EXPECT_TRUE(names->back().ends_with(".open"));
  ASSERT_TRUE(bench.restart().has_value());
  EXPECT_EQ(bench.check(primary), "");
  const auto outcome = bench.run(verify(*bench.scope, bench.machine(primary), std::nullopt, nullptr));
  ASSERT_TRUE(outcome.has_value()) << outcome.error().text();
  EXPECT_TRUE(outcome->damage.empty()) << outcome->damage.front().what;
  EXPECT_EQ(outcome->points_verified, 3U);
}

// The records of a sealed segment say everything that its index does, also where they begin in the middle of an epoch.
TEST(RollOver, ASealedSegmentWithoutItsIndexIsReadFromItsRecords) {
  ReplicaBench bench(1);
  bench.segment_bytes = ByteCount(std::uint64_t{512});  // an epoch fills several
  ModelPrimary primary(1, {300'000, 50'000});
  primary.frame_blocks = 1;
  ASSERT_TRUE(bench.start().has_value());
  bench.admit(primary);
  while (primary.acknowledged().size() < 4) {
    primary.change(20);
    ASSERT_TRUE(bench.make_point(primary).has_value());
  }
  const std::string journal = bench.machine_path(primary) + "/journal/";
  const auto names = bench.disk().list(journal);
  ASSERT_TRUE(names.has_value());
  int tried = 0;
  for (const std::string& name : *names) {
    if (!name.ends_with(".segment")) continue;
    ++tried;
    bench.stop();
    const std::uint64_t last = bench.disk().size(journal + name)->value() - 1;
    const Bytes byte =
        *bench.disk().read(journal + name, {.offset = ByteOffset(last), .size = ByteCount(std::uint64_t{1})});
    ASSERT_TRUE(bench.disk().write(journal + name, ByteOffset(last), Bytes(1, byte[0] ^ std::byte{1}),
                                   io::sim::Persistence::synced));
    ASSERT_TRUE(bench.start().has_value());
    EXPECT_EQ(bench.check(primary), "") << name;
    EXPECT_EQ(bench.machine(primary)->stop_reason(), "") << name;
    EXPECT_EQ(bench.machine(primary)->points().size(), 4U) << name;
    ASSERT_TRUE(bench.disk().write(journal + name, ByteOffset(last), byte, io::sim::Persistence::synced));
  }
  EXPECT_GT(tried, 4);
}

TEST(RollOver, ASegmentIsSealedAtTheSizeThatItsStoreSays) {
  ReplicaBench bench(1);
  bench.segment_bytes = ByteCount(std::uint64_t{512});  // a point or two
  ModelPrimary primary(1, {300'000, 50'000});
  ASSERT_TRUE(bench.start().has_value());
  bench.admit(primary);
  ASSERT_TRUE(make_all(bench, primary, 12).has_value());
  EXPECT_EQ(bench.check(primary), "");
  const auto names = bench.disk().list(bench.machine_path(primary) + "/journal");
  ASSERT_TRUE(names.has_value());
  EXPECT_GT(names->size(), 3U);
  bench.segment_bytes = ByteCount(limits::segment_bytes_max);
  ASSERT_TRUE(bench.restart().has_value());
  ASSERT_TRUE(make_all(bench, primary, 24).has_value());
  EXPECT_EQ(bench.check(primary), "");
  EXPECT_EQ(bench.disk().list(bench.machine_path(primary) + "/journal")->size(), names->size());
}

// Operations on the journal's files are where a roll-over can be cut.
class RollOverCut : public testing::TestWithParam<std::tuple<io::sim::CrashKind, io::sim::Moment>> {};

TEST_P(RollOverCut, AtEveryOperationOnTheJournalLosesNothingAcknowledged) {
  const auto [kind, moment] = GetParam();
  std::uint64_t operation = 0;
  for (;; operation += AFTERIMAGE_OPERATION_STEP) {
    ReplicaBench bench(operation + 1);
    ModelPrimary primary = make_primary(operation + 1);
    bench.world.crash_at(bench.node,
                         {.match = {.path_part = "/journal", .skip = operation}, .kind = kind, .moment = moment});
    Status ran = bench.start();
    if (ran) {
      bench.admit(primary);
      ran = make_all(bench, primary, 1);
    }
    bench.world.disarm_crash(bench.node);
    if (bench.world.is_up(bench.node)) {
      ASSERT_TRUE(ran.has_value()) << ran.error().text();
      break;
    }
    const Status started = bench.restart();
    ASSERT_TRUE(started.has_value()) << "operation " << operation << ": " << started.error().text();
    bench.admit(primary);
    ASSERT_EQ(bench.check(primary), "") << "operation " << operation;
    const Status made = make_all(bench, primary, 1);
    ASSERT_TRUE(made.has_value()) << "operation " << operation << ": " << made.error().text();
    ASSERT_EQ(bench.check(primary), "") << "operation " << operation;
  }
  EXPECT_GT(operation, 20U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RollOverCut,
                         testing::Combine(testing::Values(io::sim::CrashKind::kill, io::sim::CrashKind::power_cut),
                                          testing::Values(io::sim::Moment::before, io::sim::Moment::after)));

TEST(RollOver, AFullDiskInItsMiddleLosesNothingAndGoesOnWhenThereIsSpace) {
  for (std::uint64_t operation = 0;; operation += AFTERIMAGE_OPERATION_STEP) {
    ReplicaBench bench(operation + 1);
    ModelPrimary primary = make_primary(operation + 1);
    ASSERT_TRUE(bench.start().has_value());
    bench.admit(primary);
    bench.disk().add_fault({.match = {.path_part = ".open", .skip = operation}, .count = 1, .error = ENOSPC});
    const Status ran = make_all(bench, primary, 1);
    const bool fired = bench.disk().faults_injected() > 0;
    bench.disk().clear_faults();
    if (!fired) {
      ASSERT_TRUE(ran.has_value()) << ran.error().text();
      break;
    }
    const std::shared_ptr<Machine> machine = bench.machine(primary);
    if (machine->state() == MachineState::stopped) {  // it was the sync that failed
      ASSERT_TRUE(bench.restart().has_value());
    }
    ASSERT_EQ(bench.check(primary), "") << "operation " << operation;
    const Status made = make_all(bench, primary, 1);
    ASSERT_TRUE(made.has_value()) << "operation " << operation << ": " << made.error().text();
    ASSERT_EQ(bench.check(primary), "") << "operation " << operation;
  }
}

TEST(RollOver, AnEpochThatIsGivenUpLeavesNothing) {
  ReplicaBench bench(1);
  ModelPrimary primary = make_primary(1);
  ASSERT_TRUE(bench.start().has_value());
  bench.admit(primary);
  ASSERT_TRUE(make_all(bench, primary, 1).has_value());
  primary.change(5);
  primary.prepare_pending(Epoch(std::uint64_t{50}));
  {
    const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
    ASSERT_TRUE(bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network)).has_value());
    ASSERT_TRUE(
        bench
            .run(sink->begin(*bench.scope,
                             {.kind = EpochKind::cycle, .epoch = Epoch(std::uint64_t{50}), .parent = primary.head()}))
            .has_value());
    for (const Bytes& frame : primary.pending_frames())
      ASSERT_TRUE(bench.run(sink->append(*bench.scope, frame)).has_value());
    // A greater epoch: the unfinished one goes.
    ASSERT_TRUE(
        bench
            .run(sink->begin(*bench.scope,
                             {.kind = EpochKind::cycle, .epoch = Epoch(std::uint64_t{51}), .parent = primary.head()}))
            .has_value());
  }
  EXPECT_EQ(bench.check(primary), "");
  ASSERT_TRUE(bench.restart().has_value());
  EXPECT_FALSE(bench.machine(primary)->journal()->unfinished().has_value());
  ASSERT_TRUE(make_all(bench, primary, 3).has_value());
  EXPECT_EQ(bench.check(primary), "");
}

TEST(RollOver, WhatWasSentOfALongEpochIsNotSentAgain) {
  ReplicaBench bench(1);
  ModelPrimary primary = make_primary(1);
  ASSERT_TRUE(bench.start().has_value());
  bench.admit(primary);
  ASSERT_TRUE(make_all(bench, primary, 1).has_value());
  primary.change(5);
  primary.prepare_pending(Epoch(std::uint64_t{50}));
  const std::size_t half = primary.pending_frames().size() - 3;
  {
    const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
    ASSERT_TRUE(bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network)).has_value());
    ASSERT_TRUE(
        bench
            .run(sink->begin(*bench.scope,
                             {.kind = EpochKind::cycle, .epoch = Epoch(std::uint64_t{50}), .parent = primary.head()}))
            .has_value());
    for (std::size_t i = 0; i < half; ++i) {
      ASSERT_TRUE(bench.run(sink->append(*bench.scope, primary.pending_frames()[i])).has_value());
    }
  }
  (void)bench.world.run_for(std::chrono::seconds(1));  // what is being stored has been
  bench.world.kill(bench.node);
  ASSERT_TRUE(bench.restart().has_value());
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(welcome.has_value());
  ASSERT_TRUE(welcome->unfinished.has_value());
  EXPECT_GT(welcome->unfinished->frames, half / 2);
  ASSERT_TRUE(bench.run(primary.send_pending(*bench.scope, *sink)).has_value());
  EXPECT_EQ(bench.check(primary), "");
}

}  // namespace
}  // namespace afterimage::replica
