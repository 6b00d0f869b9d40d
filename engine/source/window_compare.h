// SPDX-License-Identifier: Apache-2.0
// WindowCompare: the part of a capture that takes the processor. Blocks of one disk pass through it in ascending order,
// a window at a time: zeros are found, data is hashed, compared with what was known, and what changed is grouped into
// frames and added to the change root. Pure: no io. Externally serialised (one worker at a time).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/format/change_root.h"
#include "engine/format/frame.h"
#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::source {

enum class Knowledge : std::uint8_t { known, unknown };

// Blocks to look at. `content` is whole blocks, or empty for a range of zeros.
struct Window {
  Extent extent;
  Bytes content;
  Knowledge knowledge = Knowledge::known;
  std::vector<format::BlockHash> old_hashes;  // when known: one a block; may be empty for known zeros
  std::vector<Extent> data;                   // where the rest is holes: ascending, inside of `extent`; else empty

  // Of its blocks those from the `skipped`th on, `blocks_max` of them at most; without content.
  [[nodiscard]] Window part(std::uint64_t skipped, std::uint64_t blocks_max) const;
  // The same, and only as far as all of them are data, or all are in holes.
  struct Piece;
  [[nodiscard]] Piece piece(std::uint64_t skipped, std::uint64_t blocks_max) const;
  [[nodiscard]] BlockCount data_blocks() const;  // of a window that is not zeros

 private:
  // A part of blocks that are all data, or all in a hole.
  [[nodiscard]] Window alike(std::uint64_t skipped, std::uint64_t blocks_max) const;
};

struct Window::Piece {
  Window window;
  bool is_hole = false;
};

// What of `extents`, which ascend, lies inside of `within`.
[[nodiscard]] std::vector<Extent> clip_extents(const std::vector<Extent>& extents, Extent within);

class WindowCompare {
 public:
  WindowCompare(const format::DiskSecret& secret, ByteCount frame_bytes) : hasher_(secret), builder_(frame_bytes) {}

  // Gives the hashes of the window's blocks (empty for a window of zeros) and keeps what changed.
  [[nodiscard]] Result<std::vector<format::BlockHash>> compare(const Window& window) {
    return compare(window, window.content);
  }
  // The same with the content elsewhere than in the window.
  [[nodiscard]] Result<std::vector<format::BlockHash>> compare(const Window& window, ByteView window_content);
  // Frames that are complete; the last one only after flush().
  [[nodiscard]] std::vector<format::RawFrame> take_frames();
  // Bytes of content in the frames that take_frames() would give.
  [[nodiscard]] std::uint64_t frames_bytes() const { return frames_bytes_; }
  void flush();
  [[nodiscard]] BlockCount changed() const { return root_.blocks(); }
  [[nodiscard]] Digest finish_root() { return root_.finish(); }

 private:
  [[nodiscard]] Status compare_zeros(const Window& window);
  [[nodiscard]] Status changed_zeros(Extent extent);
  [[nodiscard]] Status changed_data(BlockIndex block, ByteView content, format::BlockHash hash);
  void take_frame();

  format::BlockHasher hasher_;
  format::FrameBuilder builder_;
  format::ChangeRoot root_;
  std::vector<format::RawFrame> frames_;
  std::uint64_t frames_bytes_ = 0;
};

}  // namespace afterimage::source
