// SPDX-License-Identifier: Apache-2.0
// The end of a sealed segment: runs of the index, a directory of them, and a trailer of fixed size. A reader preads the
// last 64 bytes, then the directory, then only the runs it needs (IndexRun::parse).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::format {

inline constexpr std::uint16_t footer_version = 1;
inline constexpr std::size_t segment_trailer_bytes = 64;
inline constexpr std::size_t directory_fixed_bytes = 16;
inline constexpr std::size_t directory_run_bytes = 32;

// What the trailer says.
struct SegmentFooter {
  ByteCount file_bytes;               // of the whole segment
  ByteOffset records_end;             // frames and points end, the index begins
  ByteOffset directory;               // to the trailer
  std::uint64_t header_check = 0;     // SegmentHeader::check() of this segment
  std::uint64_t directory_check = 0;  // closing check of the directory
  std::uint32_t runs = 0;
  bool operator==(const SegmentFooter&) const = default;

  [[nodiscard]] ByteCount directory_bytes() const {
    return ByteCount(directory_fixed_bytes + std::uint64_t{runs} * directory_run_bytes + sizeof(std::uint64_t));
  }
  [[nodiscard]] Bytes encode() const;
};

// Where one run stands in the segment, and the point it belongs to.
struct RunPlace {
  ByteOffset offset;
  ByteCount encoded;
  Epoch epoch;
  Sequence from;
  Sequence sequence;  // 0: the run goes on in the next segment
  bool operator==(const RunPlace&) const = default;
};

// `bytes` are the last 64 of a segment of `file_bytes`. `damaged` where there is no valid trailer (an unsealed segment
// has none); unsupported.
[[nodiscard]] Result<SegmentFooter> parse_trailer(ByteView bytes, ByteCount file_bytes);

[[nodiscard]] Bytes encode_directory(const std::vector<RunPlace>& runs);
// `bytes` are the footer.directory_bytes() at footer.directory. Every place lies inside the index. Errors: damaged,
// limit_exceeded, unsupported.
[[nodiscard]] Result<std::vector<RunPlace>> parse_directory(ByteView bytes, const SegmentFooter& footer);
// The length of the directory that begins with these (at least 12) bytes; believed only once it is parsed.
[[nodiscard]] Result<std::size_t> measure_directory(ByteView bytes);

}  // namespace afterimage::format
