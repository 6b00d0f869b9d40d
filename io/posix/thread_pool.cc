// SPDX-License-Identifier: Apache-2.0
#include "io/posix/thread_pool.h"

#include <csignal>
#include <system_error>

#include <pthread.h>

namespace afterimage::io::posix {

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(Mailbox& mailbox, const char* name, unsigned threads) {
  AFI_CHECK(threads > 0);
  std::unique_ptr<ThreadPool> pool(new ThreadPool(mailbox));
  AFI_TRY_STATUS(pool->start(name, threads));
  return pool;
}

Status ThreadPool::start(const char* name, unsigned threads) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  AFI_CHECK(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  Status status;
  threads_.reserve(threads);
  while (threads_.size() < threads && status) {
    try {
      std::thread& thread = threads_.emplace_back([this] { serve(); });
      ::pthread_setname_np(thread.native_handle(), name);
    } catch (const std::system_error& error) {
      status = fail(system_error(error.code().value(), "start a thread"));
    }
  }
  AFI_CHECK(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
  return status;
}

ThreadPool::~ThreadPool() {
  stop();
  for (std::thread& thread : threads_) thread.join();
  while (Job* job = waiting_.pop()) mailbox_.deliver(*job);
}

void ThreadPool::stop() {
  const std::lock_guard lock(mutex_);
  is_stopping_ = true;
  changed_.notify_all();
}

void ThreadPool::submit(Job& job) {
  {
    const std::lock_guard lock(mutex_);
    AFI_CHECK(!is_stopping_);
    waiting_.push(job);
  }
  changed_.notify_one();
}

void ThreadPool::serve() {
  for (;;) {
    Job* job = nullptr;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return is_stopping_ || !waiting_.empty(); });
      if (is_stopping_) return;
      job = waiting_.pop();
    }
    job->run();
    mailbox_.deliver(*job);
  }
}

}  // namespace afterimage::io::posix
