// SPDX-License-Identifier: Apache-2.0
// FrameOrder: puts the frames of an epoch, which several connections carry, back in the order of their numbers. Pure.
//
// It holds frames that came too early until those before them have come. A frame that is not of the epoch, that came
// already, or that lies further ahead than a window can hold is `protocol`: no sound primary sends it. How many bytes
// it holds is the business of whoever owns the window. Externally serialised.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "engine/format/frame.h"
#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::replication {

class FrameOrder {
 public:
  // `window_bytes`: of frames that may be under way.
  explicit FrameOrder(std::uint64_t window_bytes);

  // Frames of `epoch` follow, from number `next` on. What was held is dropped.
  void begin(Epoch epoch, std::uint32_t next);
  // One encoded frame, in any order.
  [[nodiscard]] Status put(Bytes frame);
  // The next frame in order, if it has come.
  [[nodiscard]] std::optional<Bytes> take();

 private:
  std::uint64_t ahead_max_;  // frames that a window holds at most
  Epoch epoch_;
  std::uint64_t next_ = 0;  // the number that take() gives
  std::map<std::uint64_t, Bytes> held_;
};

}  // namespace afterimage::replication
