// SPDX-License-Identifier: Apache-2.0
// A replica that is crashed, or whose disk fails, at its first, second, third … operation. Whatever happens: every
// acknowledged point is there and reads right, nothing else is listed, and the machine goes on.
//
//   open store ─ seed and first point ─ cycle ─ cycle       the operation n of it fails or crashes
//   ─ restart ─ check ─ the rest of the cycles ─ check
#include <gtest/gtest.h>

#include "tests/engine/replica/replica_kit.h"

namespace afterimage::replica {
namespace {

using kit::ModelPrimary;
using kit::ReplicaBench;

constexpr int points_wanted = 3;

// Makes points until there are enough, or something goes wrong.
Status make_all(ReplicaBench& bench, ModelPrimary& primary) {
  while (primary.acknowledged().size() < points_wanted) {
    primary.change(7);
    AFI_TRY_STATUS(bench.make_point(primary));
  }
  return {};
}

// There are fewer, or a loop does not end.
constexpr std::uint64_t operations_max = 4000;

struct Outcome {
  bool fired = false;
  std::string problem;
};

std::string finish(ReplicaBench& bench, ModelPrimary& primary, int restarts_max) {
  for (int i = 0; i < restarts_max; ++i) {
    const Status started = bench.restart();
    if (!started && bench.world.is_up(bench.node)) return "start: " + started.error().text();
    if (!started) continue;  // crashed again while it recovered
    bench.admit(primary);
    std::string problem = bench.check(primary);
    if (!bench.world.is_up(bench.node)) continue;
    if (!problem.empty()) return problem;
    const Status made = make_all(bench, primary);
    if (!made && bench.world.is_up(bench.node)) return "go on: " + made.error().text();
    if (!made) continue;
    return bench.check(primary);
  }
  return "it never came back";
}

Outcome crash_at(std::uint64_t seed, std::uint64_t operation, io::sim::CrashKind kind, io::sim::Moment moment) {
  ReplicaBench bench(seed);
  ModelPrimary primary(seed);
  bench.world.crash_at(bench.node, {.match = {.skip = operation}, .kind = kind, .moment = moment});
  Status ran = bench.start();
  if (ran) {
    bench.admit(primary);
    ran = make_all(bench, primary);
  }
  bench.world.disarm_crash(bench.node);
  if (bench.world.is_up(bench.node))
    return {.fired = false, .problem = ran ? bench.check(primary) : ran.error().text()};
  // Crashes once more while it recovers, somewhere.
  bench.stop();
  bench.world.restart(bench.node);
  bench.world.crash_at(bench.node, {.match = {.skip = operation % 23}, .kind = kind, .moment = moment});
  const Status again = bench.start();
  if (again) bench.world.disarm_crash(bench.node);
  return {.fired = true, .problem = finish(bench, primary, 4)};
}

class Crash : public testing::TestWithParam<std::tuple<io::sim::CrashKind, io::sim::Moment>> {};

TEST_P(Crash, AtEveryOperationLosesNothingAcknowledged) {
  const auto [kind, moment] = GetParam();
  std::uint64_t operation = 0;
  for (; operation < operations_max; operation += AFTERIMAGE_OPERATION_STEP) {
    const Outcome outcome = crash_at(operation + 1, operation, kind, moment);
    ASSERT_EQ(outcome.problem, "") << "operation " << operation;
    if (!outcome.fired) break;
  }
  EXPECT_LT(operation, operations_max);
  EXPECT_GT(operation, 50U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Crash,
                         testing::Combine(testing::Values(io::sim::CrashKind::kill, io::sim::CrashKind::power_cut),
                                          testing::Values(io::sim::Moment::before, io::sim::Moment::after)));

// A kill leaves the page cache. What the next life lists from it, the host has shown and the primary may have adopted:
// a power cut must not take it any more.
TEST(CrashTwice, WhatALifeListedAfterAKillIsThereAfterAPowerCut) {
  for (std::uint64_t operation = 0; operation < operations_max; operation += AFTERIMAGE_OPERATION_STEP) {
    ReplicaBench bench(operation + 1);
    ModelPrimary primary(operation + 1);
    bench.world.crash_at(bench.node, {.match = {.skip = operation}, .kind = io::sim::CrashKind::kill});
    Status ran = bench.start();
    if (ran) {
      bench.admit(primary);
      ran = make_all(bench, primary);
    }
    bench.world.disarm_crash(bench.node);
    if (bench.world.is_up(bench.node)) return;
    ASSERT_TRUE(bench.restart().has_value()) << "operation " << operation;
    bench.admit(primary);
    const std::shared_ptr<Machine> machine = bench.machine(primary);
    const std::size_t listed = machine ? machine->points().size() : 0;
    bench.stop();
    bench.world.power_cut(bench.node);
    ASSERT_TRUE(bench.restart().has_value()) << "operation " << operation;
    bench.admit(primary);
    const std::shared_ptr<Machine> again = bench.machine(primary);
    ASSERT_EQ(again ? again->points().size() : 0, listed) << "operation " << operation;
    ASSERT_EQ(again ? again->stop_reason() : "", "") << "operation " << operation;
    ASSERT_EQ(bench.check(primary), "") << "operation " << operation;
  }
  FAIL() << "there are ever more operations";
}

// An error at operation n, once or from then on; then the disk is well again and the daemon is started anew.
Outcome fail_at(std::uint64_t seed, std::uint64_t operation, int error, std::uint64_t count, io::sim::CrashKind then) {
  ReplicaBench bench(seed);
  ModelPrimary primary(seed);
  bench.disk().add_fault({.match = {.skip = operation}, .count = count, .error = error});
  Status ran = bench.start();
  if (ran) {
    bench.admit(primary);
    ran = make_all(bench, primary);
  }
  const bool fired = bench.disk().faults_injected() > 0;
  bench.disk().clear_faults();
  if (!fired) return {.fired = false, .problem = ran ? bench.check(primary) : ran.error().text()};
  // While the same daemon goes on, what it lists is right, or the machine says that it has stopped.
  if (bench.store && bench.machine(primary) && bench.machine(primary)->stop_reason().empty()) {
    const std::string problem = bench.check(primary);
    if (!problem.empty()) return {.fired = true, .problem = "without a restart: " + problem};
  }
  bench.stop();
  if (then == io::sim::CrashKind::power_cut) bench.world.power_cut(bench.node);
  return {.fired = true, .problem = finish(bench, primary, 2)};
}

struct Fault {
  const char* name;
  int error;
  std::uint64_t count;
  io::sim::CrashKind then;
};
class Failing : public testing::TestWithParam<Fault> {};

TEST_P(Failing, AtEveryOperationLosesNothingAcknowledged) {
  std::uint64_t operation = 0;
  for (; operation < operations_max; operation += AFTERIMAGE_OPERATION_STEP) {
    const Outcome outcome = fail_at(operation + 1, operation, GetParam().error, GetParam().count, GetParam().then);
    ASSERT_EQ(outcome.problem, "") << "operation " << operation;
    if (!outcome.fired) break;
  }
  EXPECT_LT(operation, operations_max);
  EXPECT_GT(operation, 50U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Failing,
                         testing::Values(Fault{"eio_once", EIO, 1, io::sim::CrashKind::kill},
                                         Fault{"eio_once_then_cut", EIO, 1, io::sim::CrashKind::power_cut},
                                         Fault{"eio_sticky", EIO, io::sim::forever, io::sim::CrashKind::power_cut},
                                         Fault{"no_space_once", ENOSPC, 1, io::sim::CrashKind::kill},
                                         Fault{"no_space_sticky", ENOSPC, io::sim::forever,
                                               io::sim::CrashKind::power_cut}),
                         [](const testing::TestParamInfo<Fault>& fault) { return std::string(fault.param.name); });

// A session that ends in the middle of a cycle, with what it sent stored; the primary then loses what it was to send.
io::Task<Status> begin_and_forget(io::Scope& scope, PointSink& sink, ModelPrimary& primary) {
  AFI_CO_TRY(const Welcome welcome, sink.open(scope, primary.description(), SeedBy::network));
  const BeginEpoch begin{.kind = EpochKind::cycle, .epoch = welcome.newest_epoch.next(), .parent = welcome.head};
  primary.change(9);
  primary.prepare_pending(begin.epoch);
  AFI_CO_TRY(Need need, sink.begin(scope, begin));
  for (const Bytes& frame : primary.pending_frames()) AFI_CO_TRY_STATUS(sink.append(scope, frame));
  AFI_CO_TRY(need, sink.begin(scope, begin));
  if (need.first_frame != primary.pending_frames().size())
    co_return fail(ErrorCode::internal, "frames were not stored");
  primary.prepare_pending(begin.epoch.next());
  co_return Status{};
}

Status begin_and_forget(ReplicaBench& bench, ModelPrimary& primary) {
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  return bench.run(begin_and_forget(*bench.scope, *sink, primary));
}

Outcome fail_while_dropping(std::uint64_t seed, std::uint64_t operation) {
  ReplicaBench bench(seed);
  ModelPrimary primary(seed);
  Status ran = bench.start();
  bench.admit(primary);
  if (ran) ran = make_all(bench, primary);
  if (ran) ran = begin_and_forget(bench, primary);
  if (!ran) return {.fired = true, .problem = "before: " + ran.error().text()};
  bench.disk().add_fault({.match = {.skip = operation}, .count = 1, .error = EIO});
  ran = bench.make_point(primary);
  const bool fired = bench.disk().faults_injected() > 0;
  bench.disk().clear_faults();
  // The same daemon goes on, or its machine says that it has stopped; either way nothing that was acknowledged is lost.
  for (int again = 0; again < 3; ++again) {
    if (!bench.machine(primary)->stop_reason().empty()) break;
    const std::string problem = bench.check(primary);
    if (!problem.empty()) return {.fired = fired, .problem = "without a restart: " + problem};
    primary.change(3);
    [[maybe_unused]] const Status made = bench.make_point(primary);
  }
  const std::string finished = finish(bench, primary, 2);
  return {.fired = fired, .problem = finished.empty() && !fired && !ran ? ran.error().text() : finished};
}

TEST(FailingDrop, AtEveryOperationLosesNothingAcknowledged) {
  std::uint64_t operation = 0;
  for (; operation < operations_max; operation += AFTERIMAGE_OPERATION_STEP) {
    const Outcome outcome = fail_while_dropping(operation + 1, operation);
    ASSERT_EQ(outcome.problem, "") << "operation " << operation;
    if (!outcome.fired) break;
  }
  EXPECT_LT(operation, operations_max);
  EXPECT_GT(operation, 10U);
}

// Found while unfinished frames are dropped: the machine stops and says so, and no other one is touched.
TEST(FailingDrop, RotThatItFindsStopsTheMachine) {
  int stopped = 0;
  for (std::uint64_t offset = 64; offset < 2000; offset += 61) {
    ReplicaBench bench(3);
    ModelPrimary primary(3);
    ASSERT_TRUE(bench.start());
    bench.admit(primary);
    ASSERT_TRUE(make_all(bench, primary));
    ASSERT_TRUE(begin_and_forget(bench, primary));
    const std::string journal = bench.machine_path(primary) + "/journal/";
    const auto names = bench.disk().list(journal);
    ASSERT_TRUE(names && names->size() == 1);
    const std::string path = journal + names->front();
    ASSERT_GT(bench.disk().size(path)->value(), 2000U);
    ASSERT_TRUE(bench.disk().write(path, ByteOffset(offset), Bytes(3, std::byte{0xaa}), io::sim::Persistence::synced));
    const Status made = bench.make_point(primary);
    if (made) continue;  // it was a part of what was dropped
    ++stopped;
    EXPECT_NE(bench.machine(primary)->stop_reason(), "") << "offset " << offset << ": " << made.error().text();
    EXPECT_FALSE(bench.make_point(primary)) << "offset " << offset;
  }
  EXPECT_GT(stopped, 5);
}

}  // namespace
}  // namespace afterimage::replica
