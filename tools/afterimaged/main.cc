// SPDX-License-Identifier: Apache-2.0
// afterimaged: wiring only. SIGTERM and SIGINT stop it, a second one at once; SIGHUP reads the certificate again.
// A stop that a disk or a peer holds up for too long is cut off: every crash is recovered from at the next start.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <malloc.h>
#include <sys/resource.h>

#include "io/base/printable.h"
#include "io/posix/platform.h"
#include "io/posix/signals.h"
#include "io/task_group.h"
#include "tools/afterimaged/chosen_platform.h"
#include "tools/afterimaged/daemon.h"
#include "tools/afterimaged/log.h"
#include "tools/afterimaged/options.h"
#include "tools/afterimaged/service_manager.h"
#include "tools/afterimaged/start_watch.h"

namespace afterimage::daemon {
namespace {

using io::Task;
using io::posix::Signal;

constexpr rlim_t files_max = 65536;
constexpr Duration stop_within = std::chrono::seconds(60);  // systemd kills after 90

int number_of(ExitStatus status) { return static_cast<int>(status); }

// Before there is a log.
void complain(std::string_view text) {
  const std::string sentence = "afterimaged: " + std::string(text);
  const std::string line =
      log_form_of_environment() == LogForm::journal ? journal_line(Severity::error, sentence) : printable(sentence);
  std::fputs((line + "\n").c_str(), stderr);
}

// What signals have asked for.
struct Requests {
  explicit Requests(io::Reactor& reactor) : starting(reactor) {}
  io::Scope starting;  // cancelled by the first request to stop
  bool stop = false;
  bool reload = false;
  io::Event changed;
};

Task<void> take_signals(io::Scope& scope, io::posix::SignalWaiter& signals, Requests& requests, Log& log) {
  while (true) {
    auto waiting = signals.wait(scope);
    const auto signal = co_await waiting;
    if (!signal) break;
    log.info("received " + std::string(io::posix::name_of(*signal)));
    if (*signal == Signal::hang_up) {
      requests.reload = true;
    } else if (requests.stop) {
      log.warning("asked to stop a second time: ending at once");
      std::_Exit(number_of(ExitStatus::failed));
    } else {
      requests.stop = true;
      requests.starting.cancel();
    }
    requests.changed.set();
  }
}

class StopDeadline final : public io::Timer {
 public:
  StopDeadline(io::Reactor& reactor, Log& log) : log_(log) { reactor.arm(*this, reactor.now() + stop_within); }
  void fired() override {
    log_.error("stopping took too long: ending at once; the next start recovers");
    std::_Exit(number_of(ExitStatus::failed));
  }

