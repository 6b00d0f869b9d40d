// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/start_watch.h"

#include "io/base/printable.h"

namespace afterimage::daemon {
namespace {

struct Waiting {
  std::string what;  // empty: nothing
  Duration time{};
};

// The oldest operation on a disk, whoever awaits it, or on a worker; else whatever the start waits for.
Waiting find_waiting(io::Platform& platform, io::Scope& starting) {
  const io::Operation* oldest = platform.workers.oldest();
  io::visit_operations(platform.reactor, [&oldest](const io::Operation& operation) {
    if (operation.file_path.empty()) return;
    if (oldest == nullptr || operation.started < oldest->started) oldest = &operation;
  });
  if (oldest == nullptr) oldest = starting.oldest_pending();
  if (oldest == nullptr) return {};
  std::string what = oldest->name;
  if (!oldest->file_path.empty()) what += " (" + std::string(oldest->file_path) + ")";
  return Waiting{.what = std::move(what), .time = platform.reactor.now() - oldest->started};
}

}  // namespace

io::Task<void> watch_start(io::Scope& scope, io::Platform platform, io::Scope& starting, Log& log, TellManager tell) {
  const StartDeadlines deadlines;
  const auto in_microseconds = std::chrono::duration_cast<std::chrono::microseconds>(deadlines.patience).count();
  const std::string patience = "EXTEND_TIMEOUT_USEC=" + std::to_string(in_microseconds);
  while (!scope.is_interrupted()) {
    const Waiting waiting = find_waiting(platform, starting);
    std::string status = "starting";
    if (waiting.time >= deadlines.told_after) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(waiting.time).count();
      status = "the start waits: " + waiting.what + " has waited " + std::to_string(seconds) + " s";
      log.warning(status);
    }
    tell((waiting.time < deadlines.given_up_after ? patience + "\n" : "") + "STATUS=" + printable(status));
    auto sleeping = io::sleep_for(scope, deadlines.look_every);
    const Status slept = co_await sleeping;
    if (!slept) break;
  }
}

}  // namespace afterimage::daemon
