// SPDX-License-Identifier: Apache-2.0
// DataWalk: goes over an image from data to data, a stretch at a time. Data that lies in many pieces with short holes
// between them is one stretch, found by few look-ups, so that what a scan costs follows its bytes and not its pieces.
// Thread: the reactor's.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "engine/image/readable_image.h"
#include "io/base/units.h"

namespace afterimage::source {

// Holes of so many blocks end a stretch. Their hashes fill a page of a hash file: shorter ones make it no longer.
inline constexpr std::uint64_t hole_blocks_min = 512;
inline constexpr std::uint64_t stretch_blocks_max = 8192;  // 32 MiB; of holes there is no limit

struct Stretch {
  Extent extent;
  std::vector<Extent> data;  // ascending, inside of `extent`, which begins and ends with data; empty: it is a hole
};

class DataWalk {
 public:
  // `image` outlives it.
  explicit DataWalk(image::ReadableImage& image);

  // The stretch that begins at `at`, which lies inside of the image and at or behind the `at` of the call before.
  // Errors: those of the image.
  [[nodiscard]] io::Task<Result<Stretch>> next(io::Scope& scope, BlockIndex at);

 private:
  [[nodiscard]] io::Task<Status> look_from(io::Scope& scope, BlockIndex at);
  void add(io::FileRange piece);

  image::ReadableImage& image_;
  BlockIndex end_;
  std::deque<Extent> data_;  // found and not yet passed
  BlockIndex looked_end_;    // before it data_ holds all there is
};

}  // namespace afterimage::source
