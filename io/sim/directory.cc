// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <utility>

#include "io/sim/disk.h"
#include "io/sim/disk_operation.h"

namespace afterimage::io::sim {
namespace {

constexpr std::size_t component_bytes_max = 255;

Status check_component(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.size() > component_bytes_max ||
      name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "use a file name", "not the name of a file in a folder: '" + name + "'");
  }
  return {};
}

std::unexpected<Error> broken(int error, const char* what, const std::string& path) {
  return std::unexpected(system_error(error, what, path + ": " + what + " failed"));
}

}  // namespace

NodeDirectory::NodeDirectory(Incarnation& life, std::shared_ptr<DirectoryNode> node, std::string path)
    : life_(life), node_(std::move(node)), path_(std::move(path)) {}

FileSystem& NodeDirectory::files() const { return life_.node().files; }

std::string NodeDirectory::path_of(const std::string& name) const {
  return path_ == "/" ? "/" + name : path_ + "/" + name;
}

Result<std::unique_ptr<File>> NodeDirectory::open_now(const std::string& name, OpenMode mode) {
  Entry entry = node_->find(name);
  if (entry.directory) return broken(EISDIR, "open", path_of(name));
  if (entry.is_none()) {
    if (mode == OpenMode::read || mode == OpenMode::write || node_->is_removed()) {
      return broken(ENOENT, "open", path_of(name));
    }
    entry.file = files().make_file();
    node_->set(files().next_change(), name, entry);
  } else if (mode == OpenMode::create) {
    return broken(EEXIST, "create", path_of(name));
  }
  return std::make_unique<NodeFile>(life_, entry.file, path_of(name), mode);
}

Task<Result<std::unique_ptr<File>>> NodeDirectory::open_file(Scope& scope, std::string name, OpenMode mode) {
  AFI_CO_STATUS(check_component(name));
  const std::string path = path_of(name);
  const bool makes = (mode == OpenMode::create || mode == OpenMode::open_or_create) && node_->find(name).is_none();
  auto effect = [&](int error) -> Result<std::unique_ptr<File>> {
    if (error != 0) return broken(error, "open", path);
    return open_now(name, mode);
  };
  DiskOperation operation(life_, scope, {.kind = makes ? OperationKind::create : OperationKind::open, .path = path},
                          effect);
  co_return co_await operation;
}

Result<std::unique_ptr<Directory>> NodeDirectory::make_now(const std::string& name) {
  Entry entry = node_->find(name);
  if (entry.file) return broken(ENOTDIR, "make a folder", path_of(name));
  if (entry.is_none()) {
    if (node_->is_removed()) return broken(ENOENT, "make a folder", path_of(name));
    entry.directory = files().make_directory();
    node_->set(files().next_change(), name, entry);
  }
  return std::make_unique<NodeDirectory>(life_, entry.directory, path_of(name));
}

Task<Result<std::unique_ptr<Directory>>> NodeDirectory::make_directory(Scope& scope, std::string name) {
  AFI_CO_STATUS(check_component(name));
  const std::string path = path_of(name);
  auto effect = [&](int error) -> Result<std::unique_ptr<Directory>> {
    if (error != 0) return broken(error, "make a folder", path);
    return make_now(name);
  };
  const OperationKind kind = node_->find(name).is_none() ? OperationKind::create : OperationKind::open;
  DiskOperation operation(life_, scope, {.kind = kind, .path = path}, effect);
  co_return co_await operation;
}

Task<Result<std::unique_ptr<Directory>>> NodeDirectory::open_directory(Scope& scope, std::string name) {
  AFI_CO_STATUS(check_component(name));
  const std::string path = path_of(name);
  auto effect = [&](int error) -> Result<std::unique_ptr<Directory>> {
    const Entry entry = node_->find(name);
    if (error == 0 && !entry.directory) error = entry.file ? ENOTDIR : ENOENT;
    if (error != 0) return broken(error, "open a folder", path);
    return std::make_unique<NodeDirectory>(life_, entry.directory, path);
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::open, .path = path}, effect);
  co_return co_await operation;
}

Task<Result<std::vector<DirectoryEntry>>> NodeDirectory::list(Scope& scope) {
  auto effect = [&](int error) -> Result<std::vector<DirectoryEntry>> {
    if (error != 0) return broken(error, "list", path_);
    std::vector<DirectoryEntry> entries;
    entries.reserve(node_->names().size());
    for (const auto& [name, entry] : node_->names()) {
      entries.push_back({.name = name, .kind = entry.directory ? EntryKind::directory : EntryKind::file});
    }
    return entries;
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::list, .path = path_}, effect);
  co_return co_await operation;
}

