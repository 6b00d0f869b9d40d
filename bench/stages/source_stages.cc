// SPDX-License-Identifier: Apache-2.0
// What a primary does with each block: hash it, compare it, put it into a frame.
#include <cstring>
#include <memory>
#include <utility>

#include <zstd.h>

#include "bench/stages/ratios.h"
#include "engine/format/block_hash.h"
#include "engine/format/frame.h"
#include "engine/format/xxh3.h"
#include "engine/source/window_compare.h"
#include "io/base/limits.h"

namespace afterimage::bench {
namespace {

constexpr std::size_t window_bytes = 1 << 20;
constexpr std::size_t frame_bytes = limits::cycle_frame_raw_bytes;
const format::DiskSecret secret{{std::byte{7}}};

void count_bytes(benchmark::State& state, std::size_t each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(each));
}

ByteView block_of(ByteView content, std::size_t block) { return content.subspan(block * block_size, block_size); }

std::vector<format::BlockHash> hashes_of(ByteView content) {
  const format::BlockHasher hasher(secret);
  std::vector<format::BlockHash> hashes;
  for (std::size_t i = 0; i < content.size() / block_size; ++i) hashes.push_back(hasher.hash(block_of(content, i)));
  return hashes;
}

void hash_blocks(benchmark::State& state) {
  const Bytes content = image_like_bytes(window_bytes);
  const format::BlockHasher hasher(secret);
  for ([[maybe_unused]] const auto round : state) {
    for (std::size_t i = 0; i < window_bytes / block_size; ++i) {
      benchmark::DoNotOptimize(hasher.hash(block_of(content, i)));
    }
  }
  count_bytes(state, window_bytes);
}

// In one piece: the finalisation of each block is part of what a block hash costs.
void xxh3_alone(benchmark::State& state) {
  const Bytes content = image_like_bytes(window_bytes);
  const Bytes key = image_like_bytes(192);
  for ([[maybe_unused]] const auto round : state) benchmark::DoNotOptimize(format::xxh3_of(content, key));
  count_bytes(state, window_bytes);
}

// `every`: one block in so many differs from what is known; 0: none does.
void compare_window(benchmark::State& state, source::Knowledge knowledge, std::size_t every) {
  constexpr std::uint64_t windows_max = 4096;  // then the disk begins anew
  source::Window window{.extent = {.first = {}, .count = BlockCount(std::uint64_t{window_bytes / block_size})},
                        .content = image_like_bytes(window_bytes),
                        .knowledge = knowledge,
                        .old_hashes = {}};
  if (knowledge == source::Knowledge::known) window.old_hashes = hashes_of(window.content);
  for (std::size_t i = 0; every != 0 && i < window.old_hashes.size(); i += every) ++window.old_hashes[i].value;
  auto compare = std::make_unique<source::WindowCompare>(secret, ByteCount(std::uint64_t{frame_bytes}));
  std::uint64_t passed = 0;
  for ([[maybe_unused]] const auto round : state) {
    window.extent.first = BlockIndex(passed * window.extent.count.value());
    benchmark::DoNotOptimize(compare->compare(window));
    benchmark::DoNotOptimize(compare->take_frames());
    if (++passed < windows_max) continue;
    compare = std::make_unique<source::WindowCompare>(secret, ByteCount(std::uint64_t{frame_bytes}));
    passed = 0;
  }
  count_bytes(state, window_bytes);
}

// Frames of a window, as a capture makes them.
std::vector<format::RawFrame> frames_of(ByteView content) {
  source::WindowCompare compare(secret, ByteCount(std::uint64_t{frame_bytes}));
  const source::Window window{.extent = {.first = {}, .count = BlockCount(std::uint64_t{content.size() / block_size})},
                              .content = Bytes(content.begin(), content.end()),
                              .knowledge = source::Knowledge::unknown,
                              .old_hashes = {}};
  require(compare.compare(window));
  compare.flush();
  return compare.take_frames();
}

void encode_frames(benchmark::State& state, format::Compression compression) {
  const std::vector<format::RawFrame> frames = frames_of(image_like_bytes(window_bytes));
  format::FrameEncoder encoder;
  for ([[maybe_unused]] const auto round : state) {
    for (const format::RawFrame& frame : frames) {
      benchmark::DoNotOptimize(
          format::encode_frame({.disk = {}, .birth = {}, .number = 1}, frame, compression, encoder));
    }
  }
  count_bytes(state, window_bytes);
}

void copy_alone(benchmark::State& state) {
  const Bytes content = image_like_bytes(window_bytes);
  Bytes out(frame_bytes);
  for ([[maybe_unused]] const auto round : state) {
    for (std::size_t at = 0; at < window_bytes; at += frame_bytes) {
      std::memcpy(out.data(), content.data() + at, frame_bytes);
      benchmark::DoNotOptimize(out.data());
      benchmark::ClobberMemory();
    }
  }
  count_bytes(state, window_bytes);
}

void zstd_alone(benchmark::State& state, int level) {
  const Bytes content = image_like_bytes(window_bytes);
  Bytes out(ZSTD_compressBound(frame_bytes));
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  for ([[maybe_unused]] const auto round : state) {
    for (std::size_t at = 0; at < window_bytes; at += frame_bytes) {
      const std::size_t size =
          ZSTD_compressCCtx(context, out.data(), out.size(), content.data() + at, frame_bytes, level);
      benchmark::DoNotOptimize(size);
    }
  }
  ZSTD_freeCCtx(context);
  count_bytes(state, window_bytes);
}

}  // namespace

void add_source_stages(Stages& stages) {
  using format::Compression;
  using source::Knowledge;
  const Limit xxh3{.name = "XXH3 alone", .body = xxh3_alone};
  constexpr std::size_t one_in_twenty = 20;
  stages.add("hash blocks", hash_blocks, xxh3);
  stages.add("compare, known and the same", [](auto& state) { compare_window(state, Knowledge::known, 0); }, xxh3);
  stages.add("compare, 5 % changed", [](auto& state) { compare_window(state, Knowledge::known, one_in_twenty); }, xxh3);
  stages.add("compare, unknown", [](auto& state) { compare_window(state, Knowledge::unknown, 0); }, xxh3);
  stages.add(
      "encode a frame, raw", [](auto& state) { encode_frames(state, Compression::off()); },
      Limit{.name = "memcpy alone", .body = copy_alone});
  for (const int level : {-5, 1, 3}) {
    const std::string name = std::to_string(level);
    stages.add(
        "encode a frame, zstd " + name, [level](auto& state) { encode_frames(state, Compression::zstd(level)); },
        Limit{.name = "ZSTD " + name + " alone", .body = [level](auto& state) { zstd_alone(state, level); }});
  }
}

}  // namespace afterimage::bench
