// SPDX-License-Identifier: Apache-2.0
// What all records of a segment have in common, for the encoders of this folder alone: the first four bytes of each
// kind, the packing of an extent, and small helpers over checked headers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/format/frame.h"
#include "io/base/bytes.h"
#include "io/base/identity.h"

namespace afterimage::format::wire {

// A byte that no text starts with, then three letters.
inline constexpr std::array<std::byte, 4> frame_magic{std::byte{0xAF}, std::byte{'F'}, std::byte{'R'}, std::byte{'M'}};
inline constexpr std::array<std::byte, 4> point_magic{std::byte{0xAF}, std::byte{'P'}, std::byte{'N'}, std::byte{'T'}};
inline constexpr std::array<std::byte, 4> span_magic{std::byte{0xAF}, std::byte{'S'}, std::byte{'P'}, std::byte{'N'}};
inline constexpr std::array<std::byte, 4> run_magic{std::byte{0xAF}, std::byte{'R'}, std::byte{'U'}, std::byte{'N'}};
inline constexpr std::array<std::byte, 4> directory_magic{std::byte{0xAF}, std::byte{'D'}, std::byte{'I'},
                                                          std::byte{'R'}};
inline constexpr std::array<std::byte, 4> trailer_magic{std::byte{0xAF}, std::byte{'T'}, std::byte{'R'},
                                                        std::byte{'L'}};
inline constexpr std::array<std::byte, 4> segment_magic{std::byte{0xAF}, std::byte{'S'}, std::byte{'E'},
                                                        std::byte{'G'}};

// Lengths of the parts of an index run.
inline constexpr std::uint16_t run_version = 1;
inline constexpr std::size_t run_fixed_bytes = 48;
inline constexpr std::size_t run_disk_bytes = 48;
inline constexpr std::size_t run_frame_bytes = 24;
inline constexpr std::size_t run_entry_bytes = 24;

[[nodiscard]] bool starts_with(ByteView bytes, const std::array<std::byte, 4>& magic);

// An extent and its kind in 16 bytes: first (8), count (7), kind (1).
void write_extent(ByteWriter& writer, const Extent& extent, BlockKind kind);
// Errors: damaged (unknown kind, no blocks), limit_exceeded (past disk_bytes_max).
[[nodiscard]] Result<FrameExtent> read_extent(ByteReader& reader);

template <typename Tag>
void write_id(ByteWriter& writer, const RandomId<Tag>& id) {
  writer.write_bytes(id.bytes);
}
template <typename Tag>
[[nodiscard]] Status read_id(ByteReader& reader, RandomId<Tag>& id) {
  return reader.read_into(id.bytes);
}

// `damaged` unless `bytes` ends with the check of everything before it.
[[nodiscard]] Status verify_closing_check(ByteView bytes, const char* what);
// Appends the check of everything from `start` on.
void append_closing_check(Bytes& out, std::size_t start);

}  // namespace afterimage::format::wire
