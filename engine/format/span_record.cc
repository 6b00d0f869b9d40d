// SPDX-License-Identifier: Apache-2.0
#include "engine/format/span_record.h"

#include <fmt/format.h>

#include "engine/format/wire.h"
#include "io/base/check.h"
#include "io/base/limits.h"

namespace afterimage::format {

Bytes SpanRecord::encode() const {
  AFI_CHECK(disks.size() <= limits::disks_max);
  Bytes out;
  out.reserve(encoded_size());
  ByteWriter writer(out);
  writer.write_bytes(wire::span_magic);
  writer.write(span_version);
  writer.write(static_cast<std::uint16_t>(disks.size()));
  writer.write(static_cast<std::uint32_t>(encoded_size()));
  writer.write(std::uint32_t{0});
  writer.write(from.value());
  writer.write(to.value());
  for (const DiskSize& disk : disks) {
    wire::write_id(writer, disk.disk);
    writer.write(disk.sizes.before.value());
    writer.write(disk.sizes.smallest.value());
    writer.write(disk.sizes.after.value());
  }
  wire::append_closing_check(out, 0);
  return out;
}

Result<std::size_t> SpanRecord::measure(ByteView bytes) {
  if (bytes.size() < 12) return fail(ErrorCode::damaged, "a span record is cut off");
  if (!wire::starts_with(bytes, wire::span_magic)) return fail(ErrorCode::damaged, "not a span record");
  const std::size_t length = load<std::uint32_t>(bytes.data() + 8);
  if (length < span_fixed_bytes + 8) return fail(ErrorCode::damaged, "a span record is too short");
  if (length > limits::point_record_bytes_max) return fail(ErrorCode::limit_exceeded, "a span record is too long");
  return length;
}

Result<SpanRecord> SpanRecord::parse(ByteView bytes) {
  AFI_TRY(const std::size_t length, measure(bytes));
  if (bytes.size() != length) return fail(ErrorCode::damaged, "a span record is cut off or has bytes behind it");
  AFI_TRY_STATUS(wire::verify_closing_check(bytes, "a span record does not match its check"));
  ByteReader reader(bytes.subspan(4));
  AFI_TRY(const std::uint16_t version, reader.read<std::uint16_t>());
  if (version != span_version) {
    return fail(ErrorCode::unsupported, "span record version",
                fmt::format("a span record has format version {}, this program knows {}; upgrade Afterimage", version,
                            span_version));
  }
  AFI_TRY(const std::uint16_t disks, reader.read<std::uint16_t>());
  if (disks > limits::disks_max) return fail(ErrorCode::limit_exceeded, "a span has too many disks");
  AFI_TRY([[maybe_unused]] const std::uint32_t measured, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint32_t reserved, reader.read<std::uint32_t>());
  if (reserved != 0) return fail(ErrorCode::damaged, "a reserved field of a span record is set");
  AFI_TRY(const std::uint64_t from, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t to, reader.read<std::uint64_t>());
  if (from >= to) return fail(ErrorCode::damaged, "a span covers no points");
  SpanRecord span{.from = Sequence(from), .to = Sequence(to), .disks = {}};
  for (std::uint16_t i = 0; i < disks; ++i) {
    DiskSize disk;
    AFI_TRY_STATUS(wire::read_id(reader, disk.disk));
    AFI_TRY(const std::uint64_t before, reader.read<std::uint64_t>());
    AFI_TRY(const std::uint64_t smallest, reader.read<std::uint64_t>());
    AFI_TRY(const std::uint64_t after, reader.read<std::uint64_t>());
    disk.sizes = {.before = ByteCount(before), .smallest = ByteCount(smallest), .after = ByteCount(after)};
    AFI_TRY_STATUS(check_sizes(disk.sizes));
    for (const DiskSize& other : span.disks) {
      if (other.disk == disk.disk) return fail(ErrorCode::damaged, "a span names a disk twice");
    }
    span.disks.push_back(disk);
  }
  if (reader.remaining() != sizeof(std::uint64_t))
    return fail(ErrorCode::damaged, "a span record has another length than it says");
  return span;
}

}  // namespace afterimage::format
