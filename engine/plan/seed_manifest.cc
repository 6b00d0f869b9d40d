// SPDX-License-Identifier: Apache-2.0
// Encodings: magic "AFSM" or "AFXP", u16 version, then the fields in the order of the struct (blocks of bytes with a
// u32 length, segments as u32 count and each u64 number, u64 size, 32 bytes SHA-256); at the end SHA-256 of everything
// before.
#include "engine/plan/seed_manifest.h"

#include <algorithm>

#include "engine/format/digest.h"
#include "io/base/limits.h"

namespace afterimage {
namespace {

constexpr std::uint32_t manifest_magic = 0x4d534641;  // "AFSM"
constexpr std::uint32_t progress_magic = 0x50584641;  // "AFXP"
constexpr std::uint16_t version = 1;
constexpr std::size_t segment_bytes = 48;

void begin(ByteWriter& writer, std::uint32_t magic) {
  writer.write(magic);
  writer.write(version);
}

void finish(Bytes& bytes) {
  const Digest digest = format::sha256_of(bytes);
  bytes.insert(bytes.end(), digest.bytes.begin(), digest.bytes.end());
}

// The bytes between version and digest.
Result<ByteView> open(ByteView bytes, std::uint32_t magic, const char* what) {
  constexpr std::size_t head = 6;
  if (bytes.size() > SeedManifest::encoded_bytes_max) return fail(ErrorCode::limit_exceeded, what);
  if (bytes.size() < head + sizeof(Digest)) return fail(ErrorCode::damaged, what);
  const ByteView body = bytes.first(bytes.size() - sizeof(Digest));
  const Digest digest = format::sha256_of(body);
  if (!std::ranges::equal(digest.bytes, bytes.last(sizeof(Digest)))) return fail(ErrorCode::damaged, what);
  if (load<std::uint32_t>(body.data()) != magic) return fail(ErrorCode::damaged, what);
  if (load<std::uint16_t>(body.data() + 4) != version) return fail(ErrorCode::unsupported, what);
  return body.subspan(head);
}

void write_block(ByteWriter& writer, ByteView bytes) {
  writer.write(static_cast<std::uint32_t>(bytes.size()));
  writer.write_bytes(bytes);
}

Result<ByteView> read_block(ByteReader& reader) {
  AFI_TRY(const std::uint32_t length, reader.read<std::uint32_t>());
  return reader.read_bytes(length);
}

void write_segments(ByteWriter& writer, const std::vector<SeedSegment>& segments) {
  writer.write(static_cast<std::uint32_t>(segments.size()));
  for (const SeedSegment& segment : segments) {
    writer.write(segment.number.value());
    writer.write(segment.size.value());
    writer.write_bytes(segment.sha256.bytes);
  }
}

Result<std::vector<SeedSegment>> read_segments(ByteReader& reader) {
  AFI_TRY(const std::uint32_t count, reader.read<std::uint32_t>());
  if (count > SeedManifest::segments_max || count > reader.remaining() / segment_bytes) {
    return fail(ErrorCode::limit_exceeded, "a seed of too many segments");
  }
  std::vector<SeedSegment> segments(count);
  for (SeedSegment& segment : segments) {
    AFI_TRY(const std::uint64_t number, reader.read<std::uint64_t>());
    AFI_TRY(const std::uint64_t size, reader.read<std::uint64_t>());
    if (size > limits::segment_bytes_max) return fail(ErrorCode::limit_exceeded, "a seed with too large a segment");
    segment.number = SegmentNumber(number);
    segment.size = ByteCount(size);
    AFI_TRY_STATUS(reader.read_into(segment.sha256.bytes));
  }
  return segments;
}

}  // namespace

Bytes SeedManifest::encode() const {
  Bytes bytes;
  ByteWriter writer(bytes);
  begin(writer, manifest_magic);
  writer.write_bytes(owner.bytes);
  writer.write_text(owner_name);
  write_block(writer, description.encode());
  write_segments(writer, segments);
  write_block(writer, point.encode());
  finish(bytes);
  return bytes;
}

Result<SeedManifest> SeedManifest::parse(ByteView bytes) {
  AFI_TRY(const ByteView body, open(bytes, manifest_magic, "the manifest of a seed does not verify"));
  ByteReader reader(body);
  SeedManifest manifest;
  AFI_TRY_STATUS(reader.read_into(manifest.owner.bytes));
  AFI_TRY(manifest.owner_name, reader.read_text(limits::name_bytes_max));
  AFI_TRY(const ByteView description, read_block(reader));
  AFI_TRY(manifest.description, MachineDescription::parse(description));
  AFI_TRY(manifest.segments, read_segments(reader));
  AFI_TRY(const ByteView point, read_block(reader));
  AFI_TRY(manifest.point, format::PointRecord::parse(point));
  if (!reader.at_end()) return fail(ErrorCode::damaged, "the manifest of a seed goes on after its end");
  if (manifest.point.machine != manifest.description.id) {
    return fail(ErrorCode::damaged, "the manifest of a seed names two machines");
  }
  return manifest;
}

Bytes ExportProgress::encode() const {
  Bytes bytes;
  ByteWriter writer(bytes);
  begin(writer, progress_magic);
  writer.write_bytes(machine.bytes);
  writer.write(staged.epoch.value());
  writer.write(staged.frames);
  writer.write(staged.position.disk_index);
  writer.write(staged.position.block.value());
  write_segments(writer, segments);
  finish(bytes);
  return bytes;
}

Result<ExportProgress> ExportProgress::parse(ByteView bytes) {
  AFI_TRY(const ByteView body, open(bytes, progress_magic, "the progress of an export does not verify"));
  ByteReader reader(body);
  ExportProgress progress;
  AFI_TRY_STATUS(reader.read_into(progress.machine.bytes));
  AFI_TRY(const std::uint64_t epoch, reader.read<std::uint64_t>());
  AFI_TRY(progress.staged.frames, reader.read<std::uint32_t>());
  AFI_TRY(progress.staged.position.disk_index, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint64_t block, reader.read<std::uint64_t>());
  progress.staged.epoch = Epoch(epoch);
  progress.staged.position.block = BlockIndex(block);
  AFI_TRY(progress.segments, read_segments(reader));
  if (!reader.at_end()) return fail(ErrorCode::damaged, "the progress of an export goes on after its end");
  return progress;
}

}  // namespace afterimage
