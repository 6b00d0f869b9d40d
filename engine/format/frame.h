// SPDX-License-Identifier: Apache-2.0
// A frame: a group of extents of one disk, compressed together. It is encoded once, at the source, and the same bytes
// are spooled, sent, kept and verified; disk + birth epoch + number are its identity, so it moves between segments
// unchanged and a stale, foreign or misplaced frame is noticed. Byte tables: docs/journal-format.md.
//
// Invariants of every frame that parses: 1 to frame_extents_max extents, ascending and not overlapping, inside
// disk_bytes_max; the blocks of its data extents, in order, are its raw content (at most frame_raw_bytes_max) and have
// one hash each, never 0; the bytes after the fixed header match the check in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/format/block_hash.h"
#include "io/base/bytes.h"
#include "io/base/identity.h"
#include "io/base/limits.h"
#include "io/base/result.h"
#include "io/base/units.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace afterimage::format {

inline constexpr std::uint16_t frame_version = 1;
inline constexpr std::size_t frame_header_bytes = 64;
inline constexpr std::size_t frame_extent_bytes = 16;
inline constexpr std::uint64_t disk_blocks_max = limits::disk_bytes_max / block_size;

// Numbers from here on are frames that a merge made; below, frames as captured.
inline constexpr std::uint32_t merged_frame_number = 0x80000000U;

// No frame that parses is larger.
inline constexpr std::size_t frame_encoded_bytes_max =
    frame_header_bytes + limits::frame_extents_max * frame_extent_bytes +
    limits::frame_blocks_max * sizeof(std::uint64_t) + limits::frame_stored_bytes_max;
static_assert(frame_encoded_bytes_max + 1024 <= limits::message_bytes_max);

enum class BlockKind : std::uint8_t { data = 0, zero = 1 };

struct FrameIdentity {
  DiskId disk;
  Epoch birth;               // the epoch that captured it
  std::uint32_t number = 0;  // counts the frames of a machine's epoch, from 0
  auto operator<=>(const FrameIdentity&) const = default;
};

struct FrameExtent {
  Extent extent;
  BlockKind kind = BlockKind::data;
  auto operator<=>(const FrameExtent&) const = default;
};

// What a frame says, before it is compressed.
struct RawFrame {
  std::vector<FrameExtent> extents;
  std::vector<BlockHash> hashes;  // of the data blocks, in order
  Bytes content;                  // of the data blocks, in order: 4096 bytes each
  bool operator==(const RawFrame&) const = default;
};

// Groups blocks of ONE disk in ascending order. Externally serialised.
class FrameBuilder {
 public:
  // `raw_target`: full() once that much content is gathered (at most frame_raw_bytes_max).
  explicit FrameBuilder(ByteCount raw_target = ByteCount(limits::cycle_frame_raw_bytes));

  // Requires: not full(), behind everything added so far; `hash` is the block's and not 0.
  void add_data(BlockIndex block, ByteView content, BlockHash hash);
  // Requires: not full(), behind everything added so far, not empty, inside disk_bytes_max.
  void add_zero(Extent extent);

  [[nodiscard]] bool empty() const { return frame_.extents.empty(); }
  [[nodiscard]] bool full() const;
  [[nodiscard]] ByteCount raw_bytes() const { return ByteCount(std::uint64_t{frame_.content.size()}); }
  // The first block that may be added next.
  [[nodiscard]] BlockIndex next() const;
  // The gathered frame; the builder starts afresh, at any block. Requires: not empty().
  [[nodiscard]] RawFrame take();

 private:
  void extend(Extent extent, BlockKind kind);

  ByteCount raw_target_;
  RawFrame frame_;
};

enum class Codec : std::uint8_t { raw = 0, zstd = 1 };

// How a frame is stored. With zstd, content that does not shrink by at least 1/32 is stored raw all the same.
struct Compression {
  Codec codec = Codec::zstd;
  int level = 1;  // zstd's level, -5 to 19
  [[nodiscard]] static constexpr Compression off() { return {.codec = Codec::raw, .level = 0}; }
  [[nodiscard]] static constexpr Compression zstd(int level) { return {.codec = Codec::zstd, .level = level}; }
  bool operator==(const Compression&) const = default;
};
inline constexpr int compression_level_min = -5;
inline constexpr int compression_level_max = 19;

