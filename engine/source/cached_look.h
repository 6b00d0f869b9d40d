// SPDX-License-Identifier: Apache-2.0
// CachedLook: a window whose content is in memory, read and compared on one thread, in pieces that stay in its
// processor's cache between the two. Content of which nothing has changed thus goes nowhere, and nobody is woken for
// it.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/image/readable_image.h"
#include "engine/source/window_compare.h"

namespace afterimage::source {

// Whether the first and the last block of `extent` are in memory; what lies between will be, too, most likely.
// Thread: any.
[[nodiscard]] bool seems_cached(image::ReadableImage& image, Extent extent);

// Thread: any, one at a time.
class CachedLook {
 public:
  // Both outlive it.
  CachedLook(image::ReadableImage& image, WindowCompare& compare);
  CachedLook(const CachedLook&) = delete;
  CachedLook& operator=(const CachedLook&) = delete;

  // Looks at `window`, which has no content yet, from its first block on, until all of it was compared, a piece is not
  // in memory (holes are not read), or `frames_bytes` of content have changed (one piece and one frame more at most).
  // The hashes of the blocks compared: fewer than the window has when it was stopped, none when the first piece is not
  // in memory. Their frames are the WindowCompare's.
  [[nodiscard]] Result<std::vector<format::BlockHash>> look(const Window& window, std::uint64_t frames_bytes);

 private:
  image::ReadableImage& image_;
  WindowCompare& compare_;
  Bytes memory_;
  MutableBytes piece_memory_;  // the part of memory_ that a piece is read into
};

}  // namespace afterimage::source
