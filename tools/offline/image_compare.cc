// SPDX-License-Identifier: Apache-2.0
#include "tools/offline/image_compare.h"

#include <algorithm>

namespace afterimage::tools {
namespace {

constexpr std::uint64_t step_bytes = 1024 * 1024;

// Reads `out` at `offset`; what lies past the image's end is zeros.
io::Task<Status> read_padded(io::Scope& scope, image::ReadableImage& image, ByteOffset offset, MutableBytes out) {
  const std::uint64_t size = image.size().value();
  const std::uint64_t there = offset.value() >= size ? 0 : std::min<std::uint64_t>(size - offset.value(), out.size());
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(there), out.end(), std::byte{0});
  if (there != 0) AFI_CO_TRY_STATUS(image.read(scope, offset, out.first(there)));
  co_return Status{};
}

// The first place at or after `from` where the image may have other than zeros; nothing if there is none.
io::Task<Result<std::optional<std::uint64_t>>> next_data(io::Scope& scope, image::ReadableImage& image,
                                                         ByteOffset from) {
  if (from.value() >= image.size().value()) co_return std::optional<std::uint64_t>{};
  AFI_CO_TRY(const auto range, image.next_data(scope, from));
  if (!range) co_return std::optional<std::uint64_t>{};
  co_return std::optional<std::uint64_t>(std::max(range->offset.value(), from.value()));
}

}  // namespace

io::Task<Result<ImageComparison>> compare_images(io::Scope& scope, image::ReadableImage& first,
                                                 image::ReadableImage& second, CompareProgress progress) {
  ImageComparison comparison{.first_size = first.size(), .second_size = second.size()};
  const std::uint64_t end = std::max(first.size().value(), second.size().value());
  Bytes ours(step_bytes);
  Bytes theirs(step_bytes);
  std::uint64_t at = 0;
  while (at < end) {
    AFI_CO_TRY(const auto first_data, next_data(scope, first, ByteOffset(at)));
    AFI_CO_TRY(const auto second_data, next_data(scope, second, ByteOffset(at)));
    if (!first_data && !second_data) break;
    at = std::min(first_data.value_or(end), second_data.value_or(end));
    const std::size_t length = std::min(step_bytes, end - at);
    const MutableBytes mine = MutableBytes(ours).first(length);
    const MutableBytes other = MutableBytes(theirs).first(length);
    AFI_CO_TRY_STATUS(read_padded(scope, first, ByteOffset(at), mine));
    AFI_CO_TRY_STATUS(read_padded(scope, second, ByteOffset(at), other));
    const auto [differs, _] = std::mismatch(mine.begin(), mine.end(), other.begin());
    if (differs != mine.end()) {
      comparison.first_difference = ByteOffset(at + static_cast<std::uint64_t>(differs - mine.begin()));
      co_return comparison;
    }
    at += length;
    if (progress.advance) progress.advance(at, end);
  }
  co_return comparison;
}

}  // namespace afterimage::tools
