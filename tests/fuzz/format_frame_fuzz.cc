// SPDX-License-Identifier: Apache-2.0
// Any bytes as a frame: parsed, decompressed, its blocks compared. What parses keeps every promise of FrameView.
#include "engine/format/frame.h"
#include "tests/fuzz/format_mend.h"

using namespace afterimage;
using namespace afterimage::format;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input = fuzz::input_of(data, size);
  if (input.mends()) fuzz::mend_frame(input.bytes);
  const auto header = FrameHeader::parse(input.bytes);
  if (header) fuzz::require(header->encoded_size() <= frame_encoded_bytes_max);
  const auto view = FrameView::parse(input.bytes);
  if (!view) return 0;
  fuzz::require(view->encoded_size() == input.bytes.size() && view->raw_bytes().value() <= limits::frame_raw_bytes_max);
  fuzz::require(view->hashes().size() * block_size == view->raw_bytes().value());
  BlockIndex next;
  std::uint64_t blocks = 0;
  for (const FrameExtent& extent : view->extents()) {
    fuzz::require(extent.extent.first >= next && extent.extent.end().value() <= disk_blocks_max);
    next = extent.extent.end();
    if (extent.kind == BlockKind::data) blocks += extent.extent.count.value();
  }
  fuzz::require(blocks == view->hashes().size());
  static FrameDecoder decoder;
  static const BlockHasher hasher{DiskSecret{}};
  Bytes raw;
  if (!decode_frame(*view, decoder, raw)) return 0;
  fuzz::require(raw.size() == view->raw_bytes().value());
  (void)verify_blocks(*view, raw, hasher).has_value();
  return 0;
}
