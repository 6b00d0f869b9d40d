// SPDX-License-Identifier: Apache-2.0
#include "engine/format/frame.h"

#include <fmt/format.h>

#include "engine/format/digest.h"
#include "engine/format/wire.h"
#include "io/base/check.h"

namespace afterimage::format {

std::size_t FrameHeader::encoded_size() const {
  return frame_header_bytes + std::size_t{extents} * frame_extent_bytes +
         std::size_t{data_blocks()} * sizeof(std::uint64_t) + stored_bytes;
}

void FrameHeader::encode(Bytes& out) const {
  const std::size_t start = out.size();
  ByteWriter writer(out);
  writer.write_bytes(wire::frame_magic);
  writer.write(frame_version);
  writer.write(static_cast<std::uint8_t>(codec));
  writer.write(std::uint8_t{0});
  wire::write_id(writer, identity.disk);
  writer.write(identity.birth.value());
  writer.write(identity.number);
  writer.write(extents);
  writer.write(raw_bytes);
  writer.write(stored_bytes);
  writer.write(body_check);
  wire::append_closing_check(out, start);
}

namespace {

Status check_lengths(const FrameHeader& header) {
  if (header.extents == 0) return fail(ErrorCode::damaged, "a frame has no extents");
  if (header.extents > limits::frame_extents_max)
    return fail(ErrorCode::limit_exceeded, "a frame has too many extents");
  if (header.raw_bytes > limits::frame_raw_bytes_max)
    return fail(ErrorCode::limit_exceeded, "a frame's content is too long");
  if (header.raw_bytes % block_size != 0) return fail(ErrorCode::damaged, "a frame's content is no whole blocks");
  const bool fits = header.codec == Codec::raw ? header.stored_bytes == header.raw_bytes
                                               : header.stored_bytes > 0 && header.stored_bytes < header.raw_bytes;
  if (!fits) return fail(ErrorCode::damaged, "a frame's lengths contradict each other");
  return {};
}

}  // namespace

Result<FrameHeader> FrameHeader::parse(ByteView bytes) {
  if (bytes.size() < frame_header_bytes) return fail(ErrorCode::damaged, "a frame header is cut off");
  const ByteView fixed = bytes.first(frame_header_bytes);
  if (!wire::starts_with(fixed, wire::frame_magic)) return fail(ErrorCode::damaged, "not a frame");
  AFI_TRY_STATUS(wire::verify_closing_check(fixed, "a frame header does not match its check"));
  ByteReader reader(fixed.subspan(4));
  AFI_TRY(const std::uint16_t version, reader.read<std::uint16_t>());
  if (version != frame_version) {
    return fail(ErrorCode::unsupported, "frame version",
                fmt::format("a frame has format version {}, this program knows {}; upgrade Afterimage", version,
                            frame_version));
  }
  FrameHeader header;
  AFI_TRY(const std::uint8_t codec, reader.read<std::uint8_t>());
  AFI_TRY(const std::uint8_t reserved, reader.read<std::uint8_t>());
  if (codec > static_cast<std::uint8_t>(Codec::zstd)) return fail(ErrorCode::unsupported, "a frame's codec is unknown");
  if (reserved != 0) return fail(ErrorCode::damaged, "a reserved byte of a frame header is set");
  header.codec = static_cast<Codec>(codec);
  AFI_TRY_STATUS(wire::read_id(reader, header.identity.disk));
  AFI_TRY(const std::uint64_t birth, reader.read<std::uint64_t>());
  header.identity.birth = Epoch(birth);
  AFI_TRY(header.identity.number, reader.read<std::uint32_t>());
  AFI_TRY(header.extents, reader.read<std::uint32_t>());
  AFI_TRY(header.raw_bytes, reader.read<std::uint32_t>());
  AFI_TRY(header.stored_bytes, reader.read<std::uint32_t>());
  AFI_TRY(header.body_check, reader.read<std::uint64_t>());
  AFI_TRY_STATUS(check_lengths(header));
  return header;
}

Status FrameView::read_tables() {
  ByteReader reader(bytes_.subspan(frame_header_bytes));
  extents_.reserve(header_.extents);
  std::uint64_t data_blocks = 0;
  BlockIndex next;
  for (std::uint32_t i = 0; i < header_.extents; ++i) {
    AFI_TRY(const FrameExtent extent, wire::read_extent(reader));
    if (extent.extent.first < next) return fail(ErrorCode::damaged, "a frame's extents are not ascending");
    next = extent.extent.end();
    if (extent.kind == BlockKind::data) data_blocks += extent.extent.count.value();
    if (data_blocks > header_.data_blocks()) break;  // before the sum could wrap
    extents_.push_back(extent);
  }
  if (data_blocks != header_.data_blocks())
    return fail(ErrorCode::damaged, "a frame's extents do not add up to its content");
  hashes_.reserve(header_.data_blocks());
  for (std::uint64_t i = 0; i < data_blocks; ++i) {
    AFI_TRY(const std::uint64_t value, reader.read<std::uint64_t>());
    if (value == 0) return fail(ErrorCode::damaged, "a data block has the hash of zeros");
    hashes_.push_back(BlockHash{value});
  }
  return {};
}

Result<FrameView> FrameView::parse(ByteView bytes) {
  FrameView view;
  AFI_TRY(view.header_, FrameHeader::parse(bytes));
  if (bytes.size() != view.header_.encoded_size())
    return fail(ErrorCode::damaged, "a frame is cut off or has bytes behind it");
  view.bytes_ = bytes;
  if (check_of(bytes.subspan(frame_header_bytes)) != view.header_.body_check) {
    return fail(ErrorCode::damaged, "a frame's stored bytes do not match their check");
  }
  AFI_TRY_STATUS(view.read_tables());
  return view;
}

Status verify_blocks(const FrameView& frame, ByteView raw, const BlockHasher& hasher) {
  AFI_CHECK(raw.size() == frame.raw_bytes().value());
  std::size_t at = 0;
  for (const FrameExtent& extent : frame.extents()) {
    if (extent.kind == BlockKind::zero) continue;
    for (std::uint64_t i = 0; i < extent.extent.count.value(); ++i, ++at) {
      if (hasher.hash(raw.subspan(at * block_size, block_size)) == frame.hashes()[at]) continue;
      return fail(
          ErrorCode::damaged, "verify block",
          fmt::format("block {} of disk {} in frame {} of epoch {} does not match the hash made when it was captured",
                      extent.extent.first.value() + i, frame.identity().disk.text(), frame.identity().number,
                      frame.identity().birth.value()));
    }
  }
  return {};
}

}  // namespace afterimage::format
