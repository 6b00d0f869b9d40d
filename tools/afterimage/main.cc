// SPDX-License-Identifier: Apache-2.0
// afterimage: the command line of a host. Wiring only: the platform, Ctrl-C, the command.
#include <csignal>

#include "io/posix/platform.h"
#include "io/posix/signals.h"
#include "io/task_group.h"
#include "tools/afterimage/run.h"

namespace afterimage::cli {
namespace {

using io::Task;

// The first Ctrl-C asks the command to end; it says what goes on without it.
Task<void> cancel_on_signal(io::Scope& watch, io::posix::SignalWaiter& signals, io::Scope& work) {
  auto waiting = signals.wait(watch);
  const auto signal = co_await waiting;
  if (signal) work.cancel();
}

Task<ExitStatus> run_until_signal(io::Platform platform, io::posix::SignalWaiter& signals, Terminal& terminal,
                                  std::vector<std::string> arguments) {
  io::Scope watch(platform.reactor);
  io::Scope work(platform.reactor);
  io::TaskGroup group(platform.reactor);
  group.spawn(cancel_on_signal(watch, signals, work));
  auto running = run_cli(work, platform, terminal, std::move(arguments));
  const ExitStatus status = co_await running;
  watch.cancel();
  auto joining = group.join();
  co_await joining;
  co_return status;
}

int fail_to_start(Terminal& terminal, const Error& error) {
  terminal.write(Sink::err, "afterimage: cannot start: " + error.text() + "\n");
  return static_cast<int>(ExitStatus::failed);
}

int run_program(std::vector<std::string> arguments) {
  const auto terminal = make_process_terminal();
  auto platform = io::posix::PosixPlatform::create({.disk_threads = 2, .workers_max = 2});
  if (!platform) return fail_to_start(*terminal, platform.error());
  auto signals = io::posix::SignalWaiter::create((*platform)->reactor());
  if (!signals) return fail_to_start(*terminal, signals.error());
  io::Reactor& reactor = (*platform)->reactor();
  const ExitStatus status =
      io::block_on(reactor, run_until_signal((*platform)->platform(), **signals, *terminal, std::move(arguments)));
  if (!terminal->is_sound()) return static_cast<int>(ExitStatus::failed);  // nobody got what was written
  return static_cast<int>(status);
}

}  // namespace
}  // namespace afterimage::cli

int main(int argc, char** argv) {
  return afterimage::cli::run_program(std::vector<std::string>(argv + 1, argv + argc));
}
