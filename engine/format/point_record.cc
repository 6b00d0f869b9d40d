// SPDX-License-Identifier: Apache-2.0
#include "engine/format/point_record.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/format/digest.h"
#include "engine/format/wire.h"
#include "io/base/check.h"
#include "io/base/limits.h"

namespace afterimage::format {

Status check_sizes(const DiskSizes& sizes) {
  if (std::max(sizes.before, sizes.after).value() > limits::disk_bytes_max) {
    return fail(ErrorCode::limit_exceeded, "a disk is larger than the largest disk");
  }
  if (sizes.smallest > sizes.before || sizes.smallest > sizes.after) {
    return fail(ErrorCode::damaged, "a disk's smallest size is not its smallest");
  }
  return {};
}

const PointDisk* PointRecord::find(const DiskId& disk) const {
  const auto found = std::find_if(disks.begin(), disks.end(), [&](const PointDisk& each) { return each.disk == disk; });
  return found == disks.end() ? nullptr : &*found;
}

namespace {

// Everything but the closing check. The one place that knows the order of the fields.
Bytes encode_open(const PointRecord& point, WallTime received) {
  AFI_CHECK(point.disks.size() <= limits::disks_max);
  Bytes out;
  out.reserve(point.encoded_size());
  ByteWriter writer(out);
  writer.write_bytes(wire::point_magic);
  writer.write(point_version);
  writer.write(static_cast<std::uint8_t>(point.consistency));
  writer.write(static_cast<std::uint8_t>(point.disks.size()));
  writer.write(static_cast<std::uint32_t>(point.encoded_size()));
  writer.write(point.frame_count);
  wire::write_id(writer, point.machine);
  wire::write_id(writer, point.lineage);
  writer.write(point.generation);
  writer.write(point.sequence.value());
  writer.write(point.epoch.value());
  writer.write_bytes(point.parent.bytes);
  writer.write(static_cast<std::uint64_t>(point.frozen.nanoseconds));
  writer.write_bytes(point.description.bytes);
  writer.write(static_cast<std::uint64_t>(received.nanoseconds));
  AFI_CHECK(out.size() == point_fixed_bytes);
  for (const PointDisk& disk : point.disks) {
    wire::write_id(writer, disk.disk);
    writer.write(disk.sizes.before.value());
    writer.write(disk.sizes.smallest.value());
    writer.write(disk.sizes.after.value());
    writer.write(disk.changed.value());
    writer.write_bytes(disk.change_root.bytes);
  }
  return out;
}

Result<PointDisk> read_disk(ByteReader& reader) {
  PointDisk disk;
  AFI_TRY_STATUS(wire::read_id(reader, disk.disk));
  AFI_TRY(const std::uint64_t before, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t smallest, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t after, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t changed, reader.read<std::uint64_t>());
  AFI_TRY_STATUS(reader.read_into(disk.change_root.bytes));
  disk.sizes = {.before = ByteCount(before), .smallest = ByteCount(smallest), .after = ByteCount(after)};
  disk.changed = BlockCount(changed);
  AFI_TRY_STATUS(check_sizes(disk.sizes));
  if (disk.changed > blocks_of(disk.sizes.after))
    return fail(ErrorCode::damaged, "more blocks changed than a disk has");
  return disk;
}

}  // namespace

Bytes PointRecord::encode() const {
  Bytes out = encode_open(*this, received);
  wire::append_closing_check(out, 0);
  return out;
}

Digest PointRecord::digest() const { return sha256_of(encode_open(*this, WallTime{})); }

Result<std::size_t> PointRecord::measure(ByteView bytes) {
  if (bytes.size() < 12) return fail(ErrorCode::damaged, "a point record is cut off");
  if (!wire::starts_with(bytes, wire::point_magic)) return fail(ErrorCode::damaged, "not a point record");
  const std::size_t length = load<std::uint32_t>(bytes.data() + 8);
  if (length < point_fixed_bytes + 8) return fail(ErrorCode::damaged, "a point record is too short");
  if (length > limits::point_record_bytes_max) return fail(ErrorCode::limit_exceeded, "a point record is too long");
  return length;
}

Result<PointRecord> PointRecord::parse(ByteView bytes) {
  AFI_TRY(const std::size_t length, measure(bytes));
  if (bytes.size() != length) return fail(ErrorCode::damaged, "a point record is cut off or has bytes behind it");
  AFI_TRY_STATUS(wire::verify_closing_check(bytes, "a point record does not match its check"));
  ByteReader reader(bytes.subspan(4));
  AFI_TRY(const std::uint16_t version, reader.read<std::uint16_t>());
  if (version != point_version) {
    return fail(ErrorCode::unsupported, "point record version",
                fmt::format("a point record has format version {}, this program knows {}; upgrade Afterimage", version,
                            point_version));
  }
  PointRecord point;
  AFI_TRY(const std::uint8_t consistency, reader.read<std::uint8_t>());
  if (consistency > 1) return fail(ErrorCode::damaged, "a point's consistency is unknown");
  point.consistency = static_cast<Consistency>(consistency);
  AFI_TRY(const std::uint8_t disks, reader.read<std::uint8_t>());
  if (disks == 0) return fail(ErrorCode::damaged, "a point has no disks");
  if (disks > limits::disks_max) return fail(ErrorCode::limit_exceeded, "a point has too many disks");
  AFI_TRY([[maybe_unused]] const std::uint32_t measured, reader.read<std::uint32_t>());
  AFI_TRY(point.frame_count, reader.read<std::uint32_t>());
  AFI_TRY_STATUS(wire::read_id(reader, point.machine));
  AFI_TRY_STATUS(wire::read_id(reader, point.lineage));
  AFI_TRY(point.generation, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t sequence, reader.read<std::uint64_t>());
  if (sequence == 0) return fail(ErrorCode::damaged, "a point has the sequence 0");
  point.sequence = Sequence(sequence);
  AFI_TRY(const std::uint64_t epoch, reader.read<std::uint64_t>());
  point.epoch = Epoch(epoch);
  AFI_TRY_STATUS(reader.read_into(point.parent.bytes));
  AFI_TRY(const std::uint64_t frozen, reader.read<std::uint64_t>());
  point.frozen = WallTime{static_cast<std::int64_t>(frozen)};
  AFI_TRY_STATUS(reader.read_into(point.description.bytes));
  AFI_TRY(const std::uint64_t received, reader.read<std::uint64_t>());
  point.received = WallTime{static_cast<std::int64_t>(received)};
  for (std::uint8_t i = 0; i < disks; ++i) {
    AFI_TRY(const PointDisk disk, read_disk(reader));
    if (point.find(disk.disk) != nullptr) return fail(ErrorCode::damaged, "a point names a disk twice");
    point.disks.push_back(disk);
  }
  if (reader.remaining() != sizeof(std::uint64_t))
    return fail(ErrorCode::damaged, "a point record has another length than it says");
  return point;
}

}  // namespace afterimage::format
