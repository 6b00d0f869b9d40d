// SPDX-License-Identifier: Apache-2.0
#include "engine/source/capture.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "io/channel.h"
#include "io/task_group.h"

namespace afterimage::source {
namespace {

constexpr std::uint64_t read_through_blocks_max = 16;  // holes up to 64 KiB are read with the data around them
constexpr std::size_t queue_max = 2;                   // of each arrow

using RawFrames = std::vector<format::RawFrame>;

BlockIndex earlier(BlockIndex a, BlockIndex b) { return std::min(a, b); }
BlockIndex limited(BlockIndex at, BlockIndex end, std::uint64_t blocks_max) {
  return earlier(end, at + BlockCount(blocks_max));
}

// To `blocks_max` blocks at most, and to the end of the data among them.
void clip_stretch(Stretch& stretch, BlockCount blocks_max) {
  stretch.extent.count = std::min(stretch.extent.count, blocks_max);
  stretch.data = clip_extents(stretch.data, stretch.extent);
  stretch.extent.count = stretch.data.back().end() - stretch.extent.first;
}

// Data with short holes between is one run.
std::vector<Extent> runs_to_read(const std::vector<Extent>& data) {
  std::vector<Extent> runs;
  for (const Extent& piece : data) {
    if (runs.empty() || piece.first - runs.back().end() > BlockCount(read_through_blocks_max)) {
      runs.push_back(piece);
    } else {
      runs.back().count = piece.end() - runs.back().first;
    }
  }
  return runs;
}

}  // namespace

// What the reader found.
struct Capture::Sighting {
  Window window;
  bool is_cached = false;  // its content is in memory, and is read by whoever compares it
};

// What one disk's capture shares between its reader and its worker.
struct Capture::DiskWork {
  DiskWork(io::Scope& outer, const DiskDescription& description, image::ReadableImage& source, OldHashes& known,
           image::HashFile& found, ByteCount frame_bytes)
      : scope(outer),
        disk(description),
        image(source),
        old(known),
        fresh(found),
        compare(description.secret, frame_bytes),
        cached(source, compare),
        walk(source),
        end(BlockIndex(blocks_of(source.size()).value())) {}

  // The first failure is the one to tell; it ends all stages.
  void fail_with(Status failed) {
    if (status) status = std::move(failed);
    scope.cancel();
  }

