// SPDX-License-Identifier: Apache-2.0
// Sizes: how much is read, sent, stored or kept in memory at once, and how far two checkpoints are apart. They decide
// speed and memory, never what is right. A daemon has the defaults; the simulator draws small ones, so that a life of
// kilobytes comes to the edges that users meet after gigabytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/base/limits.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage {

// When a long transfer makes durable how far it has come (CheckpointPace).
struct CheckpointSizes {
  ByteCount bytes_min{64 * limits::MiB};   // a slow transfer: fewer syncs than bytes are worth
  ByteCount bytes_max{512 * limits::MiB};  // a fast one: whatever the time
  Duration pause_min = std::chrono::seconds(1);
};

// Of a primary.
struct CaptureSizes {
  ByteCount cycle_frame_bytes{limits::cycle_frame_raw_bytes};
  ByteCount seeding_frame_bytes{limits::seeding_frame_raw_bytes};
  std::uint64_t window_blocks = 1024;                 // 4 MiB of content: few hand-overs from thread to thread
  std::uint64_t cached_window_blocks = 8192;          // 32 MiB, of which only what has changed is kept
  std::uint64_t zero_window_blocks = 32768;           // hashes only
  std::uint64_t batch_raw_bytes = 1 * limits::MiB;    // encoded in one go by all workers
  std::uint64_t look_frames_bytes = 4 * limits::MiB;  // that a look at cached content may leave
  std::size_t batch_frames = 64;
  std::size_t spool_gather_bytes = 1 * limits::MiB;  // written to the spool together
  // More than is ever on its way to the replica's disks: its window (docs/protocol.md), and what a batch there holds.
  ByteCount under_way_bytes{64 * limits::MiB};
  CheckpointSizes checkpoint;
};

// Of a store.
struct StoreSizes {
  ByteCount batch_stored_bytes{1 * limits::MiB};  // frames that are checked and stored together
  ByteCount batch_raw_bytes{8 * limits::MiB};
  std::size_t batch_frames = 256;
  ByteCount run_cache_bytes{32 * limits::MiB};      // index runs of all machines
  std::size_t view_cache_bytes = 16 * limits::MiB;  // decoded frames of one view
  CheckpointSizes checkpoint;
};

}  // namespace afterimage
