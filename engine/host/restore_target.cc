// SPDX-License-Identifier: Apache-2.0
#include "engine/host/restore_target.h"

#include <utility>

#include <sys/stat.h>

#include "engine/replica/store_files.h"
#include "io/durable_file.h"

namespace afterimage::host {
namespace {

constexpr const char* what = "restore a disk";
constexpr int parents_max = 32;

// Whether a folder above `folder`, or it itself, is a replica's store. The kernel goes up from where links led to.
io::Task<bool> lies_in_store(io::Scope& scope, io::Disk& disk, std::string folder) {
  for (int up = 0; up < parents_max; ++up, folder += "/..") {
    auto opening = disk.open_directory(scope, folder);
    const auto opened = co_await opening;
    if (!opened) co_return false;
    auto looking = (*opened)->open_file(scope, replica::marker_file_name, io::OpenMode::read);
    const auto marker = co_await looking;
    if (marker) co_return true;
  }
  co_return false;
}

std::unexpected<Error> in_use(const std::string& path) {
  return fail(
      ErrorCode::busy, what,
      path + " is in use (mounted, or by another program: a running machine?); stop that first, or give another --to");
}

}  // namespace

RestoreTarget::RestoreTarget(std::unique_ptr<io::Directory> folder, std::string name, std::string path)
    : folder_(std::move(folder)), name_(std::move(name)), path_(std::move(path)) {}

std::string RestoreTarget::unfinished_name() const { return name_ + ".afterimage-restore"; }

io::Task<Result<std::unique_ptr<RestoreTarget>>> RestoreTarget::examine(io::Scope& scope, io::Disk& disk,
                                                                        std::string path, TargetExists exists) {
  AFI_CO_RESULT(io::SplitPath split, io::split_path(path));
  AFI_CO_TRY(std::unique_ptr<io::Directory> folder, disk.open_directory(scope, split.directory));
  auto asking = lies_in_store(scope, disk, split.directory);
  if (co_await asking) {
    co_return fail(ErrorCode::refused, what,
                   path + " lies in a replica store, where only replicas are; give another --to");
  }
  std::unique_ptr<RestoreTarget> target(new RestoreTarget(std::move(folder), std::move(split.name), std::move(path)));
  AFI_CO_TRY_STATUS(target->look(scope, exists));
  co_return target;
}

io::Task<Status> RestoreTarget::look(io::Scope& scope, TargetExists exists) {
  auto opening = folder_->open_file(scope, name_, io::OpenMode::write);
  Result<std::unique_ptr<io::File>> opened = co_await opening;
  if (!opened && opened.error().code == ErrorCode::not_found) co_return Status{};
  if (!opened && opened.error().code == ErrorCode::busy) co_return in_use(path_);  // a device that is mounted
  if (!opened) {
    co_return fail(ErrorCode::refused, what,
                   path_ + " is there and is neither a file nor a block device that can be written (" +
                       opened.error().text() + "); give another --to");
  }
  if (exists == TargetExists::refuse) {
    co_return fail(ErrorCode::already_exists, what,
                   path_ + " exists already; give another --to, or --force to write over it");
  }
  const Status locked = (*opened)->try_lock(io::LockMode::exclusive);
  if (!locked && locked.error().code == ErrorCode::busy) co_return in_use(path_);
  AFI_CO_STATUS(locked);
  AFI_CO_TRY(const io::FileFacts facts, (*opened)->facts(scope));
  kind_ = S_ISREG(facts.mode) ? Kind::replaced_file : Kind::device;
  existing_ = std::move(*opened);
  co_return Status{};
}

io::Task<Result<io::File*>> RestoreTarget::begin(io::Scope& scope) {
  if (kind_ == Kind::device) co_return existing_.get();
  // What an earlier daemon left behind is gone on over; nobody holds it.
  AFI_CO_TRY(std::unique_ptr<io::File> file,
             folder_->open_file(scope, unfinished_name(), io::OpenMode::open_or_create));
  const Status locked = file->try_lock(io::LockMode::exclusive);
  if (!locked && locked.error().code == ErrorCode::busy) {
    co_return fail(ErrorCode::busy, what,
                   "another restore to " + path_ + " is running; 'afterimage jobs' shows it and cancels it");
  }
  AFI_CO_STATUS(locked);
  unfinished_ = std::move(file);
  co_return unfinished_.get();
}

io::Task<Status> RestoreTarget::finish(io::Scope& scope) {
  if (kind_ == Kind::device) co_return Status{};
  AFI_CO_TRY_STATUS(kind_ == Kind::replaced_file ? folder_->replace(scope, unfinished_name(), name_)
                                                 : folder_->rename_new(scope, unfinished_name(), name_));
  auto syncing = folder_->sync(scope);
  const Status synced = co_await syncing;
  const Status closed = unfinished_->close();
  unfinished_.reset();
  AFI_CO_STATUS(synced);
  co_return closed;
}

io::Task<void> RestoreTarget::abandon(io::Scope& scope) {
  if (!unfinished_) co_return;  // of another restore, or none
  auto removing = io::remove_if_there(scope, *folder_, unfinished_name());
  [[maybe_unused]] const Status removed = co_await removing;  // the reason of the failure is the one to tell
  unfinished_.reset();
}

}  // namespace afterimage::host