  io::Scope scope;
  const DiskDescription& disk;
  image::ReadableImage& image;
  OldHashes& old;
  image::HashFile& fresh;
  WindowCompare compare;
  CachedLook cached;
  DataWalk walk;
  BlockIndex end;
  io::Channel<Sighting> sightings{queue_max};
  io::Channel<RawFrames> batches{queue_max};
  io::Channel<std::vector<Bytes>> encoded{queue_max};
  RawFrames frames;          // of blocks that have changed, until they are a batch
  std::vector<Bytes> spare;  // memory of windows that were looked at
  Status status;
};

Capture::Capture(const io::Platform& platform, CaptureOptions options, FrameSink& sink)
    : platform_(platform),
      options_(options),
      sink_(sink),
      encoders_(platform.workers.width()),
      next_frame_(options.first_frame) {}

void Capture::report_to(Progress* progress, std::uint64_t done, std::uint64_t total) {
  progress_ = progress;
  bytes_done_ = done;
  bytes_total_ = total;
}

io::Task<Result<DiskCapture>> Capture::capture_disk(io::Scope& scope, const DiskDescription& disk,
                                                    image::ReadableImage& image, OldHashes& old,
                                                    image::HashFile& fresh) {
  captured_end_ = old.begin();
  DiskWork work(scope, disk, image, old, fresh, options_.frame_bytes);
  io::TaskGroup stages(platform_.reactor);
  for (const Stage stage : {&Capture::read_disk, &Capture::compare_windows, &Capture::encode_frames, &Capture::hand_on})
    stages.spawn(run_stage(work, stage));
  auto joining = stages.join();
  co_await joining;
  AFI_CO_STATUS(std::move(work.status));
  const BlockCount changed = work.compare.changed();
  co_return DiskCapture{.changed = changed, .change_root = work.compare.finish_root()};
}

io::Task<void> Capture::run_stage(DiskWork& work, Stage stage) {
  auto running = (this->*stage)(work);
  Status status = co_await running;
  if (!status) work.fail_with(std::move(status));
}

// Walks the disk from data to data: of the image, of the old hashes, or of what is unknown.
io::Task<Status> Capture::read_disk(DiskWork& work) {
  BlockIndex at = work.old.begin();
  while (at < work.end) {
    AFI_CO_STATUS(work.scope.check());
    AFI_CO_TRY(Stretch stretch, work.walk.next(work.scope, at));
    if (stretch.data.empty()) {
      AFI_CO_TRY(at, emit_hole(work, at, stretch.extent.end()));
    } else {
      AFI_CO_TRY(at, emit_data(work, std::move(stretch)));
    }
  }
  work.sightings.close();
  co_return Status{};
}

// A hole of the image from `at`: sends one window of it at most, and tells where the walk goes on.
io::Task<Result<BlockIndex>> Capture::emit_hole(DiskWork& work, BlockIndex at, BlockIndex hole_end) {
  const BlockIndex known_end = work.old.known_end();
  Window window;
  BlockIndex next = hole_end;
  if (at >= known_end) {
    window.knowledge = Knowledge::unknown;
    window.extent = Extent{.first = at, .count = hole_end - at};
  } else {
    AFI_CO_TRY(const std::optional<Extent> old_data, work.old.next_data(work.scope, at));
    if (!old_data || old_data->first >= hole_end) co_return earlier(hole_end, std::max(at, known_end));
    at = old_data->first;
    next = limited(at, earlier(hole_end, old_data->end()), options_.sizes.zero_window_blocks);
    window.extent = Extent{.first = at, .count = next - at};
    AFI_CO_TRY(window.old_hashes, work.old.read(work.scope, window.extent));
  }
  AFI_CO_TRY_STATUS(work.sightings.send(work.scope, Sighting{.window = std::move(window)}));
  co_return next;
}

// Content that has to come from the device is read here, ahead of the comparing; what is in memory is read where it is
// compared.
io::Task<Result<BlockIndex>> Capture::emit_data(DiskWork& work, Stretch stretch) {
  const BlockIndex at = stretch.extent.first;
  const BlockIndex known_end = work.old.known_end();
  Sighting found;
  Window& window = found.window;
  if (at < known_end) {
    clip_stretch(stretch, known_end - at);
  } else {
    window.knowledge = Knowledge::unknown;
  }
  clip_stretch(stretch, BlockCount(options_.sizes.cached_window_blocks));
  found.is_cached = seems_cached(work.image, stretch.extent);
  if (!found.is_cached) clip_stretch(stretch, BlockCount(options_.sizes.window_blocks));
  window.extent = stretch.extent;
  if (stretch.data.size() > 1) window.data = std::move(stretch.data);
  if (!found.is_cached) AFI_CO_TRY_STATUS(read_content(work, window));
  if (window.knowledge == Knowledge::known) {
    AFI_CO_TRY(window.old_hashes, work.old.read(work.scope, window.extent));
  }
  const BlockIndex next = window.extent.end();
  AFI_CO_TRY_STATUS(work.sightings.send(work.scope, std::move(found)));
  co_return next;
}

// Holes are zeros without being read, but for short ones, which cost less to read than to go around.
io::Task<Status> Capture::read_content(DiskWork& work, Window& window) {
  if (!work.spare.empty()) {
    window.content = std::move(work.spare.back());
    work.spare.pop_back();
  }
  window.content.resize(bytes_of(window.extent.count).value());
  std::vector<Extent> runs{window.extent};
  if (!window.data.empty()) {
    std::ranges::fill(window.content, std::byte{0});
    runs = runs_to_read(window.data);
  }
  for (const Extent& run : runs) {
    const std::uint64_t skipped = bytes_of(run.first - window.extent.first).value();
    const MutableBytes out = MutableBytes(window.content).subspan(skipped, bytes_of(run.count).value());
    AFI_CO_TRY_STATUS(image::read_blocks(work.scope, work.image, run, out));
  }
  co_return Status{};
}

// What a channel has next; nothing at its end.
template <typename T>
io::Task<Result<std::optional<T>>> next_of(io::Channel<T>& channel, io::Scope& scope) {
  auto receiving = channel.receive(scope);
  Result<T> item = co_await receiving;
  if (item) co_return std::optional<T>(std::move(*item));
  if (item.error().code == ErrorCode::end_of_data) co_return std::optional<T>();
  co_return std::unexpected(item.error());
}

std::uint64_t raw_bytes_of(const RawFrames& frames) {
  std::uint64_t bytes = 0;
  for (const format::RawFrame& frame : frames) bytes += frame.content.size();
  return bytes;
}

io::Task<Status> Capture::compare_windows(DiskWork& work) {
  for (;;) {
    AFI_CO_TRY(std::optional<Sighting> found, next_of(work.sightings, work.scope));
    if (!found) break;
    if (found->is_cached) {
      AFI_CO_TRY_STATUS(compare_cached(work, found->window));
    } else {
      AFI_CO_TRY_STATUS(compare_window(work, std::move(found->window)));
    }
  }
  work.compare.flush();
  AFI_CO_TRY_STATUS(hand_over(work, 0));
  work.batches.close();
  co_return Status{};
}

io::Task<Status> Capture::compare_window(DiskWork& work, Window window) {
  Result<std::vector<format::BlockHash>> hashes;
  auto comparing = platform_.workers.run("compare blocks", [&] { hashes = work.compare.compare(window); });
  co_await comparing;
  AFI_CO_STATUS(hashes ? Status{} : Status(std::unexpected(hashes.error())));
  AFI_CO_TRY_STATUS(keep_hashes(work, window.extent, *hashes, window.data_blocks()));
  if (!window.content.empty() && work.spare.size() < queue_max) work.spare.push_back(std::move(window.content));
  co_return Status{};
}

// Of a window that is in memory; where it turns out not to be, it is read after all.
io::Task<Status> Capture::compare_cached(DiskWork& work, const Window& window) {
  std::uint64_t done = 0;
  while (done < window.extent.count.value()) {
    const Window rest = window.part(done, window.extent.count.value());
    Result<std::vector<format::BlockHash>> hashes;
    auto looking = platform_.workers.run("read and compare blocks",
                                         [&] { hashes = work.cached.look(rest, options_.sizes.look_frames_bytes); });
    co_await looking;
    AFI_CO_STATUS(hashes ? Status{} : Status(std::unexpected(hashes.error())));
    if (!hashes->empty()) {
      const BlockCount count(std::uint64_t{hashes->size()});
      const Window seen = rest.part(0, count.value());
      AFI_CO_TRY_STATUS(keep_hashes(work, seen.extent, *hashes, seen.data_blocks()));
      done += count.value();
    } else {
      Window missed = rest.part(0, options_.sizes.window_blocks);
      done += missed.extent.count.value();
      AFI_CO_TRY_STATUS(read_content(work, missed));
      AFI_CO_TRY_STATUS(compare_window(work, std::move(missed)));
    }
  }
  co_return Status{};
}

// The hashes that were found, none for a range of zeros; then frames that are enough for a batch go on.
io::Task<Status> Capture::keep_hashes(DiskWork& work, Extent extent, std::span<const format::BlockHash> hashes,
                                      BlockCount data) {
  if (hashes.empty()) {
    AFI_CO_TRY_STATUS(work.fresh.clear_hashes(work.scope, extent));
  } else {
    AFI_CO_TRY_STATUS(work.fresh.write_hashes(work.scope, extent.first, hashes));
    bytes_done_ += bytes_of(data).value();
  }
  captured_end_ = extent.end();
  if (progress_ != nullptr) progress_->advance("reading", bytes_done_, bytes_total_);
  auto handing_over = hand_over(work, options_.sizes.batch_raw_bytes);
  co_return co_await handing_over;
}

// Sends the frames on as a batch if they have `bytes_min` of content, or are many.
io::Task<Status> Capture::hand_over(DiskWork& work, std::uint64_t bytes_min) {
  for (format::RawFrame& frame : work.compare.take_frames()) work.frames.push_back(std::move(frame));
  const bool is_batch = work.frames.size() >= options_.sizes.batch_frames || raw_bytes_of(work.frames) >= bytes_min;
  if (!is_batch || work.frames.empty()) co_return Status{};
  auto sending = work.batches.send(work.scope, std::exchange(work.frames, {}));
  co_return co_await sending;
}

namespace {

// One worker's share of a batch of frames: every `step`-th from `first`.
struct EncodeShare {
  std::span<const format::RawFrame> frames;
  std::span<Bytes> encoded;
  std::size_t first;
  std::size_t step;
  DiskId disk;
  Epoch birth;
  format::Compression compression;
  std::uint32_t first_number;

