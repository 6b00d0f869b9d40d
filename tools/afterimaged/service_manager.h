// SPDX-License-Identifier: Apache-2.0
// What the service manager is told (sd_notify(3)); nothing happens where none listens. Thread: the reactor's.
#pragma once

#include <string_view>

#include "io/scope.h"
#include "io/task.h"

namespace afterimage::daemon {

void notify_ready(std::string_view status);
void notify_reloading();
void notify_stopping();

// Asks for patience as long as `scope` stands: recovery at a start takes as long as there is to recover.
[[nodiscard]] io::Task<void> keep_patient(io::Scope& scope);

}  // namespace afterimage::daemon
