// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/folder_segments.h"

#include <algorithm>

#include "engine/replica/store_files.h"
#include "io/durable_file.h"

namespace afterimage::replica {

io::Task<Status> FolderSegments::put(io::Scope& scope, SegmentNumber number, std::string staging) {
  AFI_CO_TRY_STATUS(folder_->rename_new(scope, std::move(staging), sealed_name(number)));
  auto syncing = folder_->sync(scope);
  co_return co_await syncing;
}

io::Task<Result<std::shared_ptr<io::File>>> FolderSegments::file_of(io::Scope& scope, SegmentNumber number) {
  const auto known = std::ranges::find(open_, number, [](const auto& entry) { return entry.first; });
  if (known != open_.end()) {
    open_.splice(open_.begin(), open_, known);
    co_return open_.front().second;
  }
  AFI_CO_TRY(std::unique_ptr<io::File> opened, folder_->open_file(scope, sealed_name(number), io::OpenMode::read));
  std::shared_ptr<io::File> file = std::move(opened);
  forget(number);  // another task may have opened it meanwhile
  open_.emplace_front(number, file);
  if (open_.size() > open_files_max) open_.pop_back();
  co_return file;
}

void FolderSegments::forget(SegmentNumber number) {
  std::erase_if(open_, [number](const auto& entry) { return entry.first == number; });
}

io::Task<Result<std::size_t>> FolderSegments::read(io::Scope& scope, SegmentNumber number, ByteOffset offset,
                                                   MutableBytes out) {
  AFI_CO_TRY(const std::shared_ptr<io::File> file, file_of(scope, number));
  auto reading = file->read_at(scope, offset, out);
  co_return co_await reading;
}

io::Task<Result<ByteCount>> FolderSegments::size(io::Scope& scope, SegmentNumber number) {
  AFI_CO_TRY(const std::shared_ptr<io::File> file, file_of(scope, number));
  AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
  co_return facts.size;
}

io::Task<Status> FolderSegments::remove(io::Scope& scope, SegmentNumber number) {
  forget(number);
  auto removing = io::remove_if_there(scope, *folder_, sealed_name(number));
  co_return co_await removing;
}

io::Task<Status> FolderSegments::drop_cache(io::Scope& scope, SegmentNumber number) {
  AFI_CO_TRY(const std::shared_ptr<io::File> file, file_of(scope, number));
  AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
  auto dropping = file->drop_cache(scope, io::FileRange{.offset = ByteOffset(std::uint64_t{0}), .size = facts.size});
  co_return co_await dropping;
}

io::Task<Result<std::vector<SegmentNumber>>> FolderSegments::list(io::Scope& scope) {
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, folder_->list(scope));
  std::vector<SegmentNumber> numbers;  // the names are sorted, and so are their digits
  for (const io::DirectoryEntry& entry : entries) {
    const auto number = parse_segment_name(entry.name, sealed_suffix);
    if (number) numbers.push_back(*number);
  }
  co_return numbers;
}

}  // namespace afterimage::replica
