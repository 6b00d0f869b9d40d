// SPDX-License-Identifier: Apache-2.0
// HostPlatform: what platforms on the real machine have in common, and the owner of all of one: the reactor, the
// threads, the clock, chance, and the disk and network that the one that derives puts in.
// Every task has ended before it dies: a frame whose operation is still in a thread is checked.
#pragma once

#include <memory>

#include "io/platform.h"
#include "io/posix/event_reactor.h"
#include "io/posix/file.h"
#include "io/posix/resolver.h"
#include "io/posix/system_calls.h"
#include "io/posix/thread_pool.h"

namespace afterimage::io::posix {

struct PosixOptions {
  unsigned disk_threads = 8;           // blocking file system calls at a time; at least 1
  unsigned workers_max = 0;            // threads for computing: one a core, but no more than this; 0 = no such limit
  const SystemCalls* calls = nullptr;  // nullptr = the kernel's; tests put their own in
};

class HostPlatform {
 public:
  // Waits for the calls that are in the threads: a look-up of a name may take what the name server takes.
  virtual ~HostPlatform();
  HostPlatform(const HostPlatform&) = delete;
  HostPlatform& operator=(const HostPlatform&) = delete;

  // Refers to this object.
  [[nodiscard]] Platform platform();
  [[nodiscard]] EventReactor& reactor() { return *reactor_; }

 protected:
  HostPlatform();

  // Starts the threads. limit_exceeded when there are not enough descriptors or threads.
  [[nodiscard]] Status start(std::unique_ptr<EventReactor> reactor, const PosixOptions& options);
  // After start, and before anybody asks for the platform.
  void open_to_files(std::unique_ptr<FileMaker> files);
  void open_to_network(std::unique_ptr<Network> network) { network_ = std::move(network); }
  [[nodiscard]] ThreadPool& disk_pool() { return *disk_pool_; }
  [[nodiscard]] Resolver& resolver() { return *resolver_; }
  [[nodiscard]] const SystemCalls& calls() const { return *calls_; }

 private:
  const SystemCalls* calls_ = nullptr;

  // In order of dependence: each may refer to those before it.
  std::unique_ptr<EventReactor> reactor_;
  std::unique_ptr<ThreadPool> disk_pool_;
  std::unique_ptr<ThreadPool> resolver_pool_;
  std::unique_ptr<ThreadPool> worker_pool_;
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<FileMaker> files_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Workers> workers_;
};

}  // namespace afterimage::io::posix