 private:
  Log& log_;
};

Task<void> serve_until_stopped(io::Platform platform, Daemon& daemon, Requests& requests, Log& log) {
  io::Scope scope(platform.reactor);
  while (!requests.stop) {
    requests.changed.reset();
    if (std::exchange(requests.reload, false)) {
      notify_reloading();
      auto reloading = daemon.reload(scope);
      const Status reloaded = co_await reloading;
      if (!reloaded) log.error("the old certificate stays in use: " + reloaded.error().text());
      notify_ready("serving");
      continue;
    }
    auto waiting = requests.changed.wait(scope);
    const Status status = co_await waiting;
    (void)status;  // nobody cancels this scope
  }
}

Task<ExitStatus> run_daemon(io::Platform platform, tools::Config config, Requests& requests, Log& log) {
  io::Scope patience(platform.reactor);
  io::TaskGroup beside(platform.reactor);
  beside.spawn(watch_start(patience, platform, requests.starting, log, notify));
  auto starting = Daemon::start(requests.starting, platform, std::move(config), log);
  const auto daemon = co_await starting;
  patience.cancel();
  auto joining = beside.join();
  co_await joining;
  if (!daemon) {
    if (requests.stop) co_return ExitStatus::stopped;
    log.error("cannot start: " + daemon.error().text());
    co_return exit_status_of(daemon.error());
  }
  notify_ready("serving");
  auto serving = serve_until_stopped(platform, **daemon, requests, log);
  co_await serving;
  notify_stopping();
  const StopDeadline deadline(platform.reactor, log);
  auto stopping = (*daemon)->stop();
  co_await stopping;
  log.info("stopped");
  co_return ExitStatus::stopped;
}

Task<ExitStatus> run_with_signals(io::Platform platform, io::posix::SignalWaiter& signals, tools::Config config,
                                  Log& log) {
  Requests requests(platform.reactor);
  io::Scope watching(platform.reactor);
  io::TaskGroup group(platform.reactor);
  group.spawn(take_signals(watching, signals, requests, log));
  auto running = run_daemon(platform, std::move(config), requests, log);
  const ExitStatus status = co_await running;
  watching.cancel();
  auto joining = group.join();
  co_await joining;
  co_return status;
}

Task<Status> check_identity(io::Scope& scope, io::Platform platform, const tools::Config& config) {
  AFI_CO_TRY(const tls::Identity identity, read_own_identity(scope, platform.disk, config));
  (void)identity;
  co_return Status{};
}

// Frames come and go by the hundred kilobytes: without this glibc would give their memory back to the kernel each time,
// which clears it again for the next.
void keep_memory() {
  constexpr int kept_bytes = 64 * 1024 * 1024;
  // There is no other thread yet.
  mallopt(M_MMAP_THRESHOLD, kept_bytes / 2);  // NOLINT(concurrency-mt-unsafe)
  mallopt(M_TRIM_THRESHOLD, kept_bytes);      // NOLINT(concurrency-mt-unsafe)
}

// Before the platform is known that the configuration chooses.
Result<tools::Config> read_config_first(const Options& options) {
  AFI_TRY(const auto posix, io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1}));
  io::Scope scope(posix->reactor());
  return io::block_on(posix->reactor(), read_config(scope, posix->platform().disk, options.config));
}

// Idle connections cost a file descriptor each: with the soft limit that most systems begin with, a few hundred
// strangers would leave none for images and segments.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, files_max);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

int run_program(const Options& options) {
  keep_memory();
  raise_file_limit();
  auto config = read_config_first(options);
  if (!config) {
    complain("cannot read the configuration: " + config.error().text());
    return number_of(exit_status_of(config.error()));
  }
  const auto chosen = choose_platform(config->io);
  if (!chosen) {
    complain("cannot start: " + chosen.error().text());
    return number_of(ExitStatus::failed);
  }
  io::posix::EventReactor& reactor = chosen->host->reactor();
  const io::Platform platform = chosen->host->platform();
  if (options.action == Action::check_config) {
    io::Scope scope(reactor);
    const Status good = io::block_on(reactor, check_identity(scope, platform, *config));
    if (!good) {
      complain(good.error().text());
      return number_of(exit_status_of(good.error()));
    }
    std::puts((options.config + " is good").c_str());
    return number_of(ExitStatus::stopped);
  }
  auto signals = io::posix::SignalWaiter::create(reactor);
  if (!signals) {
    complain("cannot start: " + signals.error().text());
    return number_of(ExitStatus::failed);
  }
  const auto log = make_stderr_log(config->log_level, log_form_of_environment());
  log->info(chosen->reason);
  return number_of(io::block_on(reactor, run_with_signals(platform, **signals, std::move(*config), *log)));
}

}  // namespace
}  // namespace afterimage::daemon

int main(int argc, char** argv) {
  using namespace afterimage::daemon;
  std::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads is no reason to end
  const auto options = parse_options(std::vector<std::string>(argv + 1, argv + argc));
  if (!options) {
    complain(options.error().text());
    return number_of(exit_status_of(options.error()));
  }
  if (options->action == Action::print) {
    std::fputs(options->text.c_str(), stdout);
    return number_of(ExitStatus::stopped);
  }
  return run_program(*options);
}
