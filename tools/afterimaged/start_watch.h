// SPDX-License-Identifier: Apache-2.0
// Until a host is open nobody can ask it for its status: this tells the log and the service manager what its start
// waits for, and asks the manager for patience as long as it progresses. Recovery takes as long as there is to recover;
// one operation that does not end is left to the manager's own limit, which ends the daemon and starts it anew.
// Thread: the reactor's.
#pragma once

#include <functional>
#include <string>

#include "io/platform.h"
#include "tools/afterimaged/log.h"

namespace afterimage::daemon {

// What the service manager is told (sd_notify(3)).
using TellManager = std::function<void(const std::string&)>;

struct StartDeadlines {
  Duration look_every = std::chrono::seconds(30);
  Duration told_after = std::chrono::seconds(30);     // of one operation; from then on a line each time
  Duration given_up_after = std::chrono::minutes(5);  // of one operation: no more patience is asked for
  Duration patience = std::chrono::seconds(90);       // what is asked for each time
};

// Looks until `scope` ends. `starting` is the scope of the start.
[[nodiscard]] io::Task<void> watch_start(io::Scope& scope, io::Platform platform, io::Scope& starting, Log& log,
                                         TellManager tell);

}  // namespace afterimage::daemon
