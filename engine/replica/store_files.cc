// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/store_files.h"

#include <fmt/format.h>

#include "engine/format/digest.h"

namespace afterimage::replica {
namespace {

constexpr std::string_view marker_start = "afterimage store ";
constexpr std::string_view machine_magic = "AFIMACH";
constexpr std::string_view seeding_magic = "AFISEED";
constexpr std::uint8_t file_version = 1;
constexpr std::size_t check_bytes = 8;

void begin_file(ByteWriter& writer, std::string_view magic) {
  writer.write_bytes(view_of(magic));
  writer.write(file_version);
}
void end_file(Bytes& out) {
  const std::uint64_t check = format::check_of(out);
  ByteWriter(out).write(check);
}

// The bytes between magic and check of a file that is whole.
Result<ByteReader> open_file(ByteView bytes, std::string_view magic) {
  if (bytes.size() < magic.size() + 1 + check_bytes) return fail(ErrorCode::damaged, "a file of the store is cut off");
  if (text_of(bytes.first(magic.size())) != magic) return fail(ErrorCode::damaged, "a file of the store is none");
  const ByteView checked = bytes.first(bytes.size() - check_bytes);
  if (load<std::uint64_t>(bytes.data() + checked.size()) != format::check_of(checked)) {
    return fail(ErrorCode::damaged, "a file of the store does not match its check");
  }
  if (bytes[magic.size()] != std::byte{file_version}) {
    return fail(ErrorCode::unsupported, "version of a file of the store",
                "a file of the store was written by another version");
  }
  return ByteReader(checked.subspan(magic.size() + 1));
}

}  // namespace

Bytes StoreMarker::encode() const {
  const std::string line = fmt::format("{}1 {}\n", marker_start, id.text());
  const ByteView bytes = view_of(line);
  return Bytes(bytes.begin(), bytes.end());
}

Result<StoreMarker> StoreMarker::parse(ByteView bytes) {
  std::string_view text = text_of(bytes);
  if (!text.starts_with(marker_start) || !text.ends_with('\n'))
    return fail(ErrorCode::damaged, "not the marker of a store");
  text.remove_prefix(marker_start.size());
  text.remove_suffix(1);
  if (!text.starts_with("1 ")) {
    return fail(ErrorCode::unsupported, "version of a store", "the store was made by another version of Afterimage");
  }
  StoreMarker marker;
  const auto id = StoreId::parse(text.substr(2));
  if (!id || id->is_none()) return fail(ErrorCode::damaged, "the marker of a store has no id");
  marker.id = *id;
  // Digits are written in one way; another is not ours.
  if (text.substr(2) != id->text()) return fail(ErrorCode::damaged, "the id in the marker of a store is odd");
  return marker;
}

Bytes MachineFile::encode() const {
  Bytes out;
  ByteWriter writer(out);
  begin_file(writer, machine_magic);
  writer.write_bytes(owner.bytes);
  writer.write_text(owner_name);
  writer.write(static_cast<std::uint8_t>(seed_by));
  const Bytes inner = description.encode();
  writer.write(static_cast<std::uint32_t>(inner.size()));
  writer.write_bytes(inner);
  end_file(out);
  return out;
}

Result<MachineFile> MachineFile::parse(ByteView bytes) {
  if (bytes.size() > bytes_max) return fail(ErrorCode::limit_exceeded, "a machine's file is too long");
  AFI_TRY(ByteReader reader, open_file(bytes, machine_magic));
  MachineFile file;
  AFI_TRY_STATUS(reader.read_into(file.owner.bytes));
  AFI_TRY(file.owner_name, reader.read_text(limits::name_bytes_max));
  AFI_TRY(const std::uint8_t seed_by, reader.read<std::uint8_t>());
  if (seed_by > static_cast<std::uint8_t>(SeedBy::medium))
    return fail(ErrorCode::damaged, "a machine is seeded by nothing known");
  file.seed_by = static_cast<SeedBy>(seed_by);
  AFI_TRY(const std::uint32_t length, reader.read<std::uint32_t>());
  if (length != reader.remaining()) return fail(ErrorCode::damaged, "a machine's file has a wrong length");
  AFI_TRY(const ByteView inner, reader.read_bytes(length));
  AFI_TRY(file.description, MachineDescription::parse(inner));
  return file;
}

Bytes SeedingProgress::encode() const {
  Bytes out;
  ByteWriter writer(out);
  begin_file(writer, seeding_magic);
  writer.write(epoch.value());
  writer.write(frames);
  writer.write(position.disk_index);
  writer.write(position.block.value());
  end_file(out);
  return out;
}

Result<SeedingProgress> SeedingProgress::parse(ByteView bytes) {
  AFI_TRY(ByteReader reader, open_file(bytes, seeding_magic));
  SeedingProgress progress;
  AFI_TRY(const std::uint64_t epoch, reader.read<std::uint64_t>());
  progress.epoch = Epoch(epoch);
  AFI_TRY(progress.frames, reader.read<std::uint32_t>());
  AFI_TRY(progress.position.disk_index, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint64_t block, reader.read<std::uint64_t>());
  progress.position.block = BlockIndex(block);
  if (!reader.at_end()) return fail(ErrorCode::damaged, "a seeding's progress has a wrong length");
  if (progress.position.disk_index > limits::disks_max)
    return fail(ErrorCode::damaged, "a seeding's progress is of no disk");
  return progress;
}

std::string sealed_name(SegmentNumber number) { return fmt::format("{:016x}{}", number.value(), sealed_suffix); }
std::string staging_name(SegmentNumber number) { return fmt::format("{:016x}{}", number.value(), staging_suffix); }

Result<SegmentNumber> parse_segment_name(std::string_view name, std::string_view suffix) {
  constexpr std::size_t digits = 16;
  if (name.size() != digits + suffix.size() || !name.ends_with(suffix))
    return fail(ErrorCode::not_found, "not a segment's name");
  std::uint64_t number = 0;
  for (const char digit : name.substr(0, digits)) {
    const bool is_decimal = digit >= '0' && digit <= '9';
    if (!is_decimal && (digit < 'a' || digit > 'f')) return fail(ErrorCode::not_found, "not a segment's name");
    number = number << 4U | static_cast<std::uint64_t>(is_decimal ? digit - '0' : digit - 'a' + 10);
  }
  if (number == 0) return fail(ErrorCode::not_found, "not a segment's name");
  return SegmentNumber(number);
}

}  // namespace afterimage::replica
