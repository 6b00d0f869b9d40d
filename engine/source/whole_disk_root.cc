// SPDX-License-Identifier: Apache-2.0
#include "engine/source/whole_disk_root.h"

#include <algorithm>

#include "engine/format/change_root.h"

namespace afterimage::source {

io::Task<Result<DiskCapture>> whole_disk_root(io::Scope& scope, image::HashFile& file) {
  format::ChangeRoot root;
  const BlockIndex end(file.blocks().value());
  BlockIndex at;
  while (at < end) {
    AFI_CO_TRY(const std::optional<Extent> data, file.next_data(scope, at));
    const BlockIndex first = data ? data->first : end;
    if (at < first) AFI_CO_STATUS(root.add_zero(Extent{.first = at, .count = first - at}));
    if (!data) break;
    const Extent part{.first = first, .count = std::min(data->count, BlockCount(image::HashFile::hashes_max))};
    AFI_CO_TRY(const std::vector<format::BlockHash> hashes, file.read_hashes(scope, part));
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      const format::BlockKind kind = hashes[i].value == 0 ? format::BlockKind::zero : format::BlockKind::data;
      AFI_CO_STATUS(root.add(first + BlockCount(std::uint64_t{i}), kind, hashes[i]));
    }
    at = part.end();
  }
  const BlockCount blocks = root.blocks();
  co_return DiskCapture{.changed = blocks, .change_root = root.finish()};
}

}  // namespace afterimage::source
