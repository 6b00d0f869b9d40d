// SPDX-License-Identifier: Apache-2.0
#include "engine/format/wire.h"

#include <cstring>

#include "engine/format/digest.h"

namespace afterimage::format::wire {

bool starts_with(ByteView bytes, const std::array<std::byte, 4>& magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

void write_extent(ByteWriter& writer, const Extent& extent, BlockKind kind) {
  writer.write(extent.first.value());
  writer.write(extent.count.value() | (std::uint64_t{static_cast<std::uint8_t>(kind)} << 56U));
}

Result<FrameExtent> read_extent(ByteReader& reader) {
  AFI_TRY(const std::uint64_t first, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t packed, reader.read<std::uint64_t>());
  const std::uint64_t count = packed & ((std::uint64_t{1} << 56U) - 1);
  const std::uint64_t kind = packed >> 56U;
  if (kind > 1) return fail(ErrorCode::damaged, "an extent is neither data nor zeros");
  if (count == 0) return fail(ErrorCode::damaged, "an extent has no blocks");
  if (first >= disk_blocks_max || count > disk_blocks_max - first) {
    return fail(ErrorCode::limit_exceeded, "an extent ends past the largest disk");
  }
  return FrameExtent{.extent = {.first = BlockIndex(first), .count = BlockCount(count)},
                     .kind = kind == 0 ? BlockKind::data : BlockKind::zero};
}

Status verify_closing_check(ByteView bytes, const char* what) {
  if (bytes.size() < sizeof(std::uint64_t)) return fail(ErrorCode::damaged, what);
  const ByteView body = bytes.first(bytes.size() - sizeof(std::uint64_t));
  if (load<std::uint64_t>(body.data() + body.size()) != check_of(body)) return fail(ErrorCode::damaged, what);
  return {};
}

void append_closing_check(Bytes& out, std::size_t start) {
  const std::uint64_t check = check_of(ByteView(out).subspan(start));
  ByteWriter(out).write(check);
}

}  // namespace afterimage::format::wire
