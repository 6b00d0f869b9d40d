// SPDX-License-Identifier: Apache-2.0
#include "io/sim/disk.h"

#include <cerrno>
#include <utility>

#include "io/sim/disk_operation.h"

namespace afterimage::io::sim {

Task<Result<std::unique_ptr<File>>> NodeDisk::open_file(Scope& scope, std::string path, OpenMode mode) {
  AFI_CO_RESULT(const SplitPath split, split_path(path));
  AFI_CO_RESULT(const Entry folder, life_.node().files.find(split.directory));
  if (!folder.directory) {
    co_return std::unexpected(system_error(ENOTDIR, "open", split.directory + " is no folder"));
  }
  NodeDirectory directory(life_, folder.directory, split.directory);
  auto opening = directory.open_file(scope, split.name, mode);
  co_return co_await opening;
}

Task<Result<std::unique_ptr<Directory>>> NodeDisk::open_directory(Scope& scope, std::string path) {
  auto effect = [&](int error) -> Result<std::unique_ptr<Directory>> {
    if (error != 0) return std::unexpected(system_error(error, "open a folder", path + ": open failed"));
    AFI_TRY(const Entry entry, life_.node().files.find(path));
    if (!entry.directory) return std::unexpected(system_error(ENOTDIR, "open a folder", path + " is no folder"));
    return std::make_unique<NodeDirectory>(life_, entry.directory, path);
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::open, .path = path}, effect);
  co_return co_await operation;
}

Task<Result<std::unique_ptr<Directory>>> NodeDisk::make_directory(Scope& scope, std::string path) {
  AFI_CO_RESULT(const std::vector<std::string> parts, FileSystem::components(path));
  std::unique_ptr<Directory> folder =
      std::make_unique<NodeDirectory>(life_, life_.node().files.root(), std::string("/"));
  for (const std::string& part : parts) {
    AFI_CO_TRY(std::unique_ptr<Directory> next, folder->make_directory(scope, part));
    AFI_CO_TRY_STATUS(folder->sync(scope));
    folder = std::move(next);
  }
  co_return folder;
}

}  // namespace afterimage::io::sim
