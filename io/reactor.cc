// SPDX-License-Identifier: Apache-2.0
#include "io/reactor.h"

#include <map>

#include "io/base/check.h"
#include "io/scope.h"

namespace afterimage::io {

struct Reactor::Timers {
  std::map<std::pair<MonotonicTime, std::uint64_t>, Timer*> by_moment;
};

Timer::~Timer() {
  if (armed_by_ != nullptr) armed_by_->disarm(*this);
}

Reactor::Reactor() : timers_(new Timers) {}

Reactor::~Reactor() {
  for (auto& [key, timer] : timers_->by_moment) timer->armed_by_ = nullptr;
  delete timers_;
}

void Reactor::arm(Timer& timer, MonotonicTime when) {
  if (timer.armed_by_ != nullptr) timer.armed_by_->disarm(timer);
  timer.key_ = {when, armed_++};
  timer.armed_by_ = this;
  timers_->by_moment.emplace(timer.key_, &timer);
}

void Reactor::disarm(Timer& timer) {
  if (timer.armed_by_ == nullptr) return;
  AFI_CHECK(timer.armed_by_ == this);
  timers_->by_moment.erase(timer.key_);
  timer.armed_by_ = nullptr;
}

bool Reactor::run_ready() {
  // A turn ends at the item that was last when it began, so that timers and completions get their turn too.
  Ready marker;
  if (ready_.empty()) return false;
  ready_.push_back(marker);
  while (!halted_) {
    Ready* ready = ready_.pop_front();
    if (ready == &marker) break;
    ready->handle.resume();
  }
  return true;
}

bool Reactor::fire_due_timers(MonotonicTime now) {
  bool any = false;
  while (!halted_ && !timers_->by_moment.empty() && timers_->by_moment.begin()->first.first <= now) {
    Timer* timer = timers_->by_moment.begin()->second;
    disarm(*timer);
    timer->fired();
    any = true;
  }
  return any;
}

bool Reactor::next_timer(MonotonicTime& when) const {
  if (timers_->by_moment.empty()) return false;
  when = timers_->by_moment.begin()->first.first;
  return true;
}

}  // namespace afterimage::io
