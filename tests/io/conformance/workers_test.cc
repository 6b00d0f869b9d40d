// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdint>

#include "io/task_group.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {
namespace {

Task<void> add_in_a_worker(Workers& workers, std::atomic<std::uint64_t>& sum, std::uint64_t value, int& ended) {
  auto working = workers.run("add", [&sum, value] { sum += value; });
  co_await working;
  ++ended;  // on the reactor again: no lock
}

Task<void> join(TaskGroup& group) {
  auto joining = group.join();
  co_await joining;
}

}  // namespace

TEST_P(WorkersOf, EveryJobRunsOnceAndResumesOnTheReactor) {
  TaskGroup group(platform_.reactor);
  std::atomic<std::uint64_t> sum = 0;
  int ended = 0;
  for (std::uint64_t i = 1; i <= 1000; ++i) group.spawn(add_in_a_worker(platform_.workers, sum, i, ended));
  run(join(group));
  EXPECT_EQ(sum.load(), 500'500U);
  EXPECT_EQ(ended, 1000);
}

TEST_P(WorkersOf, ThereIsAtLeastOne) { EXPECT_GE(platform_.workers.width(), 1U); }

}  // namespace afterimage::io::conformance
