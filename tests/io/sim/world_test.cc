// SPDX-License-Identifier: Apache-2.0
// The world itself: crashes at chosen operations, the trace, the run's outcomes, clocks.
#include <map>
#include <string>
#include <vector>

#include "io/durable_file.h"
#include "io/task_group.h"
#include "tests/io/sim/sim_host.h"

namespace afterimage::io::sim {
namespace {

Task<Status> write_read_and_rename(Platform platform, Scope& scope, Directory& folder, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const std::string text = "round " + std::to_string(i);
    AFI_CO_TRY_STATUS(replace_file(scope, folder, "state", view_of(text)));
    AFI_CO_TRY(const Bytes read, read_file(scope, folder, "state", 100));
    if (text_of(read) != text) co_return fail(ErrorCode::damaged, "read back what was written");
    Bytes random(8);
    platform.random.fill(random);
    AFI_CO_TRY(const std::unique_ptr<File> file, folder.open_file(scope, to_hex(random), OpenMode::create));
    AFI_CO_TRY_STATUS(file->write_at(scope, ByteOffset{}, random));
  }
  co_return Status{};
}

std::uint64_t trace_of_a_life(std::uint64_t seed) {
  World world({.seed = seed});
  SimHost host(world, "host");
  for (int life = 0; life < 3; ++life) {
    const auto kind = world.random_below(2) == 0 ? CrashKind::kill : CrashKind::power_cut;
    world.crash_at(host.node(), {.match = {.skip = world.random_below(60)}, .kind = kind});
    const Status status = run(world, write_read_and_rename(host.platform(), host.scope(), host.folder(), 10));
    EXPECT_TRUE(status || status.error().code == ErrorCode::cancelled) << status.error().text();
    world.disarm_crash(host.node());
    host.crash_and_restart(CrashKind::kill);
  }
  return world.trace_hash();
}

Task<void> mark_when_done(Scope& scope, Duration duration, bool& done) {
  auto sleeping = sleep_for(scope, duration);
  const Status status = co_await sleeping;
  done = status.has_value();
}

}  // namespace

TEST(World, TheSameSeedGivesTheSameTrace) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) EXPECT_EQ(trace_of_a_life(seed), trace_of_a_life(seed)) << seed;
}

TEST(World, OtherSeedsGiveOtherTraces) {
  std::map<std::uint64_t, std::uint64_t> seen;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto [place, fresh] = seen.emplace(trace_of_a_life(seed), seed);
    EXPECT_TRUE(fresh) << "seeds " << place->second << " and " << seed << " ran alike";
  }
}

TEST(World, WhatATestNotesIsInTheTrace) {
  World a({.seed = 1});
  World b({.seed = 1});
  a.trace(1);
  b.trace(2);
  EXPECT_NE(a.trace_hash(), b.trace_hash());
}

TEST(World, ACrashBeforeAnOperationLosesItAndOneAfterHasIt) {
  for (const Moment moment : {Moment::before, Moment::after}) {
    World world({.seed = 1});
    SimHost host(world, "host");
    const auto file = host.open("f", OpenMode::create);
    ASSERT_TRUE(host.sync_folder());
    world.crash_at(host.node(), {.match = {.kind = OperationKind::write}, .kind = CrashKind::kill, .moment = moment});
    EXPECT_TRUE(world.is_crash_armed(host.node()));
    EXPECT_EQ(host.write(*file, 0, view_of("x")).error().code, ErrorCode::cancelled);
    EXPECT_FALSE(world.is_up(host.node()));
    EXPECT_FALSE(world.is_crash_armed(host.node()));
    EXPECT_EQ(host.content("f"), moment == Moment::before ? "" : "x");
  }
}

TEST(World, EveryOperationOfADurableReplaceCanBeTheLast) {
  int crashes = 0;
  for (std::uint64_t n = 0;; ++n) {
    World world({.seed = n + 1});
    SimHost host(world, "host");
    ASSERT_TRUE(run(world, replace_file(host.scope(), host.folder(), "f", view_of("old"))));
    world.crash_at(host.node(), {.match = {.skip = n}});
    const Status replaced = run(world, replace_file(host.scope(), host.folder(), "f", view_of("new")));
    if (replaced) break;
    ++crashes;
    host.crash_and_restart(CrashKind::power_cut);
    const std::string content = host.content("f");
    EXPECT_TRUE(content == "old" || content == "new") << "crash at operation " << n << ": " << content;
    ASSERT_TRUE(run(world, replace_file(host.scope(), host.folder(), "f", view_of("again"))));
    EXPECT_EQ(host.content("f"), "again");
  }
  EXPECT_GE(crashes, 6);
}

