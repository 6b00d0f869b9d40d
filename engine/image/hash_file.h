// SPDX-License-Identifier: Apache-2.0
// HashFile: the hashes of all blocks of a disk in a sparse file of its own. The replica keeps one beside each base
// (base.sums); a scan tracker keeps one of what was last acknowledged.
//
//   offset  bytes  what
//   0       8      magic "AFISUMS" and the version, 1
//   8       16     disk id
//   24      8      size of the disk in bytes, little-endian
//   32      472    zeros
//   504     8      XXH3-64 of the first 504 bytes
//   512     3584   zeros
//   4096    8 each the hash of block 0, 1, … little-endian; 0, which a hole reads as, is a block of zeros
//
// Invariant: the file is never shorter than its header says (resize orders its writes for that); a longer one is an
// interrupted shrink and means nothing. All that matters of the header lies in one sector. The hashes carry no checks
// of their own: a wrong one differs from its block and is found there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/format/block_hash.h"
#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/units.h"
#include "io/disk.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::image {

// Ordering, durability and failures are io::File's: nothing is durable before sync(). Ranges that do not lie in the
// disk are invalid_argument. Memory: one buffer of at most 1 MiB a call. Thread: the reactor's.
class HashFile {
 public:
  // The most hashes that one read_hashes gives.
  static constexpr std::uint64_t hashes_max = 128 * 1024;

  // Makes an empty file the hash file of a disk that is all zeros. Durable after sync() (and its folder's).
  [[nodiscard]] static io::Task<Result<std::unique_ptr<HashFile>>> create(io::Scope& scope,
                                                                          std::unique_ptr<io::File> file, DiskId disk,
                                                                          ByteCount disk_size);
  // Errors: damaged (header, or cut off), unsupported (another version), limit_exceeded.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<HashFile>>> open(io::Scope& scope,
                                                                        std::unique_ptr<io::File> file);

  // Takes a file whose header is damaged for what it must be: its hashes are still each checked against their block.
  // Errors: damaged (not as long as the hash file of such a disk).
  [[nodiscard]] static io::Task<Result<std::unique_ptr<HashFile>>> open_headless(io::Scope& scope,
                                                                                 std::unique_ptr<io::File> file,
                                                                                 DiskId disk, ByteCount disk_size);

  [[nodiscard]] DiskId disk() const { return disk_; }
  [[nodiscard]] ByteCount disk_size() const { return disk_size_; }
  [[nodiscard]] BlockCount blocks() const { return blocks_of(disk_size_); }

  // The hashes of the blocks of `extent`, in order: at most hashes_max of them.
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> read_hashes(io::Scope& scope, Extent extent);
  [[nodiscard]] io::Task<Status> write_hashes(io::Scope& scope, BlockIndex first,
                                              std::span<const format::BlockHash> hashes);
  // The blocks of `extent` become blocks of zeros; whatever its length, it costs little.
  [[nodiscard]] io::Task<Status> clear_hashes(io::Scope& scope, Extent extent);
  // The first range of blocks at or after `from` that may have a hash other than 0; nothing if none follows.
  [[nodiscard]] io::Task<Result<std::optional<Extent>>> next_data(io::Scope& scope, BlockIndex from);
  // Blocks that are added are zeros. Syncs in between, so that a cut leaves a valid file; durable after sync().
  [[nodiscard]] io::Task<Status> resize(io::Scope& scope, ByteCount disk_size);
  [[nodiscard]] io::Task<Status> sync(io::Scope& scope) { return file_->sync(scope); }
  // A check of disk, size and all hashes: equal content, equal check, wherever the holes are. Reads the file, sparsely.
  [[nodiscard]] io::Task<Result<std::uint64_t>> whole_check(io::Scope& scope);
  [[nodiscard]] io::Task<Result<io::FileFacts>> facts(io::Scope& scope) { return file_->facts(scope); }
  // Following reads come from the device where the platform can do that, and the header is read and checked again.
  [[nodiscard]] io::Task<Status> reread_from_device(io::Scope& scope);

 private:
  HashFile(std::unique_ptr<io::File> file, DiskId disk, ByteCount disk_size)
      : file_(std::move(file)), disk_(disk), disk_size_(disk_size) {}
  [[nodiscard]] Status check_inside(Extent extent) const;
  [[nodiscard]] io::Task<Status> write_header(io::Scope& scope);

  std::unique_ptr<io::File> file_;
  DiskId disk_;
  ByteCount disk_size_;
};

// The first 4096 bytes of a hash file; pure, for itself and its fuzzer.
struct HashFileHeader {
  DiskId disk;
  ByteCount disk_size;
  static constexpr std::size_t encoded_bytes = 4096;
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<HashFileHeader> parse(ByteView bytes);
};

}  // namespace afterimage::image
