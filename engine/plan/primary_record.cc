// SPDX-License-Identifier: Apache-2.0
// Encoding: magic "AFPR", u16 version, description (u32 length, bytes), replica id, u16 paths and each as text, u8
// stage, u8 activity, u64 newest epoch, flags of what follows, acknowledged point record (u32 length, bytes), hash
// files, pending epoch; at the end xxh3-64 of everything before it.
#include "engine/plan/primary_record.h"

#include <utility>

#include "engine/format/digest.h"
#include "io/base/limits.h"

namespace afterimage {
namespace {

constexpr std::uint32_t magic = 0x52504641;  // "AFPR"
constexpr std::uint16_t version = 1;
constexpr std::size_t path_bytes_max = 4096;
constexpr std::uint8_t has_acknowledged = 1;
constexpr std::uint8_t has_hashes = 2;
constexpr std::uint8_t has_pending = 4;

void write_block(ByteWriter& writer, ByteView bytes) {
  writer.write(static_cast<std::uint32_t>(bytes.size()));
  writer.write_bytes(bytes);
}

Result<ByteView> read_block(ByteReader& reader) {
  AFI_TRY(const std::uint32_t length, reader.read<std::uint32_t>());
  return reader.read_bytes(length);
}

void write_hashes(ByteWriter& writer, const HashFiles& hashes) {
  writer.write(hashes.epoch.value());
  writer.write(static_cast<std::uint16_t>(hashes.checks.size()));
  for (const std::uint64_t check : hashes.checks) writer.write(check);
}

Result<HashFiles> read_hashes(ByteReader& reader) {
  HashFiles hashes;
  AFI_TRY(const std::uint64_t epoch, reader.read<std::uint64_t>());
  hashes.epoch = Epoch(epoch);
  AFI_TRY(const std::uint16_t count, reader.read<std::uint16_t>());
  if (count > limits::disks_max) return fail(ErrorCode::limit_exceeded, "a primary record with too many hash files");
  for (std::uint16_t i = 0; i < count; ++i) {
    AFI_TRY(const std::uint64_t check, reader.read<std::uint64_t>());
    hashes.checks.push_back(check);
  }
  return hashes;
}

Result<PendingEpoch> read_pending(ByteReader& reader) {
  PendingEpoch pending;
  AFI_TRY(const std::uint8_t kind, reader.read<std::uint8_t>());
  if (kind > static_cast<std::uint8_t>(EpochKind::compare)) return fail(ErrorCode::damaged, "an epoch of unknown kind");
  pending.kind = static_cast<EpochKind>(kind);
  AFI_TRY(const ByteView record, read_block(reader));
  AFI_TRY(pending.record, format::PointRecord::parse(record));
  AFI_TRY(pending.hashes, read_hashes(reader));
  return pending;
}

Status read_fixed(ByteReader& reader, PrimaryRecord& record) {
  AFI_TRY(const ByteView description, read_block(reader));
  AFI_TRY(record.description, MachineDescription::parse(description));
  AFI_TRY_STATUS(reader.read_into(record.replica.bytes));
  AFI_TRY(const std::uint16_t paths, reader.read<std::uint16_t>());
  if (paths != record.description.disks.size())
    return fail(ErrorCode::damaged, "a primary record whose paths do not match its disks");
  for (std::uint16_t i = 0; i < paths; ++i) {
    AFI_TRY(std::string path, reader.read_text(path_bytes_max));
    record.image_paths.push_back(std::move(path));
  }
  AFI_TRY(const std::uint8_t stage, reader.read<std::uint8_t>());
  AFI_TRY(const std::uint8_t activity, reader.read<std::uint8_t>());
  if (stage > static_cast<std::uint8_t>(PrimaryStage::replicating) ||
      activity > static_cast<std::uint8_t>(Activity::paused)) {
    return fail(ErrorCode::damaged, "a primary record in an unknown stage");
  }
  record.stage = static_cast<PrimaryStage>(stage);
  record.activity = static_cast<Activity>(activity);
  AFI_TRY(const std::uint64_t newest, reader.read<std::uint64_t>());
  record.newest_epoch = Epoch(newest);
  return {};
}

Status read_optional(ByteReader& reader, PrimaryRecord& record) {
  AFI_TRY(const std::uint8_t flags, reader.read<std::uint8_t>());
  if ((flags & ~(has_acknowledged | has_hashes | has_pending)) != 0)
    return fail(ErrorCode::damaged, "a primary record with unknown parts");
  if ((flags & has_acknowledged) != 0) {
    AFI_TRY(const ByteView bytes, read_block(reader));
    AFI_TRY(record.acknowledged, format::PointRecord::parse(bytes));
  }
  if ((flags & has_hashes) != 0) {
    AFI_TRY(record.hashes, read_hashes(reader));
  }
  if ((flags & has_pending) != 0) {
    AFI_TRY(record.pending, read_pending(reader));
  }
  return {};
}

// What its users take for granted, and a check over the bytes does not tell.
Status check_parts(const PrimaryRecord& record) {
  const std::size_t disks = record.description.disks.size();
  const bool replicates = record.stage == PrimaryStage::replicating;
  const bool fits = replicates == record.acknowledged.has_value() &&
                    (!record.hashes || (replicates && record.hashes->checks.size() == disks)) &&
                    (!record.pending || record.pending->hashes.checks.size() == disks);
  if (!fits) return fail(ErrorCode::damaged, "a primary record whose parts contradict each other");
  return {};
}

}  // namespace

Head PrimaryRecord::head() const {
  if (!acknowledged) return {};
  return Head{.sequence = acknowledged->sequence, .digest = acknowledged->digest()};
}

Bytes PrimaryRecord::encode() const {
  Bytes bytes;
  ByteWriter writer(bytes);
  writer.write(magic);
  writer.write(version);
  write_block(writer, description.encode());
  writer.write_bytes(replica.bytes);
  writer.write(static_cast<std::uint16_t>(image_paths.size()));
  for (const std::string& path : image_paths) writer.write_text(path);
  writer.write(static_cast<std::uint8_t>(stage));
  writer.write(static_cast<std::uint8_t>(activity));
  writer.write(newest_epoch.value());
  writer.write(static_cast<std::uint8_t>((acknowledged ? has_acknowledged : 0) | (hashes ? has_hashes : 0) |
                                         (pending ? has_pending : 0)));
  if (acknowledged) write_block(writer, acknowledged->encode());
  if (hashes) write_hashes(writer, *hashes);
  if (pending) {
    writer.write(static_cast<std::uint8_t>(pending->kind));
    write_block(writer, pending->record.encode());
    write_hashes(writer, pending->hashes);
  }
  writer.write(format::check_of(bytes));
  return bytes;
}

Result<PrimaryRecord> PrimaryRecord::parse(ByteView bytes) {
  if (bytes.size() < 14 || bytes.size() > encoded_bytes_max)
    return fail(ErrorCode::damaged, "a primary record of impossible length");
  const ByteView body = bytes.first(bytes.size() - 8);
  if (load<std::uint64_t>(bytes.data() + body.size()) != format::check_of(body)) {
    return fail(ErrorCode::damaged, "a primary record does not match its check");
  }
  ByteReader reader(body);
  AFI_TRY(const std::uint32_t found_magic, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint16_t found_version, reader.read<std::uint16_t>());
  if (found_magic != magic) return fail(ErrorCode::damaged, "not a primary record");
  if (found_version != version) return fail(ErrorCode::unsupported, "a primary record of another version");
  PrimaryRecord record;
  AFI_TRY_STATUS(read_fixed(reader, record));
  AFI_TRY_STATUS(read_optional(reader, record));
  if (!reader.at_end()) return fail(ErrorCode::damaged, "a primary record goes on after its end");
  AFI_TRY_STATUS(check_parts(record));
  return record;
}

}  // namespace afterimage