TEST(World, AnObserverSeesEachOperationTwiceAndMayCrash) {
  World world({.seed = 1});
  SimHost host(world, "host");
  std::vector<std::string> seen;
  world.on_operation([&](const OperationNotice& notice) {
    seen.push_back((notice.moment == Moment::before ? "> " : "< ") + std::string(name_of(notice.kind)) + " " +
                   std::string(notice.path) + (notice.failed ? " failed" : ""));
    if (notice.kind == OperationKind::sync && notice.moment == Moment::before) world.power_cut(notice.node);
  });
  host.disk().fail_next(OperationKind::write);
  const auto file = host.open("f", OpenMode::create);
  EXPECT_FALSE(host.write(*file, 0, view_of("x")));
  EXPECT_EQ(host.sync(*file).error().code, ErrorCode::cancelled);
  EXPECT_EQ(seen, (std::vector<std::string>{"> create /d/f", "< create /d/f", "> write /d/f", "< write /d/f failed",
                                            "> sync /d/f"}));
  EXPECT_FALSE(world.is_up(host.node()));
}

TEST(World, ADeadIncarnationIsInert) {
  World world({.seed = 1});
  SimHost host(world, "host");
  const auto file = host.open("f", OpenMode::create);
  bool done = false;
  TaskGroup group(host.platform().reactor);
  group.spawn(mark_when_done(host.scope(), std::chrono::seconds(1), done));
  world.kill(host.node());
  EXPECT_EQ(world.run_for(std::chrono::seconds(5)).stop, Stop::done);
  EXPECT_FALSE(done);
  EXPECT_EQ(host.write(*file, 0, view_of("x")).error().code, ErrorCode::internal) << "nothing can ever happen";
  EXPECT_EQ(host.content("f"), "");
}

TEST(World, ADeadlockNamesWhatIsPending) {
  World world({.seed = 1});
  SimHost host(world, "host");
  auto listener = run(world, host.platform().network.listen(host.scope(), {.port = 8084}));
  ASSERT_TRUE(listener);
  const auto accepted = run(world, (*listener)->accept(host.scope()));
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, ErrorCode::internal);
  EXPECT_NE(accepted.error().detail.find("host: accept :8084"), std::string::npos) << accepted.error().detail;
}

TEST(World, AWaitBeyondTheLimitIsTimedOut) {
  World world({.seed = 1});
  SimHost host(world, "host");
  EXPECT_EQ(run(world, sleep_for(host.scope(), std::chrono::hours(3))).error().code, ErrorCode::timed_out);
}

TEST(World, TimePassesOnlyByEvents) {
  World world({.seed = 1});
  SimHost host(world, "host");
  const MonotonicTime before = world.now();
  ASSERT_TRUE(run(world, sleep_for(host.scope(), std::chrono::minutes(30))));
  EXPECT_EQ(world.now() - before, std::chrono::minutes(30));
}

TEST(World, TheWallClockJumpsAndTheMonotonicOneDoesNot) {
  World world({.seed = 1});
  SimHost host(world, "host");
  const WallTime before = host.platform().clock.now();
  const MonotonicTime monotonic = world.now();
  world.jump_clock(host.node(), -std::chrono::hours(24));
  EXPECT_EQ(host.platform().clock.now() - before, -std::chrono::hours(24));
  EXPECT_EQ(world.now(), monotonic);
}

TEST(World, EachIncarnationHasItsOwnRandomBytes) {
  World world({.seed = 1});
  SimHost host(world, "host");
  Bytes first(16);
  host.platform().random.fill(first);
  host.crash_and_restart(CrashKind::kill);
  Bytes second(16);
  host.platform().random.fill(second);
  EXPECT_NE(first, second);
}

}  // namespace afterimage::io::sim
