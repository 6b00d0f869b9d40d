// SPDX-License-Identifier: Apache-2.0
// What the service manager is told (sd_notify(3)); nothing happens where none listens. Thread: the reactor's.
#pragma once

#include <string>
#include <string_view>

namespace afterimage::daemon {

void notify_ready(std::string_view status);
void notify_reloading();
void notify_stopping();
// Anything else, in the form of sd_notify(3).
void notify(const std::string& state);

}  // namespace afterimage::daemon
