// SPDX-License-Identifier: Apache-2.0
#include "engine/source/point_history.h"

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "engine/format/digest.h"
#include "io/base/limits.h"

namespace afterimage::source {
namespace {

constexpr std::size_t entry_extra_bytes = 4 + 8 + 8;
constexpr std::size_t entry_bytes_max = limits::point_record_bytes_max + entry_extra_bytes;
constexpr std::size_t window_bytes = entry_bytes_max + 1 * limits::MiB;

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

// Gives every whole entry of the file to `visit`, in a window that moves over it, and tells where the last one ends: a
// torn one hides what follows it.
io::Task<Result<ByteOffset>> walk(io::Scope& scope, io::Directory& folder, std::function<void(HistoricPoint)> visit) {
  ByteOffset at;
  auto opening = folder.open_file(scope, history_file_name, io::OpenMode::read);
  const auto file = co_await opening;
  if (!file && file.error().code == ErrorCode::not_found) co_return at;
  if (!file) co_return std::unexpected(file.error());
  Bytes window(window_bytes);
  for (;;) {
    AFI_CO_TRY(const std::size_t count, (*file)->read_at(scope, at, window));
    const bool is_last = count < window.size();
    ByteView rest = ByteView(window).first(count);
    while (is_last || rest.size() >= entry_bytes_max) {
      auto entry = parse_entry(rest);
      if (!entry) co_return at;
      visit(std::move(entry->first));
      at += ByteCount(std::uint64_t{entry->second});
      rest = rest.subspan(entry->second);
    }
  }
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

// Numbers ascend, and only the newest may stand twice.
void PointHistory::take(HistoricPoint point) {
  if (!newest_ || newest_->record.sequence < point.record.sequence) ++count_;
  newest_ = std::move(point);
}

io::Task<Status> PointHistory::look(io::Scope& scope, io::Directory& folder) {
  end_.reset();
  count_ = 0;
  newest_.reset();
  AFI_CO_TRY(end_, walk(scope, folder, [this](HistoricPoint point) { take(std::move(point)); }));
  co_return Status{};
}

io::Task<Status> PointHistory::append(io::Scope& scope, io::Directory& folder, HistoricPoint point) {
  if (!end_) AFI_CO_TRY_STATUS(look(scope, folder));
  AFI_CO_TRY(const std::unique_ptr<io::File> file,
             folder.open_file(scope, history_file_name, io::OpenMode::open_or_create));
  const Bytes entry = encode_history_entry(point);
  const ByteOffset end = *std::exchange(end_, std::nullopt);  // until it is known where the file ends now
  AFI_CO_TRY_STATUS(file->write_at(scope, end, entry));
  AFI_CO_TRY_STATUS(file->sync(scope));
  AFI_CO_TRY_STATUS(folder.sync(scope));
  end_ = end + ByteCount(std::uint64_t{entry.size()});
  take(std::move(point));
  co_return Status{};
}

io::Task<Result<std::vector<HistoricPoint>>> PointHistory::load(io::Scope& scope, io::Directory& folder) {
  std::map<Sequence, HistoricPoint> points;
  AFI_CO_TRY([[maybe_unused]] const ByteOffset end, walk(
                                                        scope, folder,
                                                        [&points](HistoricPoint point) {
                                                          const Sequence sequence = point.record.sequence;
                                                          points.insert_or_assign(sequence, std::move(point));
                                                        }));
  std::vector<HistoricPoint> list;
  list.reserve(points.size());
  for (auto& [sequence, point] : points) list.push_back(std::move(point));
  co_return list;
}

}  // namespace afterimage::source