Status NodeDirectory::remove_now(const std::string& name, EntryKind kind) {
  const Entry entry = node_->find(name);
  if (entry.is_none()) return broken(ENOENT, "remove", path_of(name));
  if (kind == EntryKind::directory) {
    if (!entry.directory) return broken(ENOTDIR, "remove", path_of(name));
    if (!entry.directory->names().empty()) return broken(ENOTEMPTY, "remove", path_of(name));
    entry.directory->set_removed();
  } else if (!entry.file) {
    return broken(EISDIR, "remove", path_of(name));
  }
  node_->set(files().next_change(), name, Entry{});
  return {};
}

Task<Status> NodeDirectory::remove_file(Scope& scope, std::string name) {
  AFI_CO_STATUS(check_component(name));
  const std::string path = path_of(name);
  auto effect = [&](int error) -> Status {
    if (error != 0) return broken(error, "remove", path);
    return remove_now(name, EntryKind::file);
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::remove, .path = path}, effect);
  co_return co_await operation;
}

Task<Status> NodeDirectory::remove_directory(Scope& scope, std::string name) {
  AFI_CO_STATUS(check_component(name));
  const std::string path = path_of(name);
  auto effect = [&](int error) -> Status {
    if (error != 0) return broken(error, "remove", path);
    return remove_now(name, EntryKind::directory);
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::remove, .path = path}, effect);
  co_return co_await operation;
}

Status NodeDirectory::rename_now(const std::string& from, const std::string& to) {
  const Entry source = node_->find(from);
  const Entry target = node_->find(to);
  if (source.is_none()) return broken(ENOENT, "rename", path_of(from));
  if (from == to) return {};
  if (source.file && target.directory) return broken(EISDIR, "rename", path_of(to));
  if (source.directory && target.file) return broken(ENOTDIR, "rename", path_of(to));
  if (target.directory && !target.directory->names().empty()) return broken(ENOTEMPTY, "rename", path_of(to));
  if (target.directory) target.directory->set_removed();
  node_->rename(files().next_change(), from, to);
  return {};
}

Task<Status> NodeDirectory::replace(Scope& scope, std::string from, std::string to) {
  AFI_CO_STATUS(check_component(from));
  AFI_CO_STATUS(check_component(to));
  const std::string path = path_of(to);
  auto effect = [&](int error) -> Status {
    if (error != 0) return broken(error, "rename", path);
    return rename_now(from, to);
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::rename, .path = path}, effect);
  co_return co_await operation;
}

Task<Status> NodeDirectory::rename_new(Scope& scope, std::string from, std::string to) {
  AFI_CO_STATUS(check_component(from));
  AFI_CO_STATUS(check_component(to));
  const std::string path = path_of(to);
  auto effect = [&](int error) -> Status {
    if (error != 0) return broken(error, "rename", path);
    if (!node_->find(from).is_none() && !node_->find(to).is_none()) return broken(EEXIST, "rename", path);
    return rename_now(from, to);
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::rename, .path = path}, effect);
  co_return co_await operation;
}

Task<Result<std::unique_ptr<File>>> NodeDirectory::clone_file(Scope& scope, File& source, std::string name) {
  AFI_CO_STATUS(check_component(name));
  const std::string path = path_of(name);
  auto effect = [&](int error) -> Result<std::unique_ptr<File>> {
    const auto* original = dynamic_cast<const NodeFile*>(&source);
    if (error == 0 && files().clones() == CloneSupport::no) error = EOPNOTSUPP;
    if (error == 0 && original == nullptr) error = EXDEV;
    if (error != 0) return broken(error, "clone", path);
    AFI_TRY(std::unique_ptr<File> file, open_now(name, OpenMode::create));
    node_->find(name).file->clone_from(original->node(), files().next_change(), files().stamp());
    return file;
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::clone, .path = path}, effect);
  co_return co_await operation;
}

Task<Status> NodeDirectory::sync(Scope& scope) {
  const std::uint64_t up_to = files().last_change();
  auto effect = [&](int error) -> Status {
    if (error == 0 && failed_) error = EIO;
    if (error != 0) {
      // Once failed it may stay so, until it is opened again: by the seed.
      failed_ = failed_ || life_.world().rng().one_in(2);
      return broken(error, "sync", path_);
    }
    node_->sync(up_to);
    return {};
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::sync_directory, .path = path_}, effect);
  co_return co_await operation;
}

Task<Result<ByteCount>> NodeDirectory::free_space(Scope& scope) {
  auto effect = [&](int error) -> Result<ByteCount> {
    if (error != 0) return broken(error, "ask for free space", path_);
    return files().free();
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::inspect, .path = path_}, effect);
  co_return co_await operation;
}

}  // namespace afterimage::io::sim
