// SPDX-License-Identifier: Apache-2.0
#include "io/posix/directory.h"

#include <utility>

#include "io/posix/folder_calls.h"

namespace afterimage::io::posix {
namespace {

// Runs `call()` on the pool. It holds its strings itself.
template <typename Call>
Task<std::invoke_result_t<Call&>> run(Scope& scope, ThreadPool& pool, const char* name, unsigned& pending,
                                      std::string path, Call call) {
  const PendingMark mark(pending);
  BlockingCall blocking(scope, pool, name, std::move(call));
  blocking.file_path = path;
  co_return co_await blocking;
}

// The same for a call that opens a file, and for one that opens a folder.
template <typename Call>
Task<Result<std::unique_ptr<File>>> open(Scope& scope, ThreadPool& pool, const char* name, unsigned& pending,
                                         std::string path, FileMaker& files, Call call) {
  const PendingMark mark(pending);
  BlockingCall blocking(scope, pool, name, std::move(call));
  blocking.file_path = path;
  OpenResult opened = co_await blocking;
  if (!opened) co_return std::unexpected(std::move(opened).error());
  co_return files.make(std::move(*opened));
}

template <typename Call>
Task<Result<std::unique_ptr<Directory>>> open_folder(Scope& scope, ThreadPool& pool, const char* name,
                                                     unsigned& pending, std::string path, FileMaker& files, Call call) {
  const PendingMark mark(pending);
  BlockingCall blocking(scope, pool, name, std::move(call));
  blocking.file_path = path;
  OpenResult opened = co_await blocking;
  if (!opened) co_return std::unexpected(std::move(opened).error());
  std::unique_ptr<Directory> made = std::make_unique<PosixDirectory>(pool, files, std::move(*opened));
  co_return made;
}

}  // namespace

PosixDirectory::~PosixDirectory() { AFI_CHECK(pending_ == 0); }

Task<Result<std::unique_ptr<File>>> PosixDirectory::open_file(Scope& scope, std::string name, OpenMode mode) {
  return open(scope, pool_, "open a file", pending_, folder_->path, files_,
              [this, name = std::move(name), mode] { return open_file_in(*folder_, name, mode); });
}

Task<Result<std::unique_ptr<Directory>>> PosixDirectory::make_directory(Scope& scope, std::string name) {
  return open_folder(scope, pool_, "make a folder", pending_, folder_->path, files_,
                     [this, name = std::move(name)] { return make_folder_in(*folder_, name); });
}

Task<Result<std::unique_ptr<Directory>>> PosixDirectory::open_directory(Scope& scope, std::string name) {
  return open_folder(scope, pool_, "open a folder", pending_, folder_->path, files_,
                     [this, name = std::move(name)] { return open_folder_in(*folder_, name); });
}

Task<Result<std::vector<DirectoryEntry>>> PosixDirectory::list(Scope& scope) {
  return run(scope, pool_, "list a folder", pending_, folder_->path, [this] { return list_folder(*folder_); });
}

Task<Status> PosixDirectory::remove_file(Scope& scope, std::string name) {
  return run(scope, pool_, "remove a file", pending_, folder_->path,
             [this, name = std::move(name)] { return remove_file_in(*folder_, name); });
}

Task<Status> PosixDirectory::remove_directory(Scope& scope, std::string name) {
  return run(scope, pool_, "remove a folder", pending_, folder_->path,
             [this, name = std::move(name)] { return remove_folder_in(*folder_, name); });
}

Task<Status> PosixDirectory::replace(Scope& scope, std::string from, std::string to) {
  return run(scope, pool_, "rename a file", pending_, folder_->path,
             [this, from = std::move(from), to = std::move(to)] { return replace_in(*folder_, from, to); });
}

Task<Status> PosixDirectory::rename_new(Scope& scope, std::string from, std::string to) {
  return run(scope, pool_, "rename a file", pending_, folder_->path,
             [this, from = std::move(from), to = std::move(to)] { return rename_new_in(*folder_, from, to); });
}

Task<Result<std::unique_ptr<File>>> PosixDirectory::clone_file(Scope& scope, File& source, std::string name) {
  auto* file = dynamic_cast<PosixFile*>(&source);
  AFI_CHECK(file != nullptr);  // files of two platforms do not meet
  AFI_CO_STATUS(file->check_open());
  const PendingMark mark(file->pending_);
  auto cloning = open(scope, pool_, "clone a file", pending_, folder_->path, files_,
                      [this, file, name = std::move(name)] { return clone_file_in(*folder_, *file->file_, name); });
  co_return co_await cloning;
}

Task<Status> PosixDirectory::sync(Scope& scope) {
  return run(scope, pool_, "sync a folder", pending_, folder_->path, [this] { return sync_folder(*folder_); });
}

Task<Result<ByteCount>> PosixDirectory::free_space(Scope& scope) {
  return run(scope, pool_, "ask for free space", pending_, folder_->path, [this] { return free_space_of(*folder_); });
}

PosixDisk::~PosixDisk() { AFI_CHECK(pending_ == 0); }

Task<Result<std::unique_ptr<File>>> PosixDisk::open_file(Scope& scope, std::string path, OpenMode mode) {
  return open(scope, pool_, "open a file", pending_, path, files_,
              [this, path, mode] { return open_file_by_path(calls_, path, mode); });
}

Task<Result<std::unique_ptr<Directory>>> PosixDisk::open_directory(Scope& scope, std::string path) {
  return open_folder(scope, pool_, "open a folder", pending_, path, files_,
                     [this, path] { return open_folder_by_path(calls_, path); });
}

Task<Result<std::unique_ptr<Directory>>> PosixDisk::make_directory(Scope& scope, std::string path) {
  return open_folder(scope, pool_, "make a folder", pending_, path, files_,
                     [this, path] { return make_folder_by_path(calls_, path); });
}

}  // namespace afterimage::io::posix
