// SPDX-License-Identifier: Apache-2.0
// What status says of a machine that a failure has stopped and that is tried again.
#pragma once

#include <string>

#include "engine/plan/retry_schedule.h"

namespace afterimage::host {

// "paused: <reason>; tried again at 2026-01-31T12:00:00.250Z".
[[nodiscard]] inline std::string paused_text(const std::string& reason, const RetrySchedule& retry) {
  return "paused: " + reason +
         (retry.tried() ? "; tried again at " + to_rfc3339(*retry.tried()) : "; it will be tried again");
}

}  // namespace afterimage::host
