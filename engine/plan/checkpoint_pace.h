// SPDX-License-Identifier: Apache-2.0
// CheckpointPace: when a long transfer makes durable how far it has come. A crash then costs it about a second, however
// fast it goes, and the syncs cost it little. Pure: time comes in.
#pragma once

#include "engine/plan/sizes.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage {

class CheckpointPace {
 public:
  explicit CheckpointPace(CheckpointSizes sizes = {}) : sizes_(sizes) {}

  void moved(ByteCount bytes) { since_ += bytes; }
  [[nodiscard]] bool is_due(MonotonicTime now) const {
    return since_ >= sizes_.bytes_max || (since_ >= sizes_.bytes_min && now - made_ >= sizes_.pause_min);
  }
  // Another transfer begins, of which nothing is durable.
  void restart() { *this = CheckpointPace(sizes_); }
  void made(MonotonicTime now) {
    since_ = ByteCount{};
    made_ = now;
  }

 private:
  CheckpointSizes sizes_;
  ByteCount since_;
  MonotonicTime made_;
};

}  // namespace afterimage
