// SPDX-License-Identifier: Apache-2.0
// PosixPlatform: io::Platform on epoll, system calls and threads; it owns all of it.
// Every task has ended before it dies: a frame whose operation is still in a thread is checked.
#pragma once

#include <memory>

#include "io/platform.h"
#include "io/posix/reactor.h"
#include "io/posix/resolver.h"
#include "io/posix/system_calls.h"
#include "io/posix/thread_pool.h"

namespace afterimage::io::posix {

struct PosixOptions {
  unsigned disk_threads = 8;           // blocking file system calls at a time; at least 1
  unsigned workers_max = 0;            // threads for computing: one a core, but no more than this; 0 = no such limit
  const SystemCalls* calls = nullptr;  // nullptr = the kernel's; tests put their own in
};

class PosixPlatform {
 public:
  // Starts the threads. limit_exceeded when there are not enough descriptors or threads.
  [[nodiscard]] static Result<std::unique_ptr<PosixPlatform>> create(PosixOptions options = {});
  // Waits for the calls that are in the threads: a look-up of a name may take what the name server takes.
  ~PosixPlatform();
  PosixPlatform(const PosixPlatform&) = delete;
  PosixPlatform& operator=(const PosixPlatform&) = delete;

  // Refers to this object.
  [[nodiscard]] Platform platform();
  [[nodiscard]] PosixReactor& reactor() { return *reactor_; }

 private:
  PosixPlatform() = default;

  // In order of dependence: each may refer to those before it.
  std::unique_ptr<PosixReactor> reactor_;
  std::unique_ptr<ThreadPool> disk_pool_;
  std::unique_ptr<ThreadPool> resolver_pool_;
  std::unique_ptr<ThreadPool> worker_pool_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Workers> workers_;
};

}  // namespace afterimage::io::posix
