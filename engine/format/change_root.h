// SPDX-License-Identifier: Apache-2.0
// The change root of a disk: SHA-256 over the blocks a point changed, in ascending order. It never sees stored bytes,
// so compression level, lanes, frame grouping and resumed transfers do not matter. What is hashed, all little-endian:
//   "afterimage change root v1"
//   a data block:                         u8 0, u64 block, u64 block hash
//   a maximal run of adjacent zero blocks: u8 1, u64 first block, u64 count
// "Maximal" makes the encoding one for one with the set of blocks, however they were grouped, and a zeroed TiB cheap.
// Where frames of one point overlap (staged content and the closing epoch), the root is over the content that wins; an
// index run gives that order.
#pragma once

#include <cstdint>

#include "engine/format/block_hash.h"
#include "engine/format/digest.h"
#include "engine/format/frame.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::format {

// Externally serialised. Every add must lie behind everything added before; else it answers `damaged` and changes
// nothing (the blocks may come from a peer).
class ChangeRoot {
 public:
  ChangeRoot();

  [[nodiscard]] Status add(BlockIndex block, BlockKind kind, BlockHash hash);
  [[nodiscard]] Status add_zero(Extent extent);
  // All blocks of a frame of this disk.
  [[nodiscard]] Status add(const FrameView& frame);

  // Blocks added so far, zeros included: PointDisk::changed.
  [[nodiscard]] BlockCount blocks() const { return blocks_; }
  // The object must not be used afterwards.
  [[nodiscard]] Digest finish();

 private:
  [[nodiscard]] Status advance(Extent extent);
  void write_item(std::uint8_t tag, std::uint64_t first, std::uint64_t second);
  void write_zero_run();
  void flush();

  Sha256 sha_;
  Bytes buffer_;
  BlockIndex next_;
  BlockCount blocks_;
  Extent zeros_;  // the run of zeros still growing; count 0: none
};

}  // namespace afterimage::format
