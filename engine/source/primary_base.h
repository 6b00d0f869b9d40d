// SPDX-License-Identifier: Apache-2.0
// Base: what an epoch of a PrimaryMachine is compared with. Private to its three source files.
#pragma once

#include <memory>
#include <vector>

#include "engine/source/old_hashes.h"
#include "engine/source/primary_machine.h"

namespace afterimage::source {

struct PrimaryMachine::Base {
  EpochKind kind = EpochKind::cycle;
  HashFileSet files;                  // of the acknowledged point, or of the staged seed; empty for a compare
  PointSink* session = nullptr;       // asked for its hashes in a compare
  std::vector<ByteCount> head_sizes;  // compare
  bool closes_seed = false;           // the epoch closes a staged seed: change roots are over whole disks

  [[nodiscard]] ByteCount size_before(std::size_t disk) const {
    return kind == EpochKind::compare ? head_sizes[disk] : files[disk]->disk_size();
  }
  [[nodiscard]] std::unique_ptr<OldHashes> hashes_of(std::size_t index, DiskId disk) const {
    if (kind == EpochKind::compare) return std::make_unique<RemoteHashes>(*session, disk, head_sizes[index]);
    return std::make_unique<FileHashes>(*files[index], FileHashes::all_known);
  }
};

}  // namespace afterimage::source
