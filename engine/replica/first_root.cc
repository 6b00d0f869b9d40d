// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/first_root.h"

#include <algorithm>

#include "engine/format/change_root.h"
#include "engine/format/frame.h"

namespace afterimage::replica {
namespace {

// Adds the blocks of `extent` as the sums have them.
io::Task<Status> add_from_sums(io::Scope& scope, io::Workers& workers, image::HashFile& sums, Extent extent,
                               format::ChangeRoot& root) {
  BlockIndex at = extent.first;
  while (at < extent.end()) {
    AFI_CO_TRY(const std::optional<Extent> data, sums.next_data(scope, at));
    const BlockIndex first = data ? std::min(data->first, extent.end()) : extent.end();
    if (at < first) AFI_CO_STATUS(root.add_zero(Extent{.first = at, .count = first - at}));
    if (first == extent.end()) break;
    const std::uint64_t end =
        std::min({data->end().value(), extent.end().value(), first.value() + image::HashFile::hashes_max});
    const Extent part{.first = first, .count = BlockIndex(end) - first};
    AFI_CO_TRY(const std::vector<format::BlockHash> hashes, sums.read_hashes(scope, part));
    Status added;
    auto running = workers.run("prove a first point", [&] {
      for (std::size_t i = 0; i < hashes.size() && added; ++i) {
        const format::BlockKind kind = hashes[i].value == 0 ? format::BlockKind::zero : format::BlockKind::data;
        added = root.add(first + BlockCount(std::uint64_t{i}), kind, hashes[i]);
      }
    });
    co_await running;
    AFI_CO_STATUS(std::move(added));
    at = part.end();
  }
  co_return Status{};
}

}  // namespace

io::Task<Result<DiskRoot>> first_root(io::Scope& scope, io::Workers& workers, image::HashFile& sums,
                                      SegmentTable& table, std::span<const OpenFrame> frames) {
  format::ChangeRoot root;
  BlockIndex at;
  const BlockIndex end(sums.blocks().value());
  for (const OpenFrame& place : frames) {
    if (place.disk != sums.disk()) continue;
    Bytes encoded(place.bytes);
    AFI_CO_TRY_STATUS(table.read(scope, place.segment, place.offset, encoded));
    AFI_CO_RESULT(const format::FrameView frame, format::FrameView::parse(encoded));
    std::span<const format::BlockHash> hashes = frame.hashes();
    for (const format::FrameExtent& part : frame.extents()) {
      if (part.extent.first < at) co_return fail(ErrorCode::damaged, "frames of a first point go back on their disk");
      const Extent before{.first = at, .count = part.extent.first - at};
      AFI_CO_TRY_STATUS(add_from_sums(scope, workers, sums, before, root));
      at = part.extent.end();
      if (part.kind == format::BlockKind::zero) {
        AFI_CO_STATUS(root.add_zero(part.extent));
        continue;
      }
      for (std::uint64_t i = 0; i < part.extent.count.value(); ++i) {
        AFI_CO_STATUS(root.add(part.extent.first + BlockCount(i), format::BlockKind::data, hashes[i]));
      }
      hashes = hashes.subspan(static_cast<std::size_t>(part.extent.count.value()));
    }
  }
  if (at > end) co_return fail(ErrorCode::damaged, "frames of a first point lie behind the end of their disk");
  const Extent rest{.first = at, .count = end - at};
  AFI_CO_TRY_STATUS(add_from_sums(scope, workers, sums, rest, root));
  const BlockCount blocks = root.blocks();
  co_return DiskRoot{.blocks = blocks, .root = root.finish()};
}

}  // namespace afterimage::replica
