// SPDX-License-Identifier: Apache-2.0
#include "engine/source/old_hashes.h"

#include <algorithm>
#include <limits>

namespace afterimage::source {
namespace {

// The part of `extent` that lies in a disk of `blocks`; count 0 if none does.
Extent clip(Extent extent, BlockCount blocks) {
  const std::uint64_t end = std::min(extent.end().value(), blocks.value());
  if (end <= extent.first.value()) return Extent{.first = extent.first, .count = BlockCount{}};
  return Extent{.first = extent.first, .count = BlockCount(end - extent.first.value())};
}

}  // namespace

io::Task<Result<std::vector<format::BlockHash>>> FileHashes::read(io::Scope& scope, Extent extent) {
  const Extent inside = clip(extent, file_.blocks());
  std::vector<format::BlockHash> hashes;
  if (inside.count != BlockCount{}) {
    AFI_CO_TRY(hashes, file_.read_hashes(scope, inside));
  }
  hashes.resize(extent.count.value());
  co_return hashes;
}

io::Task<Result<std::optional<Extent>>> FileHashes::next_data(io::Scope& scope, BlockIndex from) {
  if (from.value() >= file_.blocks().value() || from >= known_end_) co_return std::nullopt;
  AFI_CO_TRY(const std::optional<Extent> found, file_.next_data(scope, from));
  if (!found || found->first >= known_end_) co_return std::nullopt;
  co_return Extent{.first = found->first, .count = std::min(found->end(), known_end_) - found->first};
}

BlockIndex RemoteHashes::known_end() const { return BlockIndex(std::numeric_limits<std::uint64_t>::max()); }

io::Task<Result<std::vector<format::BlockHash>>> RemoteHashes::read(io::Scope& scope, Extent extent) {
  const Extent inside = clip(extent, blocks_of(disk_size_));
  std::vector<format::BlockHash> hashes;
  while (hashes.size() < inside.count.value()) {
    const BlockCount left = inside.count - BlockCount(std::uint64_t{hashes.size()});
    const Extent asked{.first = inside.first + BlockCount(std::uint64_t{hashes.size()}),
                       .count = std::min(left, BlockCount(PointSink::hashes_per_request_max))};
    AFI_CO_TRY(const std::vector<format::BlockHash> part, sink_.block_hashes(scope, disk_, asked));
    if (part.size() != asked.count.value()) {
      co_return fail(ErrorCode::protocol, "the replica answered with another number of block hashes");
    }
    hashes.insert(hashes.end(), part.begin(), part.end());
  }
  hashes.resize(extent.count.value());
  co_return hashes;
}

io::Task<Result<std::optional<Extent>>> RemoteHashes::next_data(io::Scope& scope, BlockIndex from) {
  AFI_CO_STATUS(scope.check());
  const BlockCount blocks = blocks_of(disk_size_);
  if (from.value() >= blocks.value()) co_return std::nullopt;
  co_return Extent{.first = from, .count = BlockCount(blocks.value() - from.value())};
}

}  // namespace afterimage::source
