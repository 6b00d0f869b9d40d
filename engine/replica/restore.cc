// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/restore.h"

#include <algorithm>

#include <fmt/format.h>
#include <sys/stat.h>

#include "io/base/limits.h"

namespace afterimage::replica {
namespace {

constexpr std::uint64_t window_bytes = 1 * limits::MiB;
constexpr std::size_t hole_bytes = 64 * 1024;  // zeros of that length are left out

enum class TargetKind : std::uint8_t { file, device };

io::Task<Result<TargetKind>> prepare(io::Scope& scope, io::File& target, ByteCount size) {
  AFI_CO_TRY(const io::FileFacts facts, target.facts(scope));
  if (S_ISREG(facts.mode)) {
    AFI_CO_TRY_STATUS(target.resize(scope, ByteCount{}));
    AFI_CO_TRY_STATUS(target.resize(scope, size));
    co_return TargetKind::file;
  }
  if (facts.size < size) {
    co_return fail(ErrorCode::no_space, "restore to a device",
                   fmt::format("the device has {} bytes, the disk {}", facts.size.value(), size.value()));
  }
  co_return TargetKind::device;
}

// Writes what is not zeros; the target reads as zeros there.
io::Task<Status> write_sparse(io::Scope& scope, io::File& target, ByteOffset offset, ByteView content,
                              std::uint64_t& written) {
  for (std::size_t at = 0; at < content.size();) {
    std::size_t end = at;
    while (end < content.size() && !format::is_zero(content.subspan(end, std::min(hole_bytes, content.size() - end)))) {
      end = std::min(end + hole_bytes, content.size());
    }
    if (end > at) {
      const ByteOffset place = offset + ByteCount(std::uint64_t{at});
      AFI_CO_TRY_STATUS(target.write_at(scope, place, content.subspan(at, end - at)));
      written += end - at;
    }
    at = std::max(end, std::min(at + hole_bytes, content.size()));
  }
  co_return Status{};
}

}  // namespace

io::Task<Result<RestoreOutcome>> restore(io::Scope& scope, std::shared_ptr<Machine> machine, Sequence point,
                                         DiskId disk, io::File& target, Progress* progress) {
  AFI_CO_TRY(const std::unique_ptr<image::JournalView> view, machine->view(scope, point, disk));
  const std::uint64_t size = view->size().value();
  AFI_CO_TRY(const TargetKind kind, prepare(scope, target, view->size()));
  std::uint64_t written = 0;
  std::uint64_t at = 0;
  Bytes window;
  while (at < size) {
    AFI_CO_STATUS(scope.check());
    AFI_CO_TRY(const std::optional<io::FileRange> data, view->next_data(scope, ByteOffset(at)));
    const std::uint64_t start = data ? std::max(at, data->offset.value()) : size;
    if (kind == TargetKind::device && start > at) {
      const io::FileRange gap{.offset = ByteOffset(at), .size = ByteCount(start - at)};
      AFI_CO_TRY_STATUS(target.write_zeros(scope, gap));
    }
    if (start >= size) break;
    window.resize(static_cast<std::size_t>(std::min(window_bytes, size - start)));
    AFI_CO_TRY_STATUS(view->read(scope, ByteOffset(start), window));
    if (kind == TargetKind::file) {
      AFI_CO_TRY_STATUS(write_sparse(scope, target, ByteOffset(start), window, written));
    } else {
      AFI_CO_TRY_STATUS(target.write_at(scope, ByteOffset(start), window));
      written += window.size();
    }
    at = start + window.size();
    if (progress != nullptr) progress->advance("restoring", at, size);
  }
  AFI_CO_TRY_STATUS(target.sync(scope));
  if (progress != nullptr) progress->advance("restoring", size, size);
  co_return RestoreOutcome{.size = ByteCount(size), .written = ByteCount(written)};
}

}  // namespace afterimage::replica
