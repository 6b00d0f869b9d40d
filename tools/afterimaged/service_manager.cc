// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/service_manager.h"

#include <chrono>
#include <string>

#include <systemd/sd-daemon.h>

#include "tools/afterimaged/log.h"

namespace afterimage::daemon {
namespace {

// A manager that cannot be told is no reason to stop; it has its own time limits.
void tell(const std::string& state) { static_cast<void>(sd_notify(0, state.c_str())); }

}  // namespace

void notify_ready(std::string_view status) { tell("READY=1\nSTATUS=" + printable(status)); }

void notify_reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void notify_stopping() { tell("STOPPING=1"); }

io::Task<void> keep_patient(io::Scope& scope) {
  while (!scope.is_interrupted()) {
    tell("EXTEND_TIMEOUT_USEC=60000000");
    auto sleeping = io::sleep_for(scope, std::chrono::seconds(20));
    const Status slept = co_await sleeping;
    if (!slept) break;
  }
}

}  // namespace afterimage::daemon
