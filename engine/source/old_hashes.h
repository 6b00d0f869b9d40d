// SPDX-License-Identifier: Apache-2.0
// OldHashes: what a disk was when it was last known, for a capture to compare with. Three kinds of answer for a block:
// its hash, zeros (most of a sparse disk, found without reading), or unknown, and then the block counts as changed.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "engine/image/hash_file.h"
#include "engine/port/point_sink.h"

namespace afterimage::source {

class OldHashes {
 public:
  virtual ~OldHashes() = default;
  [[nodiscard]] virtual ByteCount disk_size() const = 0;
  // Blocks before this one are not to be looked at.
  [[nodiscard]] virtual BlockIndex begin() const { return BlockIndex{}; }
  // Blocks at and after this one are unknown.
  [[nodiscard]] virtual BlockIndex known_end() const = 0;
  // The hashes of `extent`; the extent lies before known_end(), and what lies past the old disk is zeros.
  [[nodiscard]] virtual io::Task<Result<std::vector<format::BlockHash>>> read(io::Scope& scope, Extent extent) = 0;
  // The first range at or after `from` and before known_end() that may be other than zeros.
  [[nodiscard]] virtual io::Task<Result<std::optional<Extent>>> next_data(io::Scope& scope, BlockIndex from) = 0;
};

// From a hash file, of which the blocks before `known_end` are valid.
class FileHashes final : public OldHashes {
 public:
  static constexpr BlockIndex all_known{std::numeric_limits<std::uint64_t>::max()};

  FileHashes(image::HashFile& file, BlockIndex known_end) : file_(file), known_end_(known_end) {}
  [[nodiscard]] ByteCount disk_size() const override { return file_.disk_size(); }
  [[nodiscard]] BlockIndex known_end() const override { return known_end_; }
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> read(io::Scope& scope, Extent extent) override;
  [[nodiscard]] io::Task<Result<std::optional<Extent>>> next_data(io::Scope& scope, BlockIndex from) override;

 private:
  image::HashFile& file_;
  BlockIndex known_end_;
};

// Of the replica's head, asked over the session: the compare of a resync.
class RemoteHashes final : public OldHashes {
 public:
  RemoteHashes(PointSink& sink, DiskId disk, ByteCount disk_size) : sink_(sink), disk_(disk), disk_size_(disk_size) {}
  [[nodiscard]] ByteCount disk_size() const override { return disk_size_; }
  [[nodiscard]] BlockIndex known_end() const override;
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> read(io::Scope& scope, Extent extent) override;
  [[nodiscard]] io::Task<Result<std::optional<Extent>>> next_data(io::Scope& scope, BlockIndex from) override;

 private:
  PointSink& sink_;
  DiskId disk_;
  ByteCount disk_size_;
};

}  // namespace afterimage::source
