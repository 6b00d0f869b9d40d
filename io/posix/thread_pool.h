// SPDX-License-Identifier: Apache-2.0
// ThreadPool: a fixed number of threads that run jobs in order of submission and hand them back through a mailbox.
// BlockingCall and PooledWork are what a task awaits.
//
// A job cannot be taken back once it is submitted: a frame that is destroyed while its job is in the pool is a
// programmer's error and is checked. Join the tasks first.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/base/check.h"
#include "io/posix/mailbox.h"
#include "io/scope.h"

namespace afterimage::io::posix {

class ThreadPool {
 public:
  // `name` (up to 15 bytes) is what ps shows. All signals are blocked in the threads. The mailbox outlives the pool.
  [[nodiscard]] static Result<std::unique_ptr<ThreadPool>> create(Mailbox& mailbox, const char* name, unsigned threads);
  // Waits for the jobs that run; those that wait are delivered without having run.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Any thread.
  void submit(Job& job);
  [[nodiscard]] unsigned width() const { return static_cast<unsigned>(threads_.size()); }

 private:
  explicit ThreadPool(Mailbox& mailbox) : mailbox_(mailbox) {}
  [[nodiscard]] Status start(const char* name, unsigned threads);
  void stop();
  void serve();

  Mailbox& mailbox_;
  std::mutex mutex_;
  std::condition_variable changed_;  // with mutex_
  JobQueue waiting_;                 // guarded by mutex_
  bool is_stopping_ = false;         // guarded by mutex_
  std::vector<std::thread> threads_;
};

// The result of `call()` on a thread of the pool; `call` gives a Result or a Status. Cancelling refuses its start only.
// Awaited once, by name. What `call` refers to outlives the await.
template <typename Call>
class BlockingCall final : public Completion<std::invoke_result_t<Call&>>, private Job {
  using Value = std::invoke_result_t<Call&>;

 public:
  BlockingCall(Scope& scope, ThreadPool& pool, const char* operation_name, Call call)
      : Completion<Value>(scope, operation_name), pool_(pool), call_(std::move(call)) {}
  ~BlockingCall() override { AFI_CHECK(!is_submitted_); }

  void cancel() noexcept override {
    if (!is_submitted_) this->complete(fail(this->scope().interruption(this->name)));
  }

 private:
  void start() override {
    is_submitted_ = true;
    pool_.submit(*this);
  }
  void run() noexcept override { value_.emplace(call_()); }
  void finished() noexcept override {
    is_submitted_ = false;
    if (!value_.has_value()) value_.emplace(fail(ErrorCode::cancelled, this->name));  // the pool was stopped
    this->complete(std::move(*value_));
  }

  ThreadPool& pool_;
  Call call_;
  std::optional<Value> value_;  // written by the pool's thread, read after delivery
  bool is_submitted_ = false;   // reactor thread only
};

// Runs `work` on a thread of the pool, under no scope. Awaited once, by name.
template <typename Work>
class PooledWork final : private Job {
 public:
  PooledWork(Reactor& reactor, ThreadPool& pool, Work work) : reactor_(reactor), pool_(pool), work_(std::move(work)) {}
  ~PooledWork() override { AFI_CHECK(!is_submitted_); }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    ready_.handle = handle;
    is_submitted_ = true;
    pool_.submit(*this);
  }
  void await_resume() const noexcept {}

 private:
  void run() noexcept override { work_(); }
  void finished() noexcept override {
    is_submitted_ = false;
    reactor_.post(ready_);
  }

  Reactor& reactor_;
  ThreadPool& pool_;
  Work work_;
  Ready ready_;
  bool is_submitted_ = false;  // reactor thread only
};

}  // namespace afterimage::io::posix
