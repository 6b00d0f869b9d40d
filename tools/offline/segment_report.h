// SPDX-License-Identifier: Apache-2.0
// What a segment file holds, and whether every byte of it is right, without a daemon, a store or the machine's secrets.
// The content of frames is decompressed and held to the checks of its stored bytes; block hashes need the disk's secret
// and are the replica's `verify`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/point_record.h"
#include "engine/format/segment_header.h"
#include "io/base/units.h"
#include "io/disk.h"

namespace afterimage::tools {

// A place that is not right.
struct SegmentFault {
  ByteOffset offset;
  ByteCount length;
  std::string what;  // "rot", "torn", "frame does not decompress"
};

enum class SegmentEnd : std::uint8_t { sealed, open, damaged };

struct SegmentReport {
  ByteCount file_bytes;
  std::optional<format::SegmentHeader> header;  // none: damaged
  SegmentEnd end = SegmentEnd::damaged;
  std::uint64_t frames = 0;
  ByteCount content_bytes;  // of the frames, decompressed
  ByteCount stored_bytes;   // of the frames, whole
  std::uint64_t zero_blocks = 0;
  std::vector<format::PointRecord> points;
  std::vector<SegmentFault> faults;  // at most segment_faults_max

  [[nodiscard]] bool is_whole() const { return header.has_value() && faults.empty() && end != SegmentEnd::damaged; }
};
inline constexpr std::size_t segment_faults_max = 1000;

enum class SegmentCheck : std::uint8_t { records, content };  // content: frames are decompressed too

struct SegmentProgress {
  std::function<void(std::uint64_t done, std::uint64_t total)> advance;  // bytes of the file
};

// Reads the file once. Damage is part of the report; errors are those of the file, unsupported (a later version), and
// limit_exceeded (longer than a segment can be).
[[nodiscard]] io::Task<Result<SegmentReport>> read_segment(io::Scope& scope, io::File& file, SegmentCheck check,
                                                           SegmentProgress progress);

}  // namespace afterimage::tools
