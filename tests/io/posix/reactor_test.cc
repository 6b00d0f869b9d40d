// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <csignal>
#include <vector>

#include <sys/time.h>

#include "io/task_group.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io::posix {
namespace {

using std::chrono::milliseconds;

class PosixReactorTest : public PosixTest {};

Task<void> note_after(Scope& scope, Duration duration, int number, std::vector<int>& order) {
  auto sleeping = sleep_for(scope, duration);
  const Status slept = co_await sleeping;
  if (slept) order.push_back(number);
}

TEST_F(PosixReactorTest, TimersFireInOrderAndNeverEarly) {
  std::vector<int> order;
  const MonotonicTime began = platform_.reactor.now();
  TaskGroup group(platform_.reactor);
  group.spawn(note_after(scope_, milliseconds(20), 3, order));
  group.spawn(note_after(scope_, milliseconds(5), 1, order));
  group.spawn(note_after(scope_, milliseconds(10), 2, order));
  run(group.join());
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_GE(platform_.reactor.now() - began, milliseconds(20));
}

std::atomic<int> alarms = 0;
void count_alarm(int /*signal*/) { ++alarms; }

TEST_F(PosixReactorTest, SignalsDoNotShortenASleep) {
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = count_alarm;
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
  itimerval every{.it_interval = {.tv_sec = 0, .tv_usec = 2000}, .it_value = {.tv_sec = 0, .tv_usec = 2000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &every, nullptr), 0);
  const MonotonicTime began = platform_.reactor.now();
  EXPECT_TRUE(run(sleep_for(scope_, milliseconds(40))));
  EXPECT_GE(platform_.reactor.now() - began, milliseconds(40));
  EXPECT_GT(alarms, 0);
  every = {};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &every, nullptr), 0);
  ASSERT_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
}

Task<void> count_in_worker(Workers& workers, std::atomic<unsigned>& count) {
  auto working = workers.run("count", [&count] { ++count; });
  co_await working;
}

TEST_F(PosixReactorTest, EveryJobOfManyComesBack) {
  constexpr unsigned jobs = 10'000;
  std::atomic<unsigned> count = 0;
  TaskGroup group(platform_.reactor);
  for (unsigned i = 0; i < jobs; ++i) group.spawn(count_in_worker(platform_.workers, count));
  run(group.join());
  EXPECT_EQ(count, jobs);
}

TEST_F(PosixReactorTest, WorkersAreNoMoreThanAsked) {
  const auto narrow = make_platform({.workers_max = 1});
  EXPECT_EQ(narrow->platform().workers.width(), 1U);
  EXPECT_GE(platform_.workers.width(), 1U);
}

// One task that sends itself bytes and never sleeps, until the flag is set.
Task<void> keep_busy(Scope& scope, Stream& out, Stream& in, const bool& enough) {
  Bytes byte = filled(1, 1);
  while (!enough) {
    auto writing = out.write(scope, byte);
    const Status written = co_await writing;
    auto reading = in.read_some(scope, byte);
    const auto count = co_await reading;
    if (!written || !count) co_return;
  }
}
Task<void> set_after(Scope& scope, Duration duration, bool& flag) {
  auto sleeping = sleep_for(scope, duration);
  const Status slept = co_await sleeping;
  flag = slept.has_value();
}

TEST_F(PosixReactorTest, ATaskThatNeverSleepsDoesNotStopTimers) {
  const auto listener = unwrap(run(platform_.network.listen(scope_, Endpoint{.host = {}, .unix_path = path("s")})));
  const auto out = unwrap(run(platform_.network.connect(scope_, listener->local())));
  const auto in = unwrap(run(listener->accept(scope_)));
  bool enough = false;
  TaskGroup group(platform_.reactor);
  group.spawn(set_after(scope_, milliseconds(5), enough));
  group.spawn(keep_busy(scope_, *out, *in, enough));
  run(group.join());
  EXPECT_TRUE(enough);
}

TEST_F(PosixReactorTest, RandomBytesAreNotAllEqual) {
  Bytes first = filled(1000, 0);
  Bytes second = filled(1000, 0);
  platform_.random.fill(first);
  platform_.random.fill(second);
  EXPECT_NE(first, second);
}

using PosixDeathTest = PosixTest;

Task<void> work_for_ever(Workers& workers, std::atomic<bool>& enough) {
  auto working = workers.run("work for ever", [&enough] {
    while (!enough) {
    }
  });
  co_await working;
}

TEST_F(PosixDeathTest, AFrameDestroyedWhileItsCallIsInAThreadIsAProgrammersError) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto destroy_too_early = [this] {
    std::filesystem::remove_all(folder_.path());  // nobody tidies up after an abort
    TaskGroup group(platform_.reactor);
    std::atomic<bool> enough = false;
    group.spawn(work_for_ever(platform_.workers, enough));
  };
  EXPECT_DEATH(destroy_too_early(), "is_submitted_");
}

}  // namespace
}  // namespace afterimage::io::posix
