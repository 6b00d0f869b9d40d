// SPDX-License-Identifier: Apache-2.0
#include "tests/system/sizes.h"

#include <concepts>

namespace afterimage::system {
namespace {

class Drawer {
 public:
  explicit Drawer(io::sim::World& world) : world_(world) {}

  // In three of four: `min` doubled a few times, and somewhat more; else as it is.
  template <std::unsigned_integral T>
  void draw(T& size, std::uint64_t min, std::uint64_t doublings) {
    if (world_.random_below(4) == 0) return;
    const std::uint64_t base = min << world_.random_below(doublings + 1);
    size = static_cast<T>(base + world_.random_below(base / 4 + 1));
  }
  void draw(ByteCount& size, std::uint64_t min, std::uint64_t doublings) {
    std::uint64_t value = size.value();
    draw(value, min, doublings);
    size = ByteCount(value);
  }
  void draw_blocks(ByteCount& size, std::uint64_t blocks_max) {
    if (world_.random_below(4) != 0) size = ByteCount((1 + world_.random_below(blocks_max)) * block_size);
  }
  void draw(CheckpointSizes& checkpoint) {
    if (world_.random_below(4) == 0) return;
    checkpoint.bytes_min = ByteCount(std::uint64_t{1024} << world_.random_below(8));
    checkpoint.bytes_max = ByteCount(checkpoint.bytes_min.value() << world_.random_below(5));
    checkpoint.pause_min = std::chrono::milliseconds(world_.random_below(20));
  }

 private:
  io::sim::World& world_;
};

}  // namespace

HostSizes draw_sizes(io::sim::World& world) {
  HostSizes sizes;
  Drawer drawer(world);
  drawer.draw(sizes.segment_bytes, 512, 7);
  drawer.draw(sizes.window_bytes, limits::message_bytes_max, 2);
  CaptureSizes& capture = sizes.capture;
  drawer.draw_blocks(capture.cycle_frame_bytes, limits::cycle_frame_raw_bytes / block_size);
  drawer.draw_blocks(capture.seeding_frame_bytes, limits::seeding_frame_raw_bytes / block_size);
  drawer.draw(capture.window_blocks, 1, 6);
  drawer.draw(capture.cached_window_blocks, 1, 6);
  drawer.draw(capture.zero_window_blocks, 1, 6);
  drawer.draw(capture.batch_raw_bytes, block_size, 6);
  drawer.draw(capture.look_frames_bytes, block_size, 6);
  drawer.draw(capture.batch_frames, 1, 3);
  drawer.draw(capture.spool_gather_bytes, 512, 8);
  drawer.draw(capture.checkpoint);
  StoreSizes& store = sizes.store;
  drawer.draw(store.batch_stored_bytes, 512, 8);
  drawer.draw(store.batch_raw_bytes, block_size, 6);
  drawer.draw(store.batch_frames, 1, 4);
  drawer.draw(store.run_cache_bytes, 64, 8);
  drawer.draw(store.view_cache_bytes, block_size, 5);
  drawer.draw(store.checkpoint);
  // What the other side draws is not known here: the window that it may have, two batches, and a frame behind each.
  capture.under_way_bytes = ByteCount(limits::session_window_bytes + 2 * limits::MiB + 2 * limits::frame_raw_bytes_max);
  return sizes;
}

}  // namespace afterimage::system
