// SPDX-License-Identifier: Apache-2.0
// What a start waits for is told to the log and to the service manager, who is asked for patience while it progresses.
#include "tools/afterimaged/start_watch.h"

#include <vector>

#include <gtest/gtest.h>

#include "io/sim/world.h"
#include "io/task_group.h"

namespace afterimage::daemon {
namespace {

class KeptLines final : public Log {
 public:
  void write(Severity, std::string_view text) override { lines.emplace_back(text); }
  std::vector<std::string> lines;
};

class StartWatch : public testing::Test {
 protected:
  StartWatch()
      : node(world.add_node("host")),
        watching(world.platform(node).reactor),
        starting(world.platform(node).reactor),
        tasks(world.platform(node).reactor) {}
  void watch() {
    const auto tell = [this](const std::string& state) { told.push_back(state); };
    tasks.spawn(watch_start(watching, world.platform(node), starting, log, tell));
  }
  // Opens a folder under a scope that the start does not know, as a store does.
  static io::Task<void> open_folder(io::Platform platform, std::string path) {
    io::Scope own(platform.reactor);
    auto opening = platform.disk.open_directory(own, std::move(path));
    [[maybe_unused]] const auto folder = co_await opening;
  }
  static io::Task<void> work(io::Platform platform) {
    auto working = platform.workers.run("open host.db", [] {});
    co_await working;
  }
  [[nodiscard]] bool last_told_has(std::string_view part) const {
    return !told.empty() && told.back().find(part) != std::string::npos;
  }
  void pass(Duration time) { (void)world.run_for(time); }

  io::sim::World world{{.seed = 5}};
  io::sim::NodeId node;
  KeptLines log;
  std::vector<std::string> told;
  io::Scope watching;
  io::Scope starting;
  io::TaskGroup tasks;
};

TEST_F(StartWatch, AnOperationThatDoesNotEndIsNamedEveryHalfMinuteAndPatienceEnds) {
  ASSERT_TRUE(world.disk(node).make_directory("/store").has_value());
  world.disk(node).add_fault(
      {.match = {.kind = io::sim::OperationKind::open, .path_part = "/store"}, .error = io::sim::never_ends});
  tasks.spawn(open_folder(world.platform(node), "/store"));
  watch();
  pass(std::chrono::seconds(25));
  EXPECT_TRUE(log.lines.empty());
  EXPECT_TRUE(last_told_has("EXTEND_TIMEOUT_USEC=90000000\nSTATUS=starting"));
  pass(std::chrono::seconds(70));
  ASSERT_EQ(log.lines.size(), 3U);
  EXPECT_EQ(log.lines.back(), "the start waits: open (/store) has waited 90 s");
  EXPECT_TRUE(last_told_has("EXTEND_TIMEOUT_USEC=90000000\nSTATUS=the start waits: open (/store) has waited 90 s"));
  pass(std::chrono::minutes(4));
  EXPECT_TRUE(last_told_has("STATUS=the start waits: open (/store)"));
  EXPECT_FALSE(last_told_has("EXTEND_TIMEOUT_USEC"));
}

TEST_F(StartWatch, WorkThatDoesNotEndIsNamed) {
  world.set_worker_delay(node, {.min = std::chrono::hours(1), .max = std::chrono::hours(1)});
  tasks.spawn(work(world.platform(node)));
  watch();
  pass(std::chrono::seconds(61));
  ASSERT_EQ(log.lines.size(), 2U);
  EXPECT_EQ(log.lines.back(), "the start waits: open host.db has waited 60 s");
}

TEST_F(StartWatch, AStartThatProgressesIsGivenAllTheTimeItNeeds) {
  watch();
  for (int minute = 0; minute < 60; ++minute) {
    tasks.spawn(open_folder(world.platform(node), "/"));
    pass(std::chrono::minutes(1));
    EXPECT_TRUE(last_told_has("EXTEND_TIMEOUT_USEC"));
  }
  EXPECT_TRUE(log.lines.empty());
  watching.cancel();
  pass(std::chrono::seconds(1));
  const std::size_t until_then = told.size();
  pass(std::chrono::minutes(5));
  EXPECT_EQ(told.size(), until_then);
}

}  // namespace
}  // namespace afterimage::daemon
