// SPDX-License-Identifier: Apache-2.0
#include "engine/source/point_history.h"

#include <map>
#include <memory>
#include <utility>

#include "engine/format/digest.h"
#include "io/base/limits.h"
#include "io/durable_file.h"

namespace afterimage::source {
namespace {

constexpr std::size_t history_bytes_max = 256 * limits::MiB;
constexpr std::size_t entry_extra_bytes = 4 + 8 + 8;

// The whole entry at the front of `bytes`, and its length; nothing if there is none.
Result<std::pair<HistoricPoint, std::size_t>> parse_entry(ByteView bytes) {
  ByteReader reader(bytes);
  AFI_TRY(const std::uint32_t length, reader.read<std::uint32_t>());
  AFI_TRY(const ByteView record, reader.read_bytes(length));
  AFI_TRY(const std::uint64_t stored, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t check, reader.read<std::uint64_t>());
  const std::size_t whole = length + entry_extra_bytes;
  if (check != format::check_of(bytes.first(whole - 8))) return fail(ErrorCode::damaged, "an entry of the history");
  HistoricPoint point;
  AFI_TRY(point.record, format::PointRecord::parse(record));
  point.stored = ByteCount(stored);
  return std::pair(std::move(point), whole);
}

std::size_t whole_entries_end(ByteView bytes) {
  std::size_t at = 0;
  for (auto entry = parse_entry(bytes); entry; entry = parse_entry(bytes.subspan(at))) at += entry->second;
  return at;
}

}  // namespace

Bytes encode_history_entry(const HistoricPoint& point) {
  Bytes bytes;
  ByteWriter writer(bytes);
  const Bytes record = point.record.encode();
  writer.write(static_cast<std::uint32_t>(record.size()));
  writer.write_bytes(record);
  writer.write(point.stored.value());
  writer.write(format::check_of(bytes));
  return bytes;
}

std::vector<HistoricPoint> parse_history(ByteView bytes) {
  std::map<Sequence, HistoricPoint> points;
  while (auto entry = parse_entry(bytes)) {
    points.insert_or_assign(entry->first.record.sequence, entry->first);
    bytes = bytes.subspan(entry->second);
  }
  std::vector<HistoricPoint> list;
  list.reserve(points.size());
  for (auto& [sequence, point] : points) list.push_back(std::move(point));
  return list;
}

io::Task<Status> append_history(io::Scope& scope, io::Directory& folder, HistoricPoint point) {
  AFI_CO_TRY(const std::unique_ptr<io::File> file,
             folder.open_file(scope, history_file_name, io::OpenMode::open_or_create));
  AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
  // Behind the last whole entry: a torn one would hide all that follow it.
  ByteOffset end;
  if (facts.size != ByteCount{}) {
    AFI_CO_TRY(const Bytes bytes, io::read_file(scope, folder, history_file_name, history_bytes_max));
    end = ByteOffset(std::uint64_t{whole_entries_end(bytes)});
  }
  const Bytes entry = encode_history_entry(point);
  AFI_CO_TRY_STATUS(file->write_at(scope, end, entry));
  AFI_CO_TRY_STATUS(file->sync(scope));
  auto syncing = folder.sync(scope);
  co_return co_await syncing;
}

io::Task<Result<std::vector<HistoricPoint>>> load_history(io::Scope& scope, io::Directory& folder) {
  auto reading = io::read_file(scope, folder, history_file_name, history_bytes_max);
  const Result<Bytes> bytes = co_await reading;
  if (!bytes && bytes.error().code == ErrorCode::not_found) co_return std::vector<HistoricPoint>{};
  if (!bytes) co_return std::unexpected(bytes.error());
  co_return parse_history(*bytes);
}

}  // namespace afterimage::source
