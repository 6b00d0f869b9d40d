// SPDX-License-Identifier: Apache-2.0
// PrimaryFiles: the folder of one protected machine under the primary's state.
//
//   record                       PrimaryRecord, replaced whole and durably: the truth
//   hashes-<epoch>-<disk>        hash files; those the record names are whole, others are left over
//   seeding                      how far a seeding has come, replaced whole
//   spool                        frames of the pending epoch
//
// Order: hash files synced, folder synced -> record that names them -> older ones removed. Recovery removes what the
// record does not name; it never needs to guess.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/image/hash_file.h"
#include "engine/plan/primary_record.h"
#include "io/disk.h"

namespace afterimage::source {

// How far a seed has been staged: the hash files of `epoch` hold for everything before `position`.
struct SeedingProgress {
  Epoch epoch;
  SeedingPosition position;
  bool operator==(const SeedingProgress&) const = default;
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<SeedingProgress> parse(ByteView bytes);
  static constexpr std::size_t encoded_bytes = 32;
};

inline constexpr const char* record_file_name = "record";

using HashFileSet = std::vector<std::unique_ptr<image::HashFile>>;

class PrimaryFiles {
 public:
  explicit PrimaryFiles(std::unique_ptr<io::Directory> folder) : folder_(std::move(folder)) {}

  [[nodiscard]] io::Directory& folder() { return *folder_; }
  // A folder whose sync has failed answers so until it is opened again.
  [[nodiscard]] io::Task<Status> open_again(io::Scope& scope, io::Disk& disk);
  [[nodiscard]] io::Task<Result<PrimaryRecord>> load(io::Scope& scope);
  [[nodiscard]] io::Task<Status> save(io::Scope& scope, const PrimaryRecord& record);  // durable
  // New hash files, or those there are brought back to nothing.
  [[nodiscard]] io::Task<Result<HashFileSet>> create_hashes(io::Scope& scope, Epoch epoch,
                                                            const MachineDescription& machine,
                                                            const std::vector<ByteCount>& sizes);
  [[nodiscard]] io::Task<Result<HashFileSet>> open_hashes(io::Scope& scope, Epoch epoch,
                                                          const MachineDescription& machine);
  // Syncs files and folder, and gives what the record keeps of them.
  [[nodiscard]] io::Task<Result<HashFiles>> seal_hashes(io::Scope& scope, Epoch epoch, HashFileSet& files);
  // The files of `kept`; `damaged` if one is missing or is not as it was sealed.
  [[nodiscard]] io::Task<Result<HashFileSet>> open_sealed(io::Scope& scope, const HashFiles& kept,
                                                          const MachineDescription& machine);

  [[nodiscard]] io::Task<Result<std::optional<SeedingProgress>>> load_seeding(io::Scope& scope);
  [[nodiscard]] io::Task<Status> save_seeding(io::Scope& scope, const SeedingProgress& progress);  // durable
  // Removes what neither the record nor an unfinished seeding needs.
  [[nodiscard]] io::Task<Status> remove_leftovers(io::Scope& scope, const PrimaryRecord& record);

 private:
  std::unique_ptr<io::Directory> folder_;
};

}  // namespace afterimage::source
