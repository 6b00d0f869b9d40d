// SPDX-License-Identifier: Apache-2.0
#include "io/posix/signals.h"

#include <unistd.h>

#include "io/task_group.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io::posix {
namespace {

class PosixSignals : public PosixTest {
 protected:
  std::unique_ptr<SignalWaiter> make_waiter() { return unwrap(SignalWaiter::create(posix_->reactor())); }
};

TEST_F(PosixSignals, EachOfTheThreeIsAwaited) {
  const auto waiter = make_waiter();
  for (const auto& [number, signal] : {std::pair{SIGTERM, Signal::terminate}, std::pair{SIGINT, Signal::interrupt},
                                       std::pair{SIGHUP, Signal::hang_up}}) {
    ASSERT_EQ(::kill(::getpid(), number), 0);
    const auto received = run(waiter->wait(scope_));
    ASSERT_TRUE(received);
    EXPECT_EQ(*received, signal) << name_of(signal);
  }
}

Task<void> wait_for_signal(Scope& scope, SignalWaiter& waiter, std::optional<Result<Signal>>& received) {
  auto waiting = waiter.wait(scope);
  received.emplace(co_await waiting);
}
Task<void> kill_soon(Scope& scope, int number) {
  auto sleeping = sleep_for(scope, std::chrono::milliseconds(5));
  const Status slept = co_await sleeping;
  if (slept) ::kill(::getpid(), number);
}

TEST_F(PosixSignals, ASignalWakesTheTaskThatWaits) {
  const auto waiter = make_waiter();
  std::optional<Result<Signal>> received;
  TaskGroup group(platform_.reactor);
  group.spawn(wait_for_signal(scope_, *waiter, received));
  group.spawn(kill_soon(scope_, SIGTERM));
  run(group.join());
  ASSERT_TRUE(received && *received);
  EXPECT_EQ(**received, Signal::terminate);
}

TEST_F(PosixSignals, WaitingEndsWithItsScope) {
  const auto waiter = make_waiter();
  Scope brief(scope_, std::chrono::milliseconds(5));
  EXPECT_EQ(code_of_error(run(waiter->wait(brief))), ErrorCode::timed_out);
}

}  // namespace
}  // namespace afterimage::io::posix
