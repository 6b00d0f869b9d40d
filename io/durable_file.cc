// SPDX-License-Identifier: Apache-2.0
#include "io/durable_file.h"

#include <memory>
#include <utility>

namespace afterimage::io {
namespace {

Task<Status> write_whole(Scope& scope, Directory& directory, std::string name, ByteView content) {
  AFI_CO_TRY(const std::unique_ptr<File> file, directory.open_file(scope, std::move(name), OpenMode::open_or_create));
  AFI_CO_TRY_STATUS(file->resize(scope, ByteCount(std::uint64_t{0})));
  AFI_CO_TRY_STATUS(file->write_at(scope, ByteOffset(std::uint64_t{0}), content));
  AFI_CO_TRY_STATUS(file->sync(scope));
  co_return file->close();
}

constexpr int depth_max = 8;

Task<Status> clear_to_depth(Scope& scope, Directory& directory, int depth) {
  if (depth == 0) co_return fail(ErrorCode::limit_exceeded, "folders nested too deep to be removed");
  AFI_CO_TRY(const std::vector<DirectoryEntry> entries, directory.list(scope));
  for (const DirectoryEntry& entry : entries) {
    if (entry.kind == EntryKind::directory) {
      AFI_CO_TRY(const std::unique_ptr<Directory> inner, directory.open_directory(scope, entry.name));
      AFI_CO_TRY_STATUS(clear_to_depth(scope, *inner, depth - 1));
      AFI_CO_TRY_STATUS(directory.remove_directory(scope, entry.name));
    } else {
      AFI_CO_TRY_STATUS(directory.remove_file(scope, entry.name));
    }
  }
  co_return Status{};
}

}  // namespace

Task<Status> replace_file(Scope& scope, Directory& directory, std::string name, ByteView content) {
  const std::string fresh = name + ".new";
  AFI_CO_TRY_STATUS(write_whole(scope, directory, fresh, content));
  AFI_CO_TRY_STATUS(directory.replace(scope, fresh, std::move(name)));
  auto syncing = directory.sync(scope);
  co_return co_await syncing;
}

Task<Result<Bytes>> read_file(Scope& scope, Directory& directory, std::string name, std::size_t bytes_max) {
  AFI_CO_TRY(const std::unique_ptr<File> file, directory.open_file(scope, name, OpenMode::read));
  AFI_CO_TRY(const FileFacts facts, file->facts(scope));
  if (facts.size.value() > bytes_max) {
    co_return fail(ErrorCode::limit_exceeded, "read a small file", "the file " + name + " is larger than it can be");
  }
  Bytes content(static_cast<std::size_t>(facts.size.value()));
  AFI_CO_TRY(const std::size_t count, file->read_at(scope, ByteOffset(std::uint64_t{0}), content));
  content.resize(count);
  co_return content;
}

Task<Status> remove_if_there(Scope& scope, Directory& directory, std::string name) {
  auto removing = directory.remove_file(scope, std::move(name));
  const Status removed = co_await removing;
  if (!removed && removed.error().code == ErrorCode::not_found) co_return Status{};
  if (!removed) co_return removed;
  auto syncing = directory.sync(scope);
  co_return co_await syncing;
}

Task<Status> clear_directory(Scope& scope, Directory& directory) {
  auto clearing = clear_to_depth(scope, directory, depth_max);
  co_return co_await clearing;
}

}  // namespace afterimage::io
