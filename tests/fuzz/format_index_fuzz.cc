// SPDX-License-Identifier: Apache-2.0
// Any bytes as an index run, and any bytes as the end of a sealed segment. What parses is encoded again to the same
// bytes, and a view can be planned on it.
#include <utility>

#include "engine/format/index_run.h"
#include "engine/format/merge_plan.h"
#include "engine/format/segment_footer.h"
#include "engine/format/view_plan.h"
#include "tests/fuzz/format_mend.h"

using namespace afterimage;
using namespace afterimage::format;

namespace {

void plan_on(IndexRun run) {
  const std::vector<JournalRun> runs{
      {.segment = SegmentNumber(std::uint64_t{1}), .run = std::make_shared<const IndexRun>(std::move(run))}};
  for (const RunDisk& disk : runs[0].run->disks()) {
    const auto view = ViewPlan::make(disk.disk, runs, ByteCount(std::uint64_t{1} << 20U));
    if (!view) continue;
    BlockIndex next;
    for (const ViewPiece& piece : view->plan({.first = {}, .count = blocks_of(view->size())})) {
      fuzz::require(piece.extent.first == next && piece.last_block_bytes > 0 && piece.last_block_bytes <= block_size);
      next = piece.extent.end();
    }
    fuzz::require(next.value() == blocks_of(view->size()).value());
  }
  (void)plan_merge(runs).has_value();
}

void read_end(const Bytes& bytes) {
  const ByteView file(bytes);
  if (file.size() < segment_trailer_bytes) return;
  const auto footer = parse_trailer(file.last(segment_trailer_bytes), ByteCount(std::uint64_t{file.size()}));
  if (!footer) return;
  const auto places =
      parse_directory(file.subspan(footer->directory.value(), footer->directory_bytes().value()), *footer);
  if (!places) return;
  for (const RunPlace& place : *places) {
    fuzz::require(place.offset.value() + place.encoded.value() <= footer->directory.value());
    (void)IndexRun::parse(file.subspan(place.offset.value(), place.encoded.value())).has_value();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input = fuzz::input_of(data, size);
  if ((input.mode & 2U) != 0) {
    if (input.mends() && input.bytes.size() >= segment_trailer_bytes) {
      const MutableBytes trailer = MutableBytes(input.bytes).last(segment_trailer_bytes);
      store(trailer.data() + 8, std::uint64_t{input.bytes.size()});
      fuzz::mend_closing(trailer);
    }
    read_end(input.bytes);
    return 0;
  }
  if (input.mends()) fuzz::mend_closing(input.bytes);
  auto run = IndexRun::parse(input.bytes);
  if (!run) return 0;
  fuzz::require(run->encode() == input.bytes);
  plan_on(std::move(*run));
  return 0;
}
