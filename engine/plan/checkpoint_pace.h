// SPDX-License-Identifier: Apache-2.0
// CheckpointPace: when a long transfer makes durable how far it has come. A crash then costs it about a second, however
// fast it goes, and the syncs cost it little. Pure: time comes in.
#pragma once

#include "io/base/limits.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage {

class CheckpointPace {
 public:
  static constexpr ByteCount bytes_min{64 * limits::MiB};   // a slow transfer: fewer syncs than bytes are worth
  static constexpr ByteCount bytes_max{512 * limits::MiB};  // a fast one: whatever the time
  static constexpr Duration pause_min = std::chrono::seconds(1);

  void moved(ByteCount bytes) { since_ += bytes; }
  [[nodiscard]] bool is_due(MonotonicTime now) const {
    return since_ >= bytes_max || (since_ >= bytes_min && now - made_ >= pause_min);
  }
  void made(MonotonicTime now) {
    since_ = ByteCount{};
    made_ = now;
  }

 private:
  ByteCount since_;
  MonotonicTime made_;
};

}  // namespace afterimage
