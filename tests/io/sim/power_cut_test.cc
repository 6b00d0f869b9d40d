// SPDX-License-Identifier: Apache-2.0
// What a power cut and a kill may do to a disk, and that they do all of it.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/io/sim/sim_host.h"

namespace afterimage::io::sim {
namespace {

constexpr int seeds = 300;
constexpr std::size_t sector = 512;

// How often each outcome came up over the seeds.
template <typename Scenario>
std::map<std::string, int> outcomes_of(const Scenario& scenario) {
  std::map<std::string, int> outcomes;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    World world({.seed = seed});
    SimHost host(world, "host");
    ++outcomes[scenario(host)];
  }
  return outcomes;
}

std::set<std::string> keys_of(const std::map<std::string, int>& outcomes) {
  std::set<std::string> keys;
  for (const auto& [key, count] : outcomes) keys.insert(key);
  return keys;
}

using Outcomes = std::set<std::string>;

// A letter for each sector: "AABA".
std::string letters_of(const std::string& content) {
  std::string letters;
  for (std::size_t at = 0; at < content.size(); at += sector) {
    const std::string_view one = std::string_view(content).substr(at, sector);
    const bool whole = std::all_of(one.begin(), one.end(), [&](char c) { return c == one.front(); });
    letters += !whole ? '!' : one.front() == '\0' ? '0' : one.front();
  }
  return letters;
}

}  // namespace

TEST(PowerCut, WhatWasSyncedIsNeverLost) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    const auto file = host.open("f", OpenMode::create);
    EXPECT_TRUE(host.write(*file, 0, view_of("synced")));
    EXPECT_TRUE(host.sync(*file));
    EXPECT_TRUE(host.sync_folder());
    host.crash_and_restart(CrashKind::power_cut);
    return host.content("f");
  });
  EXPECT_EQ(keys_of(outcomes), Outcomes{"synced"});
}

TEST(PowerCut, ANewNameMayBeLostUntilItsFolderIsSynced) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    const auto file = host.open("f", OpenMode::create);
    EXPECT_TRUE(host.write(*file, 0, view_of("synced")));
    EXPECT_TRUE(host.sync(*file));
    host.crash_and_restart(CrashKind::power_cut);
    return host.content("f");
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"-", "synced"}));
}

TEST(PowerCut, AWriteThatWasNotSyncedIsKeptOrLost) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of("old"), Persistence::synced));
    const auto file = host.open("f", OpenMode::write);
    EXPECT_TRUE(host.write(*file, 0, view_of("new")));
    host.crash_and_restart(CrashKind::power_cut);
    return host.content("f");
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"new", "old"}));
}

TEST(PowerCut, WritesAreTornAndScatteredBySectors) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of(std::string(4 * sector, 'A')), Persistence::synced));
    const auto file = host.open("f", OpenMode::write);
    EXPECT_TRUE(host.write(*file, 0, view_of(std::string(4 * sector, 'B'))));
    host.crash_and_restart(CrashKind::power_cut);
    return letters_of(host.content("f"));
  });
  for (const auto& [letters, count] : outcomes) {
    EXPECT_EQ(letters.size(), 4U);
    EXPECT_EQ(letters.find_first_not_of("AB"), std::string::npos) << letters;
  }
  for (const char* expected : {"AAAA", "BBBB", "BAAA", "BBAA", "BBBA", "ABAB", "AAAB"}) {
    EXPECT_TRUE(outcomes.contains(expected)) << expected;
  }
}

TEST(PowerCut, ALaterWriteMaySurviveAnEarlierOne) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of(std::string(2 * sector, 'A')), Persistence::synced));
    const auto file = host.open("f", OpenMode::write);
    EXPECT_TRUE(host.write(*file, 0, view_of(std::string(sector, 'B'))));
    EXPECT_TRUE(host.write(*file, sector, view_of(std::string(sector, 'C'))));
    host.crash_and_restart(CrashKind::power_cut);
    return letters_of(host.content("f"));
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"AA", "AC", "BA", "BC"}));
}

TEST(PowerCut, ASectorWrittenTwiceHoldsAnyOfItsContents) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of(std::string(sector, 'A')), Persistence::synced));
    const auto file = host.open("f", OpenMode::write);
    EXPECT_TRUE(host.write(*file, 0, view_of(std::string(sector, 'B'))));
    EXPECT_TRUE(host.write(*file, 0, view_of(std::string(sector, 'C'))));
    host.crash_and_restart(CrashKind::power_cut);
    return letters_of(host.content("f"));
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"A", "B", "C"}));
}

TEST(PowerCut, AnAppendMayLeaveNothingAPartZerosOrAll) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of(std::string(sector, 'A')), Persistence::synced));
    const auto file = host.open("f", OpenMode::write);
    EXPECT_TRUE(host.write(*file, sector, view_of(std::string(2 * sector, 'B'))));
    host.crash_and_restart(CrashKind::power_cut);
    return letters_of(host.content("f"));
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"A", "AB", "A00", "A0B", "AB0", "ABB"}));
}