  void run(format::FrameEncoder& encoder) const {
    for (std::size_t i = first; i < frames.size(); i += step) {
      const format::FrameIdentity identity{
          .disk = disk, .birth = birth, .number = first_number + static_cast<std::uint32_t>(i)};
      encoded[i] = format::encode_frame(identity, frames[i], compression, encoder);
    }
  }
};

io::Task<void> encode_share(io::Workers& workers, EncodeShare share, format::FrameEncoder& encoder) {
  auto encoding = workers.run("encode frames", [&] { share.run(encoder); });
  co_await encoding;
}

}  // namespace

io::Task<Status> Capture::encode_frames(DiskWork& work) {
  for (;;) {
    AFI_CO_TRY(std::optional<RawFrames> frames, next_of(work.batches, work.scope));
    if (!frames) break;
    auto encoding = encode_batch(work, *std::move(frames));
    std::vector<Bytes> encoded = co_await encoding;
    AFI_CO_TRY_STATUS(work.encoded.send(work.scope, std::move(encoded)));
  }
  work.encoded.close();
  co_return Status{};
}

io::Task<std::vector<Bytes>> Capture::encode_batch(DiskWork& work, RawFrames frames) {
  std::vector<Bytes> encoded(frames.size());
  io::TaskGroup group(platform_.reactor);
  const std::size_t shares = std::min(encoders_.size(), frames.size());
  for (std::size_t i = 0; i < shares; ++i) {
    group.spawn(encode_share(platform_.workers,
                             EncodeShare{.frames = frames,
                                         .encoded = encoded,
                                         .first = i,
                                         .step = shares,
                                         .disk = work.disk.id,
                                         .birth = options_.epoch,
                                         .compression = options_.level.current(),
                                         .first_number = next_frame_},
                             encoders_[i]));
  }
  auto joining = group.join();
  co_await joining;
  next_frame_ += static_cast<std::uint32_t>(encoded.size());
  co_return encoded;
}

io::Task<Status> Capture::hand_on(DiskWork& work) {
  for (;;) {
    AFI_CO_TRY(std::optional<std::vector<Bytes>> frames, next_of(work.encoded, work.scope));
    if (!frames) co_return Status{};
    for (Bytes& frame : *frames) {
      stored_bytes_ += ByteCount(std::uint64_t{frame.size()});
      AFI_CO_TRY_STATUS(sink_.take(work.scope, std::move(frame)));
    }
  }
}

}  // namespace afterimage::source
