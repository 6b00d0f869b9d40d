// SPDX-License-Identifier: Apache-2.0
// SignalWaiter: SIGTERM, SIGINT and SIGHUP as something a task waits for (signalfd).
// While it lives the three are blocked in the thread that made it and in threads started from it afterwards: make it in
// main before any thread that is not the platform's own (those block everything). Thread: the reactor's.
#pragma once

#include <csignal>
#include <memory>
#include <string_view>

#include "io/posix/socket.h"

namespace afterimage::io::posix {

enum class Signal : std::uint8_t { terminate, interrupt, hang_up };

// "SIGTERM", for logs.
[[nodiscard]] std::string_view name_of(Signal signal);

class SignalWaiter {
 public:
  [[nodiscard]] static Result<std::unique_ptr<SignalWaiter>> create(EventReactor& reactor);
  ~SignalWaiter();
  SignalWaiter(const SignalWaiter&) = delete;
  SignalWaiter& operator=(const SignalWaiter&) = delete;

  // The next signal, or one that came since the last was waited for (the kernel keeps one of each kind).
  // One task at a time.
  [[nodiscard]] Task<Result<Signal>> wait(Scope& scope);

 private:
  explicit SignalWaiter(const sigset_t& before) : mask_before_(before) {}
  sigset_t mask_before_;
  std::shared_ptr<Socket> descriptor_;
};

}  // namespace afterimage::io::posix
