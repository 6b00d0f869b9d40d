// SPDX-License-Identifier: Apache-2.0
// EventQueue: what will happen in the world and when. Events of one moment happen in the order they were scheduled.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "io/base/time.h"

namespace afterimage::io::sim {

class EventQueue;

// Something that happens once at a moment. Dying takes it back.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  virtual void fire() = 0;  // no longer scheduled when this is called; may destroy the event

  [[nodiscard]] bool is_scheduled() const { return queue_ != nullptr; }
  void withdraw();

  virtual ~Event() { withdraw(); }

 private:
  friend class EventQueue;
  EventQueue* queue_ = nullptr;
  std::pair<MonotonicTime, std::uint64_t> key_{};
};

class EventQueue {
 public:
  EventQueue() = default;
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;
  ~EventQueue();

  void schedule(Event& event, MonotonicTime when);  // again, if it was scheduled
  [[nodiscard]] bool empty() const { return events_.empty(); }
  [[nodiscard]] MonotonicTime next() const { return events_.begin()->first.first; }  // not empty
  void fire_next();                                                                  // not empty

 private:
  friend class Event;
  std::map<std::pair<MonotonicTime, std::uint64_t>, Event*> events_;
  std::uint64_t scheduled_ = 0;
};

}  // namespace afterimage::io::sim
