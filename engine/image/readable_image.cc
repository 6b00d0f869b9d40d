// SPDX-License-Identifier: Apache-2.0
#include "engine/image/readable_image.h"

#include <algorithm>

#include <fmt/format.h>

namespace afterimage::image {

namespace {

// The part of `out` that lies inside the image's size; the rest is made zeros.
MutableBytes part_inside(const ReadableImage& image, Extent extent, MutableBytes out) {
  AFI_CHECK(out.size() == bytes_of(extent.count).value());
  const std::uint64_t start = offset_of(extent.first).value();
  const std::uint64_t size = image.size().value();
  const std::uint64_t inside = start < size ? std::min<std::uint64_t>(size - start, out.size()) : 0;
  std::ranges::fill(out.subspan(static_cast<std::size_t>(inside)), std::byte{0});
  return out.first(static_cast<std::size_t>(inside));
}

}  // namespace

io::Task<Result<io::DataMap>> ReadableImage::map_data(io::Scope& scope, io::FileRange range) {
  io::DataMap map{.data = {}, .end = range.end()};
  ByteOffset at = range.offset;
  while (true) {
    AFI_CO_TRY(const std::optional<io::FileRange> found, next_data(scope, at));
    if (!found || !map.add(*found)) co_return map;
    at = found->end();
  }
}

io::Task<Status> read_blocks(io::Scope& scope, ReadableImage& image, Extent extent, MutableBytes out) {
  const MutableBytes inside = part_inside(image, extent, out);
  if (inside.empty()) co_return Status{};
  auto reading = image.read(scope, offset_of(extent.first), inside);
  co_return co_await reading;
}

bool read_cached_blocks(ReadableImage& image, Extent extent, MutableBytes out) {
  const MutableBytes inside = part_inside(image, extent, out);
  return image.read_cached(offset_of(extent.first), inside) == inside.size();
}

io::Task<Status> read_exactly_at(io::Scope& scope, io::File& file, ByteOffset offset, MutableBytes out) {
  AFI_CO_TRY(const std::size_t count, file.read_at(scope, offset, out));
  if (count != out.size()) {
    co_return fail(
        ErrorCode::damaged, "read past the end of a file",
        fmt::format("a file ends at byte {}, {} bytes before it should", offset.value() + count, out.size() - count));
  }
  co_return Status{};
}

}  // namespace afterimage::image
