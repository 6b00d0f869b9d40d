// SPDX-License-Identifier: Apache-2.0
// RetrySchedule: when something that is paused for a failure is tried again: a second after it, then after pauses that
// double up to a minute, for as long as it takes. Pure: time comes in.
#pragma once

#include <algorithm>
#include <optional>

#include "io/base/time.h"

namespace afterimage {

class RetrySchedule {
 public:
  static constexpr Duration pause_min = std::chrono::seconds(1);
  static constexpr Duration pause_max = std::chrono::minutes(1);

  // It failed, and was well before.
  void begin(MonotonicTime now) {
    pause_ = pause_min;
    due_ = now + pause_;
    tried_.reset();
  }
  // It was tried again, and failed.
  void note_failed(MonotonicTime now, WallTime when) {
    tried_ = when;
    tried_at_ = now;
    pause_ = std::min(2 * pause_, pause_max);
    due_ = now + pause_;
  }

  [[nodiscard]] MonotonicTime due() const { return due_; }
  [[nodiscard]] bool is_due(MonotonicTime now) const { return due_ <= now; }
  // Whether somebody who asks for it may have it tried now, before it is due: not more often than once a second.
  [[nodiscard]] bool may_be_asked(MonotonicTime now) const { return !tried_ || now - tried_at_ >= pause_min; }
  // When it was tried last; nothing before the first time.
  [[nodiscard]] const std::optional<WallTime>& tried() const { return tried_; }

 private:
  Duration pause_ = pause_min;
  MonotonicTime due_;
  MonotonicTime tried_at_;
  std::optional<WallTime> tried_;
};

}  // namespace afterimage
