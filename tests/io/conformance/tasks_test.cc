// SPDX-License-Identifier: Apache-2.0
// Tasks, groups, events, channels and locks on a platform's reactor.
#include <memory>
#include <optional>
#include <vector>

#include "io/channel.h"
#include "io/lock.h"
#include "io/task_group.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {
namespace {

Task<void> join(TaskGroup& group) {
  auto joining = group.join();
  co_await joining;
}

Task<Result<int>> answer_at_once(int value) { co_return value; }

Task<Result<std::uint64_t>> sum_of_answers(int count) {
  std::uint64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    AFI_CO_TRY(const int value, answer_at_once(i));
    sum += static_cast<std::uint64_t>(value);
  }
  co_return sum;
}

// Sleeps at the bottom of `depth` nested tasks.
Task<Result<int>> nested(Scope& scope, int depth) {
  if (depth == 0) {
    AFI_CO_TRY_STATUS(sleep_for(scope, std::chrono::milliseconds(1)));
    co_return 0;
  }
  AFI_CO_TRY(const int below, nested(scope, depth - 1));
  co_return below + 1;
}

Task<Result<int>> fails_below(Scope& scope) {
  AFI_CO_TRY_STATUS(sleep_for(scope, std::chrono::milliseconds(1)));
  co_return fail(ErrorCode::damaged, "a task that fails");
}

Task<Result<int>> hands_on(Scope& scope) {
  AFI_CO_TRY(const int value, fails_below(scope));
  co_return value + 1;
}

Task<void> produce(Scope& scope, Channel<std::unique_ptr<int>>& channel, int count, std::size_t& largest) {
  for (int i = 0; i < count; ++i) {
    auto sending = channel.send(scope, std::make_unique<int>(i));
    const Status status = co_await sending;
    if (!status) co_return;
    largest = std::max(largest, channel.size());
  }
  channel.close();
}

Task<Result<int>> consume(Scope& scope, Channel<std::unique_ptr<int>>& channel) {
  int expected = 0;
  while (true) {
    auto receiving = channel.receive(scope);
    auto item = co_await receiving;
    if (!item && item.error().code == ErrorCode::end_of_data) co_return expected;
    if (!item) co_return std::unexpected(item.error());
    if (**item != expected) co_return fail(ErrorCode::damaged, "out of order");
    ++expected;
    if (expected % 7 == 0) {
      AFI_CO_TRY_STATUS(sleep_for(scope, Duration(1000)));
    }
  }
}

Task<Result<int>> through_a_channel(Platform platform, Scope& scope, int count, std::size_t& largest) {
  Channel<std::unique_ptr<int>> channel(4);
  TaskGroup group(platform.reactor);
  group.spawn(produce(scope, channel, count, largest));
  auto consuming = consume(scope, channel);
  auto result = co_await consuming;
  auto joining = group.join();
  co_await joining;
  co_return result;
}

Task<void> enter(Scope& scope, Lock& lock, int& inside, int& largest, int& entered) {
  auto acquiring = lock.acquire(scope);
  const auto guard = co_await acquiring;
  if (!guard) co_return;
  largest = std::max(largest, ++inside);
  ++entered;
  auto sleeping = sleep_for(scope, std::chrono::microseconds(50));
  const Status status = co_await sleeping;
  (void)status;
  --inside;
}

Task<void> set_soon(Scope& scope, Event& event) {
  auto sleeping = sleep_for(scope, std::chrono::milliseconds(1));
  const Status status = co_await sleeping;
  (void)status;
  event.set();
}

Task<void> count_after(Scope& scope, Event& event, int& count) {
  auto waiting = event.wait(scope);
  const Status status = co_await waiting;
  if (status) ++count;
}

struct CountsItsEnd {
  explicit CountsItsEnd(int& counter) : ends(counter) {}
  CountsItsEnd(const CountsItsEnd&) = delete;
  CountsItsEnd& operator=(const CountsItsEnd&) = delete;
  ~CountsItsEnd() { ++ends; }
  int& ends;
};

