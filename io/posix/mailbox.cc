// SPDX-License-Identifier: Apache-2.0
#include "io/posix/mailbox.h"

#include <cerrno>
#include <cstdint>

#include "io/base/check.h"

namespace afterimage::io::posix {

void JobQueue::push(Job& job) {
  AFI_CHECK(job.next_ == nullptr && last_ != &job);
  if (last_ == nullptr) {
    first_ = &job;
  } else {
    last_->next_ = &job;
  }
  last_ = &job;
}

Job* JobQueue::pop() {
  Job* job = first_;
  if (job == nullptr) return nullptr;
  first_ = job->next_;
  if (first_ == nullptr) last_ = nullptr;
  job->next_ = nullptr;
  return job;
}

void Mailbox::deliver(Job& job) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = delivered_.empty();
    delivered_.push(job);
  }
  if (!was_empty) return;
  const std::uint64_t one = 1;
  ssize_t written = 0;
  do {
    written = ::write(wake_.get(), &one, sizeof one);
  } while (written < 0 && errno == EINTR);
  AFI_CHECK(written == sizeof one);
}

void Mailbox::on_events(std::uint32_t /*events*/) {
  // The counter first: a job delivered after the queue was taken writes it again.
  std::uint64_t count = 0;
  while (::read(wake_.get(), &count, sizeof count) < 0 && errno == EINTR) {
  }
  JobQueue taken;
  {
    const std::lock_guard lock(mutex_);
    std::swap(taken, delivered_);
  }
  while (Job* job = taken.pop()) job->finished();
}

}  // namespace afterimage::io::posix
