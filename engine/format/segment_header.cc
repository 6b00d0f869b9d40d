// SPDX-License-Identifier: Apache-2.0
#include "engine/format/segment_header.h"

#include <fmt/format.h>

#include "engine/format/wire.h"
#include "io/base/check.h"

namespace afterimage::format {

Bytes SegmentHeader::encode() const {
  Bytes out;
  out.reserve(segment_header_bytes);
  ByteWriter writer(out);
  writer.write_bytes(wire::segment_magic);
  writer.write(segment_version);
  writer.write(static_cast<std::uint8_t>(kind));
  writer.write_zeros(9);
  wire::write_id(writer, machine);
  wire::write_id(writer, lineage);
  writer.write(number.value());
  wire::append_closing_check(out, 0);
  AFI_CHECK(out.size() == segment_header_bytes);
  return out;
}

std::uint64_t SegmentHeader::check() const {
  const Bytes bytes = encode();
  return load<std::uint64_t>(bytes.data() + segment_header_bytes - sizeof(std::uint64_t));
}

Result<SegmentHeader> SegmentHeader::parse(ByteView bytes) {
  if (bytes.size() < segment_header_bytes) return fail(ErrorCode::damaged, "a segment header is cut off");
  const ByteView fixed = bytes.first(segment_header_bytes);
  if (!wire::starts_with(fixed, wire::segment_magic)) return fail(ErrorCode::damaged, "not a segment");
  AFI_TRY_STATUS(wire::verify_closing_check(fixed, "a segment header does not match its check"));
  ByteReader reader(fixed.subspan(4));
  AFI_TRY(const std::uint16_t version, reader.read<std::uint16_t>());
  if (version != segment_version) {
    return fail(ErrorCode::unsupported, "segment version",
                fmt::format("a segment has format version {}, this program knows {}; upgrade Afterimage", version,
                            segment_version));
  }
  SegmentHeader header;
  AFI_TRY(const std::uint8_t kind, reader.read<std::uint8_t>());
  if (kind > 1) return fail(ErrorCode::damaged, "a segment's kind is unknown");
  header.kind = static_cast<SegmentKind>(kind);
  AFI_TRY(const ByteView reserved, reader.read_bytes(9));
  for (const std::byte byte : reserved) {
    if (byte != std::byte{0}) return fail(ErrorCode::damaged, "a reserved byte of a segment header is set");
  }
  AFI_TRY_STATUS(wire::read_id(reader, header.machine));
  AFI_TRY_STATUS(wire::read_id(reader, header.lineage));
  AFI_TRY(const std::uint64_t number, reader.read<std::uint64_t>());
  if (number == 0) return fail(ErrorCode::damaged, "a segment has the number 0");
  header.number = SegmentNumber(number);
  return header;
}

}  // namespace afterimage::format
