// SPDX-License-Identifier: Apache-2.0
#include "io/write_probe.h"

#include <memory>

namespace afterimage::io {
namespace {

constexpr std::size_t probe_bytes = 16 * 1024;

// What no file system compresses, so that it becomes data on the device and not a part of the file system's trees.
Bytes noise() {
  Bytes content(probe_bytes);
  std::uint64_t state = 0x9e3779b97f4a7c15;
  for (std::byte& byte : content) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<std::byte>(state >> 56);
  }
  return content;
}

Task<Status> write_fresh(Scope& scope, Directory& directory) {
  AFI_CO_TRY(const std::unique_ptr<File> file, directory.open_file(scope, probe_file_name, OpenMode::open_or_create));
  AFI_CO_TRY_STATUS(file->resize(scope, ByteCount(std::uint64_t{0})));
  const Bytes content = noise();
  AFI_CO_TRY_STATUS(file->write_at(scope, ByteOffset(std::uint64_t{0}), content));
  auto syncing = file->sync(scope);
  co_return co_await syncing;
}

}  // namespace

Task<Status> probe_writes(Scope& scope, Directory& directory) {
  auto writing = write_fresh(scope, directory);
  const Status written = co_await writing;
  auto removing = directory.remove_file(scope, probe_file_name);
  [[maybe_unused]] const Status removed = co_await removing;
  if (!written && written.error().code == ErrorCode::no_space) co_return Status{};
  co_return written;
}

}  // namespace afterimage::io
