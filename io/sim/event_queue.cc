// SPDX-License-Identifier: Apache-2.0
#include "io/sim/event_queue.h"

namespace afterimage::io::sim {

void Event::withdraw() {
  if (queue_ == nullptr) return;
  queue_->events_.erase(key_);
  queue_ = nullptr;
}

EventQueue::~EventQueue() {
  for (auto& [key, event] : events_) event->queue_ = nullptr;
}

void EventQueue::schedule(Event& event, MonotonicTime when) {
  event.withdraw();
  event.key_ = {when, scheduled_++};
  event.queue_ = this;
  events_.emplace_hint(events_.end(), event.key_, &event);
}

void EventQueue::fire_next() {
  Event& event = *events_.begin()->second;
  event.withdraw();
  event.fire();
}

}  // namespace afterimage::io::sim
