// SPDX-License-Identifier: Apache-2.0
#include "engine/format/segment_footer.h"

#include <fmt/format.h>

#include "engine/format/segment_header.h"
#include "engine/format/wire.h"
#include "io/base/check.h"
#include "io/base/limits.h"

namespace afterimage::format {
namespace {

Status check_version(std::uint16_t version) {
  if (version == footer_version) return {};
  return fail(ErrorCode::unsupported, "index version",
              fmt::format("a segment's index has format version {}, this program knows {}; upgrade Afterimage", version,
                          footer_version));
}

Status check_places(const SegmentFooter& footer) {
  if (footer.runs > limits::segment_runs_max) return fail(ErrorCode::limit_exceeded, "a segment has too many runs");
  if (footer.file_bytes.value() > limits::segment_bytes_max)
    return fail(ErrorCode::limit_exceeded, "a segment is too long");
  const std::uint64_t tail = footer.directory_bytes().value() + segment_trailer_bytes;
  if (footer.file_bytes.value() < segment_header_bytes + tail || footer.records_end.value() < segment_header_bytes ||
      footer.directory < footer.records_end || footer.directory.value() != footer.file_bytes.value() - tail) {
    return fail(ErrorCode::damaged, "a segment's trailer contradicts itself");
  }
  return {};
}

}  // namespace

Bytes SegmentFooter::encode() const {
  Bytes out;
  out.reserve(segment_trailer_bytes);
  ByteWriter writer(out);
  writer.write_bytes(wire::trailer_magic);
  writer.write(footer_version);
  writer.write(std::uint16_t{0});
  writer.write(file_bytes.value());
  writer.write(records_end.value());
  writer.write(directory.value());
  writer.write(header_check);
  writer.write(directory_check);
  writer.write(runs);
  writer.write(std::uint32_t{0});
  wire::append_closing_check(out, 0);
  AFI_CHECK(out.size() == segment_trailer_bytes);
  return out;
}

Result<SegmentFooter> parse_trailer(ByteView bytes, ByteCount file_bytes) {
  if (bytes.size() != segment_trailer_bytes) return fail(ErrorCode::damaged, "a segment's trailer is cut off");
  if (!wire::starts_with(bytes, wire::trailer_magic)) return fail(ErrorCode::damaged, "a segment has no trailer");
  AFI_TRY_STATUS(wire::verify_closing_check(bytes, "a segment's trailer does not match its check"));
  ByteReader reader(bytes.subspan(4));
  AFI_TRY(const std::uint16_t version, reader.read<std::uint16_t>());
  AFI_TRY_STATUS(check_version(version));
  AFI_TRY(const std::uint16_t reserved, reader.read<std::uint16_t>());
  AFI_TRY(const std::uint64_t file, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t records_end, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t directory, reader.read<std::uint64_t>());
  SegmentFooter footer{.file_bytes = ByteCount(file),
                       .records_end = ByteOffset(records_end),
                       .directory = ByteOffset(directory),
                       .header_check = 0,
                       .directory_check = 0,
                       .runs = 0};
  AFI_TRY(footer.header_check, reader.read<std::uint64_t>());
  AFI_TRY(footer.directory_check, reader.read<std::uint64_t>());
  AFI_TRY(footer.runs, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint32_t reserved_too, reader.read<std::uint32_t>());
  if (reserved != 0 || reserved_too != 0) return fail(ErrorCode::damaged, "a reserved field of a trailer is set");
  if (footer.file_bytes != file_bytes)
    return fail(ErrorCode::damaged, "a segment has another length than its trailer says");
  AFI_TRY_STATUS(check_places(footer));
  return footer;
}

Bytes encode_directory(const std::vector<RunPlace>& runs) {
  const std::size_t length = directory_fixed_bytes + runs.size() * directory_run_bytes + sizeof(std::uint64_t);
  Bytes out;
  out.reserve(length);
  ByteWriter writer(out);
  writer.write_bytes(wire::directory_magic);
  writer.write(footer_version);
  writer.write(std::uint16_t{0});
  writer.write(static_cast<std::uint32_t>(length));
  writer.write(static_cast<std::uint32_t>(runs.size()));
  for (const RunPlace& run : runs) {
    writer.write(static_cast<std::uint32_t>(run.offset.value()));
    writer.write(static_cast<std::uint32_t>(run.encoded.value()));
    writer.write(run.epoch.value());
    writer.write(run.from.value());
    writer.write(run.sequence.value());
  }
  wire::append_closing_check(out, 0);
  return out;
}

Result<std::size_t> measure_directory(ByteView bytes) {
  if (bytes.size() < 12) return fail(ErrorCode::damaged, "a directory is cut off");
  if (!wire::starts_with(bytes, wire::directory_magic)) return fail(ErrorCode::damaged, "not a directory");
  const std::size_t length = load<std::uint32_t>(bytes.data() + 8);
  if (length < directory_fixed_bytes + sizeof(std::uint64_t))
    return fail(ErrorCode::damaged, "a directory is too short");
  if (length > directory_fixed_bytes + limits::segment_runs_max * directory_run_bytes + sizeof(std::uint64_t)) {
    return fail(ErrorCode::limit_exceeded, "a directory is too long");
  }
  return length;
}

Result<std::vector<RunPlace>> parse_directory(ByteView bytes, const SegmentFooter& footer) {
  AFI_TRY(const std::size_t length, measure_directory(bytes));
  if (bytes.size() != length || length != footer.directory_bytes().value()) {
    return fail(ErrorCode::damaged, "a directory is cut off or has bytes behind it");
  }
  AFI_TRY_STATUS(wire::verify_closing_check(bytes, "a directory does not match its check"));
  if (load<std::uint64_t>(bytes.data() + length - sizeof(std::uint64_t)) != footer.directory_check) {
    return fail(ErrorCode::damaged, "a directory is not the one its trailer names");
  }
  ByteReader reader(bytes.subspan(4));
  AFI_TRY(const std::uint16_t version, reader.read<std::uint16_t>());
  AFI_TRY_STATUS(check_version(version));
  AFI_TRY(const std::uint16_t reserved, reader.read<std::uint16_t>());
  AFI_TRY([[maybe_unused]] const std::uint32_t measured, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint32_t count, reader.read<std::uint32_t>());
  if (reserved != 0 || count != footer.runs) return fail(ErrorCode::damaged, "a directory contradicts its trailer");
  std::vector<RunPlace> runs;
  runs.reserve(count);
  ByteOffset next = footer.records_end;
  for (std::uint32_t i = 0; i < count; ++i) {
    AFI_TRY(const std::uint32_t offset, reader.read<std::uint32_t>());
    AFI_TRY(const std::uint32_t encoded, reader.read<std::uint32_t>());
    AFI_TRY(const std::uint64_t epoch, reader.read<std::uint64_t>());
    AFI_TRY(const std::uint64_t from, reader.read<std::uint64_t>());
    AFI_TRY(const std::uint64_t sequence, reader.read<std::uint64_t>());
    const RunPlace run{.offset = ByteOffset(std::uint64_t{offset}),
                       .encoded = ByteCount(std::uint64_t{encoded}),
                       .epoch = Epoch(epoch),
                       .from = Sequence(from),
                       .sequence = Sequence(sequence)};
    if (run.offset != next || encoded > limits::index_run_bytes_max)
      return fail(ErrorCode::damaged, "a directory's runs do not follow each other");
    next += run.encoded;
    runs.push_back(run);
  }
  if (next != footer.directory) return fail(ErrorCode::damaged, "a directory's runs do not fill the index");
  return runs;
}

}  // namespace afterimage::format
