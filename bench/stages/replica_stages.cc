// SPDX-License-Identifier: Apache-2.0
// What a replica does with what comes: check frames, add to the change root, answer which frame holds which block.
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include <openssl/evp.h>
#include <zstd.h>

#include "bench/stages/ratios.h"
#include "engine/format/change_root.h"
#include "engine/format/frame.h"
#include "engine/format/view_plan.h"
#include "engine/format/xxh3.h"
#include "io/base/limits.h"

namespace afterimage::bench {
namespace {

constexpr std::size_t frame_bytes = limits::cycle_frame_raw_bytes;
constexpr std::size_t frame_blocks = frame_bytes / block_size;
constexpr std::size_t frames = 16;
constexpr std::size_t content_bytes = frames * frame_bytes;
const format::DiskSecret secret{{std::byte{7}}};
const DiskId disk{{std::byte{9}}};

void count_bytes(benchmark::State& state, std::size_t each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(each));
}

// One frame of neighbouring blocks from `first`, encoded.
Bytes frame_at(BlockIndex first, ByteView content, format::Compression compression) {
  const format::BlockHasher hasher(secret);
  format::FrameBuilder builder(ByteCount(std::uint64_t{frame_bytes}));
  for (std::size_t i = 0; i < content.size() / block_size; ++i) {
    const ByteView block = content.subspan(i * block_size, block_size);
    builder.add_data(first + BlockCount(std::uint64_t{i}), block, hasher.hash(block));
  }
  format::FrameEncoder encoder;
  return format::encode_frame({.disk = disk, .birth = Epoch(std::uint64_t{1}), .number = 1}, builder.take(),
                              compression, encoder);
}

std::vector<Bytes> encoded_frames(format::Compression compression) {
  const Bytes content = image_like_bytes(content_bytes);
  std::vector<Bytes> encoded;
  for (std::size_t i = 0; i < frames; ++i) {
    encoded.push_back(frame_at(BlockIndex(std::uint64_t{i * frame_blocks}),
                               ByteView(content).subspan(i * frame_bytes, frame_bytes), compression));
  }
  return encoded;
}

void check_frames(benchmark::State& state, format::Compression compression) {
  const std::vector<Bytes> encoded = encoded_frames(compression);
  const format::BlockHasher hasher(secret);
  format::FrameDecoder decoder;
  Bytes memory;
  for ([[maybe_unused]] const auto round : state) {
    for (const Bytes& bytes : encoded) {
      const format::FrameView frame = require(format::FrameView::parse(bytes));
      const ByteView content = require(format::content_of(frame, decoder, memory));
      require(format::verify_blocks(frame, content, hasher));
    }
  }
  count_bytes(state, content_bytes);
}

// A raw frame is hashed as a whole for its check, and block by block for its hashes.
void xxh3_twice(benchmark::State& state) {
  const Bytes content = image_like_bytes(content_bytes);
  const Bytes key = image_like_bytes(192);
  for ([[maybe_unused]] const auto round : state) {
    for (std::size_t at = 0; at < content_bytes; at += frame_bytes) {
      const ByteView frame = ByteView(content).subspan(at, frame_bytes);
      benchmark::DoNotOptimize(format::xxh3_of(frame));
      benchmark::DoNotOptimize(format::xxh3_of(frame, key));
    }
  }
  count_bytes(state, content_bytes);
}

void unzstd_alone(benchmark::State& state) {
  const Bytes content = image_like_bytes(content_bytes);
  std::vector<Bytes> compressed;
  for (std::size_t at = 0; at < content_bytes; at += frame_bytes) {
    Bytes out(ZSTD_compressBound(frame_bytes));
    out.resize(ZSTD_compress(out.data(), out.size(), content.data() + at, frame_bytes, 1));
    compressed.push_back(std::move(out));
  }
  Bytes out(frame_bytes);
  ZSTD_DCtx* const context = ZSTD_createDCtx();
  for ([[maybe_unused]] const auto round : state) {
    for (const Bytes& bytes : compressed) {
      benchmark::DoNotOptimize(ZSTD_decompressDCtx(context, out.data(), out.size(), bytes.data(), bytes.size()));
    }
  }
  ZSTD_freeDCtx(context);
  count_bytes(state, content_bytes);
}

constexpr std::size_t root_blocks = 4096;
constexpr std::size_t root_item_bytes = 17;  // of a data block

void add_to_root(benchmark::State& state) {
  for ([[maybe_unused]] const auto round : state) {
    format::ChangeRoot root;
    for (std::uint64_t i = 0; i < root_blocks; ++i) {
      require(root.add(BlockIndex(i), format::BlockKind::data, format::BlockHash{i + 1}));
    }
    benchmark::DoNotOptimize(root.finish());
  }
  count_bytes(state, root_blocks * root_item_bytes);
}

void sha256_alone(benchmark::State& state) {
  const Bytes content = image_like_bytes(root_blocks * root_item_bytes);
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  for ([[maybe_unused]] const auto round : state) {
    unsigned size = 0;
    benchmark::DoNotOptimize(EVP_Digest(content.data(), content.size(), out.data(), &size, EVP_sha256(), nullptr));
  }
  count_bytes(state, content.size());
}

constexpr std::uint64_t disk_bytes = std::uint64_t{1} << 30;

// A day of points every hour, each of which changed a frame in every 64th place, over a disk of 1 GiB.
format::ViewPlan plan_of_a_day() {
  constexpr std::uint64_t points = 24;
  constexpr std::uint64_t step = 64;
  const format::DiskSizes sizes{
      .before = ByteCount(disk_bytes), .smallest = ByteCount(disk_bytes), .after = ByteCount(disk_bytes)};
  const Bytes content = image_like_bytes(frame_bytes);
  const std::uint64_t places = disk_bytes / frame_bytes;
  std::vector<format::JournalRun> runs;
  for (std::uint64_t point = points; point > 0; --point) {
    format::IndexRunBuilder builder;
    ByteOffset at;
    for (std::uint64_t place = point * 7 % step; place < places; place += step) {
      const Bytes bytes = frame_at(BlockIndex(place * frame_blocks), content, format::Compression::off());
      builder.add(require(format::FrameView::parse(bytes)), at);
      at += ByteCount(std::uint64_t{bytes.size()});
    }
    const format::DiskSize of_disk{.disk = disk, .sizes = sizes};
    auto run = std::make_shared<format::IndexRun>(builder.close(
        {.epoch = Epoch(point), .from = Sequence(point - 1), .sequence = Sequence(point)}, std::span(&of_disk, 1)));
    runs.push_back({.segment = SegmentNumber(point), .run = std::move(run)});
  }
  return require(format::ViewPlan::make(disk, std::move(runs), ByteCount(disk_bytes)));
}

constexpr std::uint64_t window_blocks = 256;

void plan_windows(benchmark::State& state) {
  const format::ViewPlan plan = plan_of_a_day();
  std::uint64_t first = 0;
  for ([[maybe_unused]] const auto round : state) {
    benchmark::DoNotOptimize(plan.plan(Extent{.first = BlockIndex(first), .count = BlockCount(window_blocks)}));
    first = (first + window_blocks) % (disk_bytes / block_size);
  }
  count_bytes(state, window_blocks * block_size);
}

void copy_window(benchmark::State& state) {
  const Bytes content = image_like_bytes(window_blocks * block_size);
  Bytes out(content.size());
  for ([[maybe_unused]] const auto round : state) {
    std::memcpy(out.data(), content.data(), content.size());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state, content.size());
}

}  // namespace

void add_replica_stages(Stages& stages) {
  using format::Compression;
  stages.add(
      "check a frame, raw", [](auto& state) { check_frames(state, Compression::off()); },
      Limit{.name = "XXH3 twice", .body = xxh3_twice});
  stages.add(
      "check a frame, zstd 1", [](auto& state) { check_frames(state, Compression::zstd(1)); },
      Limit{.name = "ZSTD decompression alone", .body = unzstd_alone});
  stages.add("change root", add_to_root, Limit{.name = "SHA-256 alone", .body = sha256_alone});
  stages.add("plan a view's window", plan_windows, Limit{.name = "memcpy of the window", .body = copy_window});
}

}  // namespace afterimage::bench