TEST(PowerCut, AShrinkIsKeptOrLostAndRegrownContentIsZero) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of(std::string(2 * sector, 'A')), Persistence::synced));
    EXPECT_TRUE(host.disk().resize("/d/f", ByteCount(std::uint64_t{sector}), Persistence::cached));
    EXPECT_TRUE(host.disk().resize("/d/f", ByteCount(std::uint64_t{2 * sector}), Persistence::cached));
    host.crash_and_restart(CrashKind::power_cut);
    return letters_of(host.content("f"));
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"A", "A0", "AA"}));
}

TEST(PowerCut, ARenameWithoutFolderSyncIsWholeOrNotAtAll) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of("old"), Persistence::synced));
    const auto file = host.open("f.new", OpenMode::create);
    EXPECT_TRUE(host.write(*file, 0, view_of("new")));
    EXPECT_TRUE(host.sync(*file));
    EXPECT_TRUE(host.sync_folder());
    EXPECT_TRUE(run(host.world(), host.folder().replace(host.scope(), "f.new", "f")));
    host.crash_and_restart(CrashKind::power_cut);
    return host.content("f") + " " + host.content("f.new");
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"new -", "old new"}));
}

TEST(PowerCut, AFileRenamedBeforeItWasSyncedMayBeEmpty) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of("old"), Persistence::synced));
    const auto file = host.open("f.new", OpenMode::create);
    EXPECT_TRUE(host.write(*file, 0, view_of("new")));
    EXPECT_TRUE(run(host.world(), host.folder().replace(host.scope(), "f.new", "f")));
    EXPECT_TRUE(host.sync_folder());
    host.crash_and_restart(CrashKind::power_cut);
    return host.content("f");
  });
  EXPECT_TRUE(outcomes.contains(""));
  EXPECT_TRUE(outcomes.contains("new"));
  EXPECT_FALSE(outcomes.contains("old"));
}

TEST(PowerCut, UnrelatedNamesGoTheirOwnWays) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    for (const char* name : {"a", "b"}) EXPECT_NE(host.open(name, OpenMode::create), nullptr);
    host.crash_and_restart(CrashKind::power_cut);
    std::string all;
    const auto names = host.disk().list("/d");
    for (const std::string& name : *names) all += name;
    return all;
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"", "a", "ab", "b"}));
}

TEST(PowerCut, ARemovalWithoutFolderSyncMayBeUndone) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of("x"), Persistence::synced));
    EXPECT_TRUE(run(host.world(), host.folder().remove_file(host.scope(), "f")));
    host.crash_and_restart(CrashKind::power_cut);
    return host.content("f");
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"-", "x"}));
}

TEST(PowerCut, AWriteUnderWayMayHappenOrNot) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    EXPECT_TRUE(host.disk().write("/d/f", ByteOffset{}, view_of("old"), Persistence::synced));
    const auto file = host.open("f", OpenMode::write);
    host.world().crash_at(host.node(), {.match = {.kind = OperationKind::write}, .moment = Moment::before});
    EXPECT_EQ(host.write(*file, 0, view_of("new")).error().code, ErrorCode::cancelled);
    host.crash_and_restart(CrashKind::power_cut);
    const std::string before = host.content("f");
    EXPECT_EQ(before, "old");
    const auto again = host.open("f", OpenMode::write);
    auto writing = again->write_at(host.scope(), ByteOffset{}, view_of("new"));
    bool never = false;
    detail::BlockOn<Status> out;
    detail::Root root = detail::keep_result(writing, out);
    root.start();
    host.world().kill(host.node());
    EXPECT_EQ(host.world().run_until(never).stop, Stop::deadlock);
    host.crash_and_restart(CrashKind::kill);
    return host.content("f");
  });
  EXPECT_EQ(keys_of(outcomes), (Outcomes{"new", "old"}));
}

TEST(Kill, KeepsAllThatWasWritten) {
  const auto outcomes = outcomes_of([](SimHost& host) {
    const auto file = host.open("f", OpenMode::create);
    EXPECT_TRUE(host.write(*file, 0, view_of("cached")));
    host.crash_and_restart(CrashKind::kill);
    return host.content("f");
  });
  EXPECT_EQ(keys_of(outcomes), Outcomes{"cached"});
}

TEST(Kill, FreesLocks) {
  World world({.seed = 3});
  SimHost host(world, "host");
  const auto file = host.open("f", OpenMode::create);
  ASSERT_TRUE(file->try_lock(LockMode::exclusive));
  host.crash_and_restart(CrashKind::kill);
  const auto again = host.open("f", OpenMode::write);
  EXPECT_TRUE(again->try_lock(LockMode::exclusive));
}

}  // namespace afterimage::io::sim
