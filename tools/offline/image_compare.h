// SPDX-License-Identifier: Apache-2.0
// Compares the content of two images byte by byte, past the holes that both have. Where one is longer, the other counts
// as zeros from its end on, as people who compare images with other tools expect; the sizes are told.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "engine/image/readable_image.h"

namespace afterimage::tools {

struct ImageComparison {
  ByteCount first_size;
  ByteCount second_size;
  std::optional<ByteOffset> first_difference;  // nothing: the content is the same
};

struct CompareProgress {
  std::function<void(std::uint64_t done, std::uint64_t total)> advance;  // bytes of the longer image
};

// Stops at the first difference. Errors: those of the images. Memory: 2 MiB.
[[nodiscard]] io::Task<Result<ImageComparison>> compare_images(io::Scope& scope, image::ReadableImage& first,
                                                               image::ReadableImage& second, CompareProgress progress);

}  // namespace afterimage::tools
