// SPDX-License-Identifier: Apache-2.0
// Timers, deadlines, cancellation, clocks.
#include <optional>
#include <vector>

#include "io/scope.h"
#include "io/task_group.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {
namespace {

using std::chrono::milliseconds;

Task<void> note_after(Scope& scope, Duration duration, int mark, std::vector<int>& marks) {
  auto sleeping = sleep_for(scope, duration);
  const Status status = co_await sleeping;
  if (status) marks.push_back(mark);
}

Task<void> sleep_into(Scope& scope, Duration duration, std::optional<Status>& out) {
  auto sleeping = sleep_for(scope, duration);
  out = co_await sleeping;
}

Task<void> wait_into(Scope& scope, Event& event, std::optional<Status>& out) {
  auto waiting = event.wait(scope);
  out = co_await waiting;
}

Task<void> join(TaskGroup& group) {
  auto joining = group.join();
  co_await joining;
}

}  // namespace

TEST_P(TimeOf, SleepersWakeInOrderOfTheirMoments) {
  TaskGroup group(platform_.reactor);
  std::vector<int> marks;
  for (const int delay : {30, 10, 50, 20, 40}) group.spawn(note_after(scope_, milliseconds(delay), delay, marks));
  run(join(group));
  EXPECT_EQ(marks, (std::vector<int>{10, 20, 30, 40, 50}));
}

TEST_P(TimeOf, SleepLastsAtLeastItsTime) {
  const MonotonicTime before = platform_.reactor.now();
  ASSERT_TRUE(run(sleep_for(scope_, milliseconds(20))));
  EXPECT_GE(platform_.reactor.now() - before, milliseconds(20));
}

TEST_P(TimeOf, SleepOfNothingOrLessEnds) {
  EXPECT_TRUE(run(sleep_for(scope_, Duration(0))));
  EXPECT_TRUE(run(sleep_for(scope_, Duration(-5))));
}

TEST_P(TimeOf, ADeadlineEndsASleep) {
  Scope short_time(scope_, milliseconds(5));
  EXPECT_EQ(run(sleep_for(short_time, std::chrono::hours(10))).error().code, ErrorCode::timed_out);
  EXPECT_TRUE(short_time.is_interrupted());
  EXPECT_TRUE(scope_.check());
}

TEST_P(TimeOf, AMovedDeadlineCountsAnew) {
  Scope scope(scope_, milliseconds(20));
  ASSERT_TRUE(run(sleep_for(scope, milliseconds(10))));
  scope.set_timeout(milliseconds(100));
  ASSERT_TRUE(run(sleep_for(scope, milliseconds(30))));
  scope.clear_timeout();
  ASSERT_TRUE(run(sleep_for(scope, milliseconds(120))));
}

TEST_P(TimeOf, CancellingReachesAllBelow) {
  TaskGroup group(platform_.reactor);
  Scope parent(scope_);
  Scope child(parent);
  Scope grandchild(child, std::chrono::hours(1));
  Event never;
  std::optional<Status> slept;
  std::optional<Status> waited;
  group.spawn(sleep_into(grandchild, std::chrono::hours(2), slept));
  group.spawn(wait_into(child, never, waited));
  parent.cancel();
  run(join(group));
  ASSERT_TRUE(slept && !*slept && waited && !*waited);
  EXPECT_EQ(slept->error().code, ErrorCode::cancelled);
  EXPECT_EQ(waited->error().code, ErrorCode::cancelled);
  Scope late(parent);
  EXPECT_EQ(late.check().error().code, ErrorCode::cancelled);
}

TEST_P(TimeOf, AScopeNamesWhatIsPendingLongest) {
  TaskGroup group(platform_.reactor);
  Scope parent(scope_);
  Scope child(parent);
  EXPECT_EQ(parent.oldest_pending(), nullptr);
  std::optional<Status> slept;
  group.spawn(sleep_into(child, std::chrono::hours(1), slept));
  const Operation* oldest = parent.oldest_pending();
  ASSERT_NE(oldest, nullptr);
  EXPECT_STREQ(oldest->name, "sleep");
  parent.cancel();
  run(join(group));
  EXPECT_EQ(parent.oldest_pending(), nullptr);
}

TEST_P(TimeOf, TheWallClockGoesOn) {
  const WallTime before = platform_.clock.now();
  EXPECT_GT(before, WallTime{1'600'000'000'000'000'000});
  ASSERT_TRUE(run(sleep_for(scope_, milliseconds(20))));
  EXPECT_GE(platform_.clock.now() - before, milliseconds(15));
}

TEST_P(TimeOf, RandomBytesDiffer) {
  Bytes first(37);
  Bytes second(37);
  platform_.random.fill(first);
  platform_.random.fill(second);
  EXPECT_NE(first, second);
}

}  // namespace afterimage::io::conformance
