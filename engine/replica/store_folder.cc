// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/store_folder.h"

#include <utility>

#include <fmt/format.h>

#include "engine/replica/store_files.h"
#include "io/durable_file.h"

namespace afterimage::replica {

io::Task<Result<std::unique_ptr<io::Directory>>> open_known_store(io::Scope& scope, io::Disk& disk, std::string name,
                                                                  std::string path, StoreId id) {
  auto opening = disk.open_directory(scope, path);
  Result<std::unique_ptr<io::Directory>> folder = co_await opening;
  if (!folder && folder.error().code == ErrorCode::not_found) {
    co_return fail(ErrorCode::refused, "open a store",
                   fmt::format("store {} is missing at {}; is its volume mounted?", name, path));
  }
  if (!folder) co_return std::unexpected(folder.error());
  auto reading = io::read_file(scope, **folder, marker_file_name, StoreMarker::bytes_max);
  const Result<Bytes> bytes = co_await reading;
  if (!bytes && bytes.error().code == ErrorCode::not_found) {
    co_return fail(
        ErrorCode::refused, "open a store",
        fmt::format("{} is not store {} any more: its marker is missing; is its volume mounted?", path, name));
  }
  if (!bytes) co_return std::unexpected(bytes.error());
  AFI_CO_RESULT(const StoreMarker marker, StoreMarker::parse(*bytes));
  if (marker.id == id) co_return std::move(*folder);
  co_return fail(ErrorCode::refused, "open a store",
                 fmt::format("{} holds another store ({}) than {} was ({}); is the right volume mounted?", path,
                             marker.id.text(), name, id.text()));
}

}  // namespace afterimage::replica
