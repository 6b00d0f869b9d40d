// SPDX-License-Identifier: Apache-2.0
// A point record: everything before it in the journal is the point. It is made once, on the primary, and is the same on
// both sides; compaction and folding never make it anew. Byte table: docs/journal-format.md.
//
// The digest is SHA-256 of the encoded record with the receive time as 0 and without the closing check. It covers the
// parent's digest, so that a chain of points is one chain of trust.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage::format {

inline constexpr std::uint16_t point_version = 1;
inline constexpr std::size_t point_fixed_bytes = 152;
inline constexpr std::size_t point_disk_bytes = 80;

enum class Consistency : std::uint8_t { crash = 0, application = 1 };

// The sizes of a disk across an epoch. smallest <= before and smallest <= after: content from `smallest` on that is
// older than the epoch is gone (a shrink cuts), and up to `after` it is zeros unless the epoch's frames say otherwise.
struct DiskSizes {
  ByteCount before;
  ByteCount smallest;
  ByteCount after;
  auto operator<=>(const DiskSizes&) const = default;
};

struct PointDisk {
  DiskId disk;
  DiskSizes sizes;
  BlockCount changed;  // blocks of the epoch, zeros included
  Digest change_root;  // see change_root.h
  bool operator==(const PointDisk&) const = default;
};

struct PointRecord {
  MachineId machine;
  LineageId lineage;
  std::uint64_t generation = 0;
  Sequence sequence;  // from 1
  Epoch epoch;        // the epoch this point closes
  Digest parent;      // digest of the point before; none for the first
  WallTime frozen;    // primary's clock
  WallTime received;  // replica's clock; 0 until it has arrived; not in the digest
  Consistency consistency = Consistency::crash;
  Digest description;             // hash of the machine's description
  std::uint32_t frame_count = 0;  // frames of `epoch`
  std::vector<PointDisk> disks;   // every disk of the machine, changed or not; 1 to disks_max, each once

  bool operator==(const PointRecord&) const = default;

  [[nodiscard]] const PointDisk* find(const DiskId& disk) const;

  // Requires: at most disks_max disks.
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] std::size_t encoded_size() const { return point_fixed_bytes + disks.size() * point_disk_bytes + 8; }
  [[nodiscard]] Digest digest() const;

  // `bytes` is exactly one record. Errors: damaged, limit_exceeded, unsupported.
  [[nodiscard]] static Result<PointRecord> parse(ByteView bytes);
  // The length of the record that begins with these (at least 12) bytes; it is believed only once parse() succeeds.
  [[nodiscard]] static Result<std::size_t> measure(ByteView bytes);
};

// Errors: damaged (contradiction), limit_exceeded.
[[nodiscard]] Status check_sizes(const DiskSizes& sizes);

}  // namespace afterimage::format
