// SPDX-License-Identifier: Apache-2.0
#include "io/posix/event_reactor.h"

#include <cerrno>
#include <ctime>

#include <sys/eventfd.h>

#include "io/base/check.h"

namespace afterimage::io::posix {
namespace {

// Operations that may end without sleeping before the others get their turn.
constexpr unsigned operations_of_turn_max = 64;

}  // namespace

EventReactor::~EventReactor() { AFI_CHECK(!is_running_); }

Result<UniqueFd> EventReactor::make_wake() {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open()) return fail(system_error(errno, "make an eventfd"));
  return wake;
}

MonotonicTime EventReactor::now() const {
  timespec time{};
  AFI_CHECK(::clock_gettime(CLOCK_MONOTONIC, &time) == 0);
  return MonotonicTime{std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec};
}

void EventReactor::run_until(const bool& done) {
  AFI_CHECK(!is_running_);
  is_running_ = true;
  while (!done) {
    operations_of_turn_ = 0;
    run_ready();
    if (done) break;
    fire_due_timers(now());
    poll(patience());
  }
  is_running_ = false;
}

Duration EventReactor::patience() const {
  if (has_ready()) return Duration::zero();
  MonotonicTime when;
  if (!next_timer(when)) return Duration::max();
  const Duration left = when - now();
  return left.count() <= 0 ? Duration::zero() : left;
}

bool EventReactor::is_turn_used_up() { return ++operations_of_turn_ >= operations_of_turn_max; }

}  // namespace afterimage::io::posix
