// SPDX-License-Identifier: Apache-2.0
// Capture: reads a disk once, compares it with what was known of it, writes the hashes it found, and hands on the
// frames of what changed. Holes of the image over known zeros cost nothing; memory is a few windows whatever the disk's
// size.
//
//   read a window -> WindowCompare on a worker, hashes to the fresh hash file -> frames encoded on all workers -> sink,
//   in order of their numbers
//
// A window that is in memory already is read by the worker that compares it (CachedLook), so an image of which little
// has changed costs little more than its copying out of the page cache and its hashing.
//
// Each arrow is a short queue, so all four go on at once; a slow sink holds up the reading within these bounds.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/format/frame.h"
#include "engine/image/hash_file.h"
#include "engine/image/readable_image.h"
#include "engine/plan/level_chooser.h"
#include "engine/plan/sizes.h"
#include "engine/port/progress.h"
#include "engine/source/cached_look.h"
#include "engine/source/data_walk.h"
#include "engine/source/old_hashes.h"
#include "engine/source/window_compare.h"
#include "io/platform.h"

namespace afterimage::source {

// Takes encoded frames in order: a spool, a session to a replica, a medium.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  [[nodiscard]] virtual io::Task<Status> take(io::Scope& scope, Bytes frame) = 0;
};

struct CaptureOptions {
  Epoch epoch;
  std::uint32_t first_frame = 0;
  ByteCount frame_bytes;
  const CaptureSizes& sizes;
  const LevelChooser& level;  // asked for every batch of frames
};

struct DiskCapture {
  BlockCount changed;
  Digest change_root;
};

// Of all disks of a machine in one epoch: frame numbers run on from disk to disk. One disk after the other. Thread: the
// reactor's. The objects given by reference outlive it.
class Capture {
 public:
  Capture(const io::Platform& platform, CaptureOptions options, FrameSink& sink);

  // `fresh` has the size of the image; it may be the very file that `old` reads (a seeding updates in place). Nothing
  // is synced. Errors: those of the image, the files and the sink.
  [[nodiscard]] io::Task<Result<DiskCapture>> capture_disk(io::Scope& scope, const DiskDescription& disk,
                                                           image::ReadableImage& image, OldHashes& old,
                                                           image::HashFile& fresh);

  // Between disks: the number of the next disk's first frame.
  [[nodiscard]] std::uint32_t next_frame() const { return next_frame_; }
  [[nodiscard]] ByteCount stored_bytes() const { return stored_bytes_; }  // of the frames handed on
  // Of the current disk: what lies before has its hashes in the fresh file; its frames are handed on or on their way.
  [[nodiscard]] BlockIndex captured_end() const { return captured_end_; }
  void report_to(Progress* progress, std::uint64_t done, std::uint64_t total);
  [[nodiscard]] std::uint64_t bytes_seen() const { return bytes_done_; }

 private:
  struct Sighting;
  struct DiskWork;
  using Stage = io::Task<Status> (Capture::*)(DiskWork&);
  [[nodiscard]] io::Task<void> run_stage(DiskWork& work, Stage stage);
  [[nodiscard]] io::Task<Status> read_disk(DiskWork& work);
  [[nodiscard]] io::Task<Result<BlockIndex>> emit_hole(DiskWork& work, BlockIndex at, BlockIndex hole_end);
  [[nodiscard]] io::Task<Result<BlockIndex>> emit_data(DiskWork& work, Stretch stretch);
  [[nodiscard]] io::Task<Status> read_content(DiskWork& work, Window& window);
  [[nodiscard]] io::Task<Status> compare_windows(DiskWork& work);
  [[nodiscard]] io::Task<Status> compare_window(DiskWork& work, Window window);
  [[nodiscard]] io::Task<Status> compare_cached(DiskWork& work, const Window& window);
  [[nodiscard]] io::Task<Status> keep_hashes(DiskWork& work, Extent extent, std::span<const format::BlockHash> hashes,
                                             BlockCount data);
  [[nodiscard]] io::Task<Status> hand_over(DiskWork& work, std::uint64_t bytes_min);
  [[nodiscard]] io::Task<Status> encode_frames(DiskWork& work);
  [[nodiscard]] io::Task<std::vector<Bytes>> encode_batch(DiskWork& work, std::vector<format::RawFrame> frames);
  [[nodiscard]] io::Task<Status> hand_on(DiskWork& work);

  io::Platform platform_;
  CaptureOptions options_;
  FrameSink& sink_;
  std::vector<format::FrameEncoder> encoders_;
  std::uint32_t next_frame_;
  ByteCount stored_bytes_;
  BlockIndex captured_end_;
  Progress* progress_ = nullptr;
  std::uint64_t bytes_done_ = 0;
  std::uint64_t bytes_total_ = 0;
};

}  // namespace afterimage::source
