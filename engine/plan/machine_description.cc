// SPDX-License-Identifier: Apache-2.0
// Encoding: magic "AFMD", u16 version, machine id, name, lineage id, u64 generation, u16 disks, each: id, name, u64
// size, 32 bytes of secret; at the end xxh3-64 of everything before it.
#include "engine/plan/machine_description.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/format/digest.h"
#include "io/base/limits.h"

namespace afterimage {
namespace {

constexpr std::uint32_t magic = 0x444d4641;  // "AFMD"
constexpr std::uint16_t version = 1;

Status check_disk(const DiskDescription& disk) {
  AFI_TRY_STATUS(check_name("disk", disk.name));
  if (disk.size.value() == 0 || disk.size.value() > limits::disk_bytes_max) {
    return fail(ErrorCode::limit_exceeded, "a disk's size is out of bounds");
  }
  return {};
}

Result<DiskDescription> parse_disk(ByteReader& reader) {
  DiskDescription disk;
  AFI_TRY_STATUS(reader.read_into(disk.id.bytes));
  AFI_TRY(disk.name, reader.read_text(limits::name_bytes_max));
  AFI_TRY(const std::uint64_t size, reader.read<std::uint64_t>());
  disk.size = ByteCount(size);
  AFI_TRY_STATUS(reader.read_into(disk.secret.bytes));
  AFI_TRY_STATUS(check_disk(disk));
  return disk;
}

Status check_disks_differ(const std::vector<DiskDescription>& disks) {
  std::set<DiskId> ids;
  std::set<std::string_view> names;
  for (const DiskDescription& disk : disks) {
    if (!ids.insert(disk.id).second || !names.insert(disk.name).second) {
      return fail(ErrorCode::damaged, "two disks of a machine are the same");
    }
  }
  return {};
}

}  // namespace

const DiskDescription* MachineDescription::find_disk(const DiskId& disk) const {
  const auto found = std::ranges::find(disks, disk, &DiskDescription::id);
  return found == disks.end() ? nullptr : &*found;
}

const DiskDescription* MachineDescription::find_disk(std::string_view disk_name) const {
  const auto found = std::ranges::find(disks, disk_name, &DiskDescription::name);
  return found == disks.end() ? nullptr : &*found;
}

Bytes MachineDescription::encode() const {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.write(magic);
  writer.write(version);
  writer.write_bytes(id.bytes);
  writer.write_text(name);
  writer.write_bytes(lineage.bytes);
  writer.write(generation);
  writer.write(static_cast<std::uint16_t>(disks.size()));
  for (const DiskDescription& disk : disks) {
    writer.write_bytes(disk.id.bytes);
    writer.write_text(disk.name);
    writer.write(disk.size.value());
    writer.write_bytes(disk.secret.bytes);
  }
  writer.write(format::check_of(bytes));
  return bytes;
}

Result<MachineDescription> MachineDescription::parse(ByteView bytes) {
  if (bytes.size() > limits::description_bytes_max) {
    return fail(ErrorCode::limit_exceeded, "a machine description is too long");
  }
  if (bytes.size() < 8) return fail(ErrorCode::damaged, "a machine description is too short");
  const ByteView body = bytes.first(bytes.size() - 8);
  if (load<std::uint64_t>(bytes.data() + body.size()) != format::check_of(body)) {
    return fail(ErrorCode::damaged, "a machine description does not match its check");
  }
  ByteReader reader(body);
  AFI_TRY(const std::uint32_t found_magic, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint16_t found_version, reader.read<std::uint16_t>());
  if (found_magic != magic) return fail(ErrorCode::damaged, "not a machine description");
  if (found_version != version) return fail(ErrorCode::unsupported, "a machine description of another version");
  MachineDescription machine;
  AFI_TRY_STATUS(reader.read_into(machine.id.bytes));
  AFI_TRY(machine.name, reader.read_text(limits::name_bytes_max));
  AFI_TRY_STATUS(check_name("machine", machine.name));
  AFI_TRY_STATUS(reader.read_into(machine.lineage.bytes));
  AFI_TRY(machine.generation, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint16_t disks, reader.read<std::uint16_t>());
  if (disks == 0 || disks > limits::disks_max)
    return fail(ErrorCode::limit_exceeded, "a machine with too many disks, or none");
  for (std::uint16_t i = 0; i < disks; ++i) {
    AFI_TRY(DiskDescription disk, parse_disk(reader));
    machine.disks.push_back(std::move(disk));
  }
  if (!reader.at_end()) return fail(ErrorCode::damaged, "a machine description goes on after its end");
  AFI_TRY_STATUS(check_disks_differ(machine.disks));
  return machine;
}

Digest MachineDescription::digest() const { return format::sha256_of(encode()); }

}  // namespace afterimage
