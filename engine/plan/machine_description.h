// SPDX-License-Identifier: Apache-2.0
// MachineDescription: what a primary tells a replica (or a medium) about a protected machine. Encoded once, hashed into
// every point record, kept beside the journal, so that a store explains itself without a catalogue.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/format/block_hash.h"
#include "io/base/bytes.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage {

struct DiskDescription {
  DiskId id;
  std::string name;           // unique in its machine, check_name
  ByteCount size;             // when it was described; points carry the size of their moment
  format::DiskSecret secret;  // keys the block hashes: without it the guest cannot craft equal ones
  bool operator==(const DiskDescription&) const = default;
};

struct MachineDescription {
  MachineId id;
  std::string name;
  LineageId lineage;  // of the generation that the points belong to
  std::uint64_t generation = 1;
  std::vector<DiskDescription> disks;  // 1 to limits::disks_max, in the operator's order

  bool operator==(const MachineDescription&) const = default;
  [[nodiscard]] const DiskDescription* find_disk(const DiskId& disk) const;  // nullptr if it has none such
  [[nodiscard]] const DiskDescription* find_disk(std::string_view name) const;
  [[nodiscard]] Bytes encode() const;  // with magic, version and a check at the end
  [[nodiscard]] static Result<MachineDescription> parse(ByteView bytes);
  [[nodiscard]] Digest digest() const;  // SHA-256 of the encoding
};

}  // namespace afterimage
