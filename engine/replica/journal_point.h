// SPDX-License-Identifier: Apache-2.0
// A point of a journal as it is known in memory: its record, where the record stands, and what was found out about it.
#pragma once

#include <optional>
#include <string>

#include "engine/format/point_record.h"
#include "engine/format/record_rules.h"
#include "io/base/identity.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage::replica {

struct JournalPoint {
  format::PointRecord record;
  Digest digest;
  SegmentNumber segment;
  ByteOffset offset;  // of the record in its segment
  ByteCount stored;   // bytes of its frames and its record
  std::optional<WallTime> verified_at;
  std::string damage;       // not empty: why it cannot be trusted
  bool is_readable = true;  // false: recovery lost frames that it needs, so a view of it could give older content

  [[nodiscard]] ByteOffset end() const { return offset + ByteCount(std::uint64_t{record.encoded_size()}); }
  [[nodiscard]] ByteCount changed() const {
    BlockCount blocks;
    for (const format::PointDisk& disk : record.disks) blocks += disk.changed;
    return bytes_of(blocks);
  }
  [[nodiscard]] format::JournalPosition position() const {
    return {.closed = record.epoch, .sequence = record.sequence, .digest = digest};
  }
};

// Where a frame of an epoch without a point stands.
struct OpenFrame {
  DiskId disk;
  SegmentNumber segment;
  ByteOffset offset;
  std::uint32_t bytes = 0;
};

// Whose journal it is: what its segments and records must say.
struct JournalIdentity {
  MachineId machine;
  LineageId lineage;
  std::vector<DiskId> disks;
};

}  // namespace afterimage::replica