Task<void> sleeps_with_a_local(Scope& scope, int& ends) {
  const CountsItsEnd local(ends);
  auto sleeping = sleep_for(scope, std::chrono::hours(1));
  const Status status = co_await sleeping;
  (void)status;
}

}  // namespace

TEST_P(TasksOf, AHundredThousandCompletionsAtOnceNeedNoStack) {
  EXPECT_EQ(run(sum_of_answers(100'000)).value(), 4'999'950'000U);
}

TEST_P(TasksOf, DeepNestingReturnsItsValue) { EXPECT_EQ(run(nested(scope_, 1000)).value(), 1000); }

TEST_P(TasksOf, ErrorsPassThroughTasks) { EXPECT_EQ(run(hands_on(scope_)).error().code, ErrorCode::damaged); }

TEST_P(TasksOf, ATaskThatIsNotAwaitedNeverRuns) {
  int ends = 0;
  {
    const Task<void> task = sleeps_with_a_local(scope_, ends);
  }
  EXPECT_EQ(ends, 0);
}

TEST_P(TasksOf, AGroupJoinsAllItsTasks) {
  TaskGroup group(platform_.reactor);
  Event event;
  int count = 0;
  for (int i = 0; i < 50; ++i) group.spawn(count_after(scope_, event, count));
  group.spawn(set_soon(scope_, event));
  EXPECT_EQ(group.size(), 51U);
  run(join(group));
  EXPECT_EQ(count, 50);
  EXPECT_EQ(group.size(), 0U);
  run(join(group));
}

TEST_P(TasksOf, AGroupThatDiesTakesItsTasksAlong) {
  int ends = 0;
  {
    TaskGroup group(platform_.reactor);
    for (int i = 0; i < 10; ++i) group.spawn(sleeps_with_a_local(scope_, ends));
    ASSERT_TRUE(run(sleep_for(scope_, std::chrono::milliseconds(1))));
    EXPECT_EQ(ends, 0);
  }
  EXPECT_EQ(ends, 10);
  EXPECT_EQ(scope_.oldest_pending(), nullptr);
  EXPECT_TRUE(run(sleep_for(scope_, std::chrono::milliseconds(1))));
}

TEST_P(TasksOf, AChannelHoldsNoMoreThanItMayAndKeepsOrder) {
  std::size_t largest = 0;
  EXPECT_EQ(run(through_a_channel(platform_, scope_, 500, largest)).value(), 500);
  EXPECT_EQ(largest, 4U);
}

TEST_P(TasksOf, AClosedChannelGivesWhatItHasAndTakesNothing) {
  Channel<int> channel(4);
  ASSERT_TRUE(run(channel.send(scope_, 1)));
  channel.close();
  EXPECT_EQ(run(channel.send(scope_, 2)).error().code, ErrorCode::cancelled);
  EXPECT_EQ(run(channel.receive(scope_)).value(), 1);
  EXPECT_EQ(run(channel.receive(scope_)).error().code, ErrorCode::end_of_data);
}

TEST_P(TasksOf, AFullChannelHasADeadline) {
  Channel<int> channel(1);
  ASSERT_TRUE(run(channel.send(scope_, 1)));
  Scope short_time(scope_, std::chrono::milliseconds(2));
  EXPECT_EQ(run(channel.send(short_time, 2)).error().code, ErrorCode::timed_out);
}

TEST_P(TasksOf, ALockLetsOneInAndEveryoneInTheEnd) {
  TaskGroup group(platform_.reactor);
  Lock lock;
  int inside = 0;
  int largest = 0;
  int entered = 0;
  for (int i = 0; i < 20; ++i) group.spawn(enter(scope_, lock, inside, largest, entered));
  run(join(group));
  EXPECT_EQ(largest, 1);
  EXPECT_EQ(entered, 20);
  EXPECT_FALSE(lock.is_held());
}

TEST_P(TasksOf, WaitingForALockCanBeCancelled) {
  Lock lock;
  const auto guard = run(lock.acquire(scope_));
  ASSERT_TRUE(guard);
  Scope short_time(scope_, std::chrono::milliseconds(2));
  EXPECT_EQ(run(lock.acquire(short_time)).error().code, ErrorCode::timed_out);
}

}  // namespace afterimage::io::conformance