// The compressor's memory. One a worker; not shared between threads at a time. Movable.
class FrameEncoder {
 public:
  FrameEncoder();
  [[nodiscard]] ZSTD_CCtx_s* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

// The decompressor's memory. One a worker; not shared between threads at a time. Movable.
class FrameDecoder {
 public:
  FrameDecoder();
  [[nodiscard]] ZSTD_DCtx_s* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const noexcept;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
};

// The fixed first 64 bytes, checked for themselves: what a reader of a file needs to know how much to read.
struct FrameHeader {
  FrameIdentity identity;
  Codec codec = Codec::raw;
  std::uint32_t extents = 0;
  std::uint32_t raw_bytes = 0;     // of the content, a multiple of 4096
  std::uint32_t stored_bytes = 0;  // of the content as stored
  std::uint64_t body_check = 0;    // check_of(all bytes after the fixed header)

  [[nodiscard]] std::uint32_t data_blocks() const { return raw_bytes / static_cast<std::uint32_t>(block_size); }
  // Of the whole frame, fixed header included: at most frame_encoded_bytes_max.
  [[nodiscard]] std::size_t encoded_size() const;

  // Reads the first 64 of `bytes` (there may be more). Errors: damaged, limit_exceeded, unsupported (another version).
  [[nodiscard]] static Result<FrameHeader> parse(ByteView bytes);
  // Appends the 64 bytes.
  void encode(Bytes& out) const;
};

// A parsed, checked view on an encoded frame. Keeps pointing into the bytes, which must outlive it.
class FrameView {
 public:
  // `bytes` is exactly one frame. Everything but the content of its blocks is checked (decode_frame and verify_blocks
  // do that). Errors: damaged, limit_exceeded, unsupported.
  [[nodiscard]] static Result<FrameView> parse(ByteView bytes);

  [[nodiscard]] const FrameHeader& header() const { return header_; }
  [[nodiscard]] const FrameIdentity& identity() const { return header_.identity; }
  [[nodiscard]] std::span<const FrameExtent> extents() const { return extents_; }
  [[nodiscard]] std::span<const BlockHash> hashes() const { return hashes_; }
  [[nodiscard]] ByteCount raw_bytes() const { return ByteCount(std::uint64_t{header_.raw_bytes}); }
  [[nodiscard]] ByteView stored() const { return bytes_.last(header_.stored_bytes); }
  [[nodiscard]] std::size_t encoded_size() const { return bytes_.size(); }
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  FrameView() = default;
  [[nodiscard]] Status read_tables();

  ByteView bytes_;
  FrameHeader header_;
  std::vector<FrameExtent> extents_;
  std::vector<BlockHash> hashes_;
};

// The bytes of a frame. Requires: a RawFrame as a FrameBuilder makes it, a level in range.
[[nodiscard]] Bytes encode_frame(const FrameIdentity& identity, const RawFrame& frame, Compression compression,
                                 FrameEncoder& encoder);

// `out` becomes the raw content, exactly raw_bytes() long; never more memory than that is taken. Errors: damaged.
[[nodiscard]] Status decode_frame(const FrameView& frame, FrameDecoder& decoder, Bytes& out);
// The same into memory of exactly raw_bytes().
[[nodiscard]] Status decode_frame_into(const FrameView& frame, FrameDecoder& decoder, MutableBytes out);

// The same without a copy where there is nothing to decompress: a view on the frame's own bytes, or on `scratch`.
[[nodiscard]] Result<ByteView> content_of(const FrameView& frame, FrameDecoder& decoder, Bytes& scratch);

// Compares each data block of `raw` with its hash. `damaged` names the disk and the first block that differs.
[[nodiscard]] Status verify_blocks(const FrameView& frame, ByteView raw, const BlockHasher& hasher);

}  // namespace afterimage::format
