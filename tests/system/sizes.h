// SPDX-License-Identifier: Apache-2.0
// The sizes of one host of a life, by its seed: small ones often, so that lives of kilobytes seal segments, make
// checkpoints, fill batches and windows, and drop from caches; now and then those of a daemon.
#pragma once

#include <cstdint>

#include "engine/plan/sizes.h"
#include "io/sim/world.h"

namespace afterimage::system {

struct HostSizes {
  CaptureSizes capture;
  ByteCount segment_bytes{limits::segment_bytes_max};
  StoreSizes store;
  std::uint64_t window_bytes = limits::session_window_bytes;
};

[[nodiscard]] HostSizes draw_sizes(io::sim::World& world);

}  // namespace afterimage::system
