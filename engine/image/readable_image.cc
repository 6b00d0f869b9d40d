// SPDX-License-Identifier: Apache-2.0
#include "engine/image/readable_image.h"

#include <algorithm>

#include <fmt/format.h>

namespace afterimage::image {

io::Task<Status> read_blocks(io::Scope& scope, ReadableImage& image, Extent extent, MutableBytes out) {
  AFI_CHECK(out.size() == bytes_of(extent.count).value());
  const std::uint64_t start = offset_of(extent.first).value();
  const std::uint64_t size = image.size().value();
  const std::uint64_t inside = start < size ? std::min<std::uint64_t>(size - start, out.size()) : 0;
  std::ranges::fill(out.subspan(static_cast<std::size_t>(inside)), std::byte{0});
  if (inside == 0) co_return Status{};
  auto reading = image.read(scope, ByteOffset(start), out.first(static_cast<std::size_t>(inside)));
  co_return co_await reading;
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
