// SPDX-License-Identifier: Apache-2.0
// PrimaryRecord: all that a primary must remember of a machine across a crash. One small file, replaced whole and
// durably.
//
// What it may refer to: hash files named by `hashes` and `pending->epoch` are durable before the record that names
// them. The rule of a cycle: `pending` is durable before the point record is sent, and `acknowledged` moves only after
// the replica's receipt (or its head at a later welcome) and after an fdatasync of the images that began after the
// freeze.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/point_record.h"
#include "engine/plan/machine_description.h"
#include "engine/plan/point_sink_types.h"
#include "io/base/bytes.h"
#include "io/base/result.h"

namespace afterimage {

enum class PrimaryStage : std::uint8_t {
  seeding = 0,          // no point yet; the seed goes over the network
  awaiting_medium = 1,  // no point yet; the seed travels on a medium
  replicating = 2
};
enum class Activity : std::uint8_t { active = 0, paused = 1 };

// The hash files of one epoch: one a disk, named after the epoch. `checks` are their whole-file checks.
struct HashFiles {
  Epoch epoch;
  std::vector<std::uint64_t> checks;
  bool operator==(const HashFiles&) const = default;
};

// An epoch whose point may or may not have reached the replica.
struct PendingEpoch {
  EpochKind kind = EpochKind::cycle;
  format::PointRecord record;
  HashFiles hashes;
  bool operator==(const PendingEpoch&) const = default;
};

struct PrimaryRecord {
  MachineDescription description;
  HostId replica;
  std::vector<std::string> image_paths;  // one a disk, absolute
  PrimaryStage stage = PrimaryStage::seeding;
  Activity activity = Activity::active;
  Epoch newest_epoch;  // the greatest this primary has used
  std::optional<format::PointRecord> acknowledged;
  std::optional<HashFiles> hashes;  // of the acknowledged point
  std::optional<PendingEpoch> pending;

  bool operator==(const PrimaryRecord&) const = default;
  [[nodiscard]] Head head() const;  // of the acknowledged point; none before the first
  [[nodiscard]] Bytes encode() const;
  // Errors: damaged, limit_exceeded, unsupported.
  [[nodiscard]] static Result<PrimaryRecord> parse(ByteView bytes);

  static constexpr std::size_t encoded_bytes_max = 1024 * 1024;
};

}  // namespace afterimage
