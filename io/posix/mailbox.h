// SPDX-License-Identifier: Apache-2.0
// Job and Mailbox: how work that ran on another thread comes back to the reactor's.
// A Job lives in the frame (or on the heap) of whoever started it and is in at most one queue at a time, so queues take
// no memory of their own and are bounded by the tasks that wait.
#pragma once

#include <mutex>

#include "io/base/result.h"
#include "io/posix/unique_fd.h"

namespace afterimage::io::posix {

class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;
  virtual void run() noexcept = 0;       // on a thread of a pool
  virtual void finished() noexcept = 0;  // on the reactor's thread, after run(); it may destroy the job

 private:
  friend class JobQueue;
  Job* next_ = nullptr;
};

// First in, first out. Externally serialised, owns nothing.
class JobQueue {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  void push(Job& job);
  [[nodiscard]] Job* pop();  // nullptr from an empty queue

 private:
  Job* first_ = nullptr;
  Job* last_ = nullptr;
};

// Something that epoll tells about. Thread: the reactor's.
class Watch {
 public:
  virtual ~Watch() = default;
  // `events` are EPOLLIN and kin. Must not run tasks: it completes operations, which posts them.
  virtual void on_events(std::uint32_t events) = 0;
};

class Mailbox final : public Watch {
 public:
  explicit Mailbox(UniqueFd wake) : wake_(std::move(wake)) {}

  // Has job.finished() called on the reactor's thread. Any thread.
  void deliver(Job& job);
  // Calls finished() of everything delivered so far. Thread: the reactor's.
  void on_events(std::uint32_t events) override;
  [[nodiscard]] int wake_fd() const { return wake_.get(); }

 private:
  UniqueFd wake_;  // an eventfd, written when the queue stops being empty
  std::mutex mutex_;
  JobQueue delivered_;  // guarded by mutex_
};

}  // namespace afterimage::io::posix
