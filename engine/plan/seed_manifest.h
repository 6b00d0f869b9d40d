// SPDX-License-Identifier: Apache-2.0
// SeedManifest: what makes a folder of segments a seed. Written last: a folder without it is an unfinished export.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/format/point_record.h"
#include "engine/plan/machine_description.h"
#include "engine/plan/point_sink_types.h"

namespace afterimage {

struct SeedSegment {
  SegmentNumber number;
  ByteCount size;
  Digest sha256;  // of the whole file
  bool operator==(const SeedSegment&) const = default;
};

struct SeedManifest {
  HostId owner;  // the primary
  std::string owner_name;
  MachineDescription description;
  std::vector<SeedSegment> segments;  // in order
  format::PointRecord point;
  bool operator==(const SeedManifest&) const = default;

  [[nodiscard]] Bytes encode() const;
  // Errors: damaged, limit_exceeded, unsupported.
  [[nodiscard]] static Result<SeedManifest> parse(ByteView bytes);
  static constexpr std::size_t encoded_bytes_max = 128UL * 1024 * 1024;
  static constexpr std::uint32_t segments_max = 2 * 1024 * 1024;
};

// How far an export has come: what stands in sealed segments. Replaced after each of them.
struct ExportProgress {
  MachineId machine;
  StagedSeed staged;  // in the segments below
  std::vector<SeedSegment> segments;
  bool operator==(const ExportProgress&) const = default;

  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<ExportProgress> parse(ByteView bytes);
};

}  // namespace afterimage
