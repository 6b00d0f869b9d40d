// SPDX-License-Identifier: Apache-2.0
#include "io/posix/platform.h"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <sys/random.h>
#include <time.h>

#include "io/base/check.h"
#include "io/posix/directory.h"
#include "io/posix/network.h"

namespace afterimage::io::posix {
namespace {

constexpr unsigned resolver_threads = 2;

class PosixClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override {
    timespec time{};
    AFI_CHECK(::clock_gettime(CLOCK_REALTIME, &time) == 0);
    return WallTime{std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec};
  }
};

class PosixRandom final : public Random {
 public:
  void fill(MutableBytes out) override {
    while (!out.empty()) {
      const ssize_t count = ::getrandom(out.data(), out.size(), 0);
      AFI_CHECK(count > 0 || (count < 0 && errno == EINTR));  // it has no other way to fail
      if (count > 0) out = out.subspan(static_cast<std::size_t>(count));
    }
  }
};

class PosixWorkers final : public Workers {
 public:
  PosixWorkers(Reactor& reactor, ThreadPool& pool) : reactor_(reactor), pool_(pool) {}
  [[nodiscard]] Task<void> run(std::move_only_function<void()> work) override {
    PooledWork pooled(reactor_, pool_, std::move(work));
    co_await pooled;
  }
  [[nodiscard]] unsigned width() const override { return pool_.width(); }

 private:
  Reactor& reactor_;
  ThreadPool& pool_;
};

unsigned worker_threads(unsigned workers_max) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  return workers_max == 0 ? cores : std::min(cores, workers_max);
}

}  // namespace

Result<std::unique_ptr<PosixPlatform>> PosixPlatform::create(PosixOptions options) {
  const SystemCalls& calls = options.calls == nullptr ? kernel_calls() : *options.calls;
  std::unique_ptr<PosixPlatform> made(new PosixPlatform);
  AFI_TRY(made->reactor_, PosixReactor::create());
  PosixReactor& reactor = *made->reactor_;
  AFI_TRY(made->disk_pool_, ThreadPool::create(reactor.mailbox(), "disk", std::max(1U, options.disk_threads)));
  AFI_TRY(made->resolver_pool_, ThreadPool::create(reactor.mailbox(), "resolver", resolver_threads));
  AFI_TRY(made->worker_pool_, ThreadPool::create(reactor.mailbox(), "worker", worker_threads(options.workers_max)));
  made->resolver_ = std::make_unique<Resolver>(*made->resolver_pool_);
  made->disk_ = std::make_unique<PosixDisk>(*made->disk_pool_, calls);
  made->network_ = std::make_unique<PosixNetwork>(reactor, *made->disk_pool_, *made->resolver_, calls);
  made->clock_ = std::make_unique<PosixClock>();
  made->random_ = std::make_unique<PosixRandom>();
  made->workers_ = std::make_unique<PosixWorkers>(reactor, *made->worker_pool_);
  return made;
}

PosixPlatform::~PosixPlatform() {
  resolver_pool_.reset();
  worker_pool_.reset();
  disk_pool_.reset();
  // What the threads still handed over: look-ups that nobody waits for end here.
  if (reactor_) reactor_->mailbox().on_events(0);
}

Platform PosixPlatform::platform() {
  return Platform{.reactor = *reactor_,
                  .disk = *disk_,
                  .network = *network_,
                  .clock = *clock_,
                  .random = *random_,
                  .workers = *workers_};
}

}  // namespace afterimage::io::posix
