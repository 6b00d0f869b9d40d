// SPDX-License-Identifier: Apache-2.0
// The small files of a store: encoders and parsers, pure. Each is replaced whole (io/durable_file.h) and carries a
// check.
//
//   STORE/afterimage-store              StoreMarker: this folder is a store, and which
//   STORE/machines/ID/description       MachineFile: what the machine is, and to whom it belongs
//   STORE/machines/ID/description.copy  the same again, because without it no point can be read
//   STORE/machines/ID/seeding           SeedingProgress: how far the base is, until the first point
#pragma once

#include <cstdint>
#include <string>

#include "engine/plan/machine_description.h"
#include "engine/plan/point_sink_types.h"
#include "io/base/identity.h"
#include "io/base/limits.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::replica {

inline constexpr const char* marker_file_name = "afterimage-store";
inline constexpr const char* lock_file_name = "lock";
inline constexpr const char* machines_folder_name = "machines";
inline constexpr const char* machine_file_name = "description";
inline constexpr const char* machine_copy_name = "description.copy";
inline constexpr const char* seeding_file_name = "seeding";
inline constexpr const char* removed_file_name = "removed";  // its presence says: this machine is being removed
inline constexpr const char* journal_folder_name = "journal";
inline constexpr const char* base_file_name = "base.raw";
inline constexpr const char* sums_file_name = "base.sums";

// A line of text: "afterimage store 1 <32 hexadecimal digits>\n".
struct StoreMarker {
  StoreId id;
  static constexpr std::size_t bytes_max = 64;
  [[nodiscard]] Bytes encode() const;
  // Errors: damaged, unsupported (another version).
  [[nodiscard]] static Result<StoreMarker> parse(ByteView bytes);
};

struct MachineFile {
  HostId owner;
  std::string owner_name;  // a label for messages
  SeedBy seed_by = SeedBy::network;
  MachineDescription description;
  bool operator==(const MachineFile&) const = default;

  static constexpr std::size_t bytes_max = limits::description_bytes_max + 1024;
  [[nodiscard]] Bytes encode() const;
  // Errors: damaged, unsupported, limit_exceeded.
  [[nodiscard]] static Result<MachineFile> parse(ByteView bytes);
};

// Everything that it counts is in base and sums, and durable, before it is written.
struct SeedingProgress {
  Epoch epoch;
  std::uint32_t frames = 0;
  SeedingPosition position;
  bool operator==(const SeedingProgress&) const = default;

  static constexpr std::size_t bytes_max = 64;
  [[nodiscard]] Bytes encode() const;
  // Errors: damaged, unsupported.
  [[nodiscard]] static Result<SeedingProgress> parse(ByteView bytes);
};

// "0000000000000001.segment" and "0000000000000001.open".
[[nodiscard]] std::string sealed_name(SegmentNumber number);
[[nodiscard]] std::string staging_name(SegmentNumber number);
// The number of such a name; not_found for any other.
[[nodiscard]] Result<SegmentNumber> parse_segment_name(std::string_view name, std::string_view suffix);
inline constexpr std::string_view sealed_suffix = ".segment";
inline constexpr std::string_view staging_suffix = ".open";

}  // namespace afterimage::replica
