// SPDX-License-Identifier: Apache-2.0
// What status says of something that failed and is tried again.
#pragma once

#include <string>

#include "engine/plan/retry_schedule.h"

namespace afterimage::host {

// "<what>; tried again at 2026-01-31T12:00:00.250Z".
[[nodiscard]] inline std::string tried_text(const std::string& what, const RetrySchedule& retry) {
  return what + (retry.tried() ? "; tried again at " + to_rfc3339(*retry.tried()) : "; it will be tried again");
}

// "paused: <reason>; tried again at …".
[[nodiscard]] inline std::string paused_text(const std::string& reason, const RetrySchedule& retry) {
  return tried_text("paused: " + reason, retry);
}

}  // namespace afterimage::host
