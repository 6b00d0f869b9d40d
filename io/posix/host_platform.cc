// SPDX-License-Identifier: Apache-2.0
#include "io/posix/host_platform.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <thread>

#include <sys/random.h>

#include "io/base/check.h"
#include "io/posix/directory.h"

namespace afterimage::io::posix {
namespace {

constexpr unsigned resolver_threads = 2;

class HostClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override {
    timespec time{};
    AFI_CHECK(::clock_gettime(CLOCK_REALTIME, &time) == 0);
    return WallTime{std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec};
  }
};

class HostRandom final : public Random {
 public:
  void fill(MutableBytes out) override {
    while (!out.empty()) {
      const ssize_t count = ::getrandom(out.data(), out.size(), 0);
      AFI_CHECK(count > 0 || (count < 0 && errno == EINTR));  // it has no other way to fail
      if (count > 0) out = out.subspan(static_cast<std::size_t>(count));
    }
  }
};

class HostWorkers final : public Workers {
 public:
  HostWorkers(Reactor& reactor, ThreadPool& pool) : Workers(reactor), reactor_(reactor), pool_(pool) {}
  [[nodiscard]] unsigned width() const override { return pool_.width(); }

 private:
  [[nodiscard]] Task<void> run_one(std::move_only_function<void()> work) override {
    PooledWork pooled(reactor_, pool_, std::move(work));
    co_await pooled;
  }

  Reactor& reactor_;
  ThreadPool& pool_;
};

unsigned worker_threads(unsigned workers_max) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  return workers_max == 0 ? cores : std::min(cores, workers_max);
}

}  // namespace

HostPlatform::HostPlatform() = default;

Status HostPlatform::start(std::unique_ptr<EventReactor> reactor, const PosixOptions& options) {
  calls_ = options.calls == nullptr ? &kernel_calls() : options.calls;
  reactor_ = std::move(reactor);
  Mailbox& mailbox = reactor_->mailbox();
  AFI_TRY(disk_pool_, ThreadPool::create(mailbox, "disk", std::max(1U, options.disk_threads)));
  AFI_TRY(resolver_pool_, ThreadPool::create(mailbox, "resolver", resolver_threads));
  AFI_TRY(worker_pool_, ThreadPool::create(mailbox, "worker", worker_threads(options.workers_max)));
  resolver_ = std::make_unique<Resolver>(*resolver_pool_);
  clock_ = std::make_unique<HostClock>();
  random_ = std::make_unique<HostRandom>();
  workers_ = std::make_unique<HostWorkers>(*reactor_, *worker_pool_);
  return {};
}

void HostPlatform::open_to_files(std::unique_ptr<FileMaker> files) {
  files_ = std::move(files);
  disk_ = std::make_unique<PosixDisk>(*disk_pool_, *files_, *calls_);
}

HostPlatform::~HostPlatform() {
  resolver_pool_.reset();
  worker_pool_.reset();
  disk_pool_.reset();
  // What the threads still handed over: look-ups that nobody waits for end here.
  if (reactor_) reactor_->mailbox().on_events(0);
}

Platform HostPlatform::platform() {
  return Platform{.reactor = *reactor_,
                  .disk = *disk_,
                  .network = *network_,
                  .clock = *clock_,
                  .random = *random_,
                  .workers = *workers_};
}

}  // namespace afterimage::io::posix
