// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/service_manager.h"

#include <chrono>
#include <string>

#include <systemd/sd-daemon.h>

#include "io/base/printable.h"
#include "tools/afterimaged/log.h"

namespace afterimage::daemon {

// A manager that cannot be told is no reason to stop; it has its own time limits.
void notify(const std::string& state) { static_cast<void>(sd_notify(0, state.c_str())); }

void notify_ready(std::string_view status) { notify("READY=1\nSTATUS=" + printable(status)); }

void notify_reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void notify_stopping() { notify("STOPPING=1"); }

}  // namespace afterimage::daemon
