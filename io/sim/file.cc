// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "io/sim/disk.h"
#include "io/sim/disk_operation.h"

namespace afterimage::io::sim {
namespace {

constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 62U;

}  // namespace

NodeFile::NodeFile(Incarnation& life, std::shared_ptr<FileNode> node, std::string path, OpenMode mode)
    : life_(life),
      node_(std::move(node)),
      path_(std::move(path)),
      mode_(mode),
      seen_failed_syncs_(node_->failed_syncs()) {}

NodeFile::~NodeFile() { unlock(); }

std::unexpected<Error> NodeFile::broken(int error, const char* what) const {
  return std::unexpected(system_error(error, what, path_ + ": " + what + " failed"));
}

Status NodeFile::check_open() const {
  if (closed_) return broken(EBADF, "use a closed file");
  return {};
}

Status NodeFile::check_writable() const {
  AFI_TRY_STATUS(check_open());
  if (mode_ == OpenMode::read) return broken(EBADF, "write to a file opened for reading");
  if (failed_) return broken(EIO, "write after a failed sync");
  return {};
}

Task<Result<std::size_t>> NodeFile::read_at(Scope& scope, ByteOffset offset, MutableBytes out) {
  auto effect = [&](int error) -> Result<std::size_t> {
    AFI_TRY_STATUS(check_open());
    if (error != 0) return broken(error, "read");
    if (!node_->is_readable(offset.value(), out.size())) return broken(EIO, "read");
    return node_->read(offset.value(), out);
  };
  DiskOperation operation(life_, scope,
                          {.kind = OperationKind::read, .path = path_, .offset = offset.value(), .bytes = out.size()},
                          effect);
  co_return co_await operation;
}

// The seed says what is in memory.
std::size_t NodeFile::read_cached(ByteOffset offset, MutableBytes out) {
  if (closed_ || life_.is_dead()) return 0;
  Rng& rng = life_.world().rng();
  if (rng.one_in(3)) return 0;
  if (rng.one_in(3)) out = out.first(static_cast<std::size_t>(rng.below(out.size() + 1)));
  if (!node_->is_readable(offset.value(), out.size())) return 0;
  return node_->read(offset.value(), out);
}

Status NodeFile::write_now(std::uint64_t offset, ByteView data, int error) {
  AFI_TRY_STATUS(check_writable());
  if (offset > file_bytes_max || data.size() > file_bytes_max - offset) return broken(EFBIG, "write");
  FileSystem& files = life_.node().files;
  if (error == lost_write || error == misdirected_write) {
    write_wrongly(offset, data, error);
    return {};
  }
  std::size_t count = data.size();
  if (error != 0) {
    // Any part may have been written before the error.
    count = static_cast<std::size_t>(life_.world().rng().below(data.size() + 1));
  } else if (!files.has_room_for(node_->pages_needed(offset, data.size()))) {
    error = ENOSPC;
    while (count > 0 && !files.has_room_for(node_->pages_needed(offset, count))) {
      count -= std::min<std::size_t>(count, page_size);
    }
  }
  node_->write(files.next_change(), files.stamp(), offset, data.first(count));
  if (error != 0) return broken(error, "write");
  return {};
}

void NodeFile::write_wrongly(std::uint64_t offset, ByteView data, int how) {
  FaultPlan& faults = life_.node().faults;
  std::optional<std::uint64_t> astray;
  const std::uint64_t sectors = (node_->durable_size() + sector_size - 1) / sector_size;
  if (how == misdirected_write && sectors > 0) astray = life_.world().rng().below(sectors) * sector_size;
  const auto note = [&](std::uint64_t at) {
    faults.note_misdeed(path_, {.offset = ByteOffset(at), .size = ByteCount(std::uint64_t{data.size()})});
  };
  note(offset);
  if (astray) note(*astray);
  FileSystem& files = life_.node().files;
  node_->write_lost(files.next_change(), files.stamp(), offset, data, astray);
}

Task<Status> NodeFile::write_at(Scope& scope, ByteOffset offset, ByteView data) {
  auto effect = [&](int error) { return write_now(offset.value(), data, error); };
  DiskOperation operation(life_, scope,
                          {.kind = OperationKind::write,
                           .path = path_,
                           .offset = offset.value(),
                           .bytes = data.size(),
                           .check = trace_hash_of(data)},
                          effect);
  co_return co_await operation;
}

Status NodeFile::sync_now(std::uint64_t up_to, int error) {
  AFI_TRY_STATUS(check_open());
  if (failed_) return broken(EIO, "sync after a failed sync");
  if (error != 0) node_->fail_sync(up_to, life_.world().rng());
  if (node_->failed_syncs() != seen_failed_syncs_) {
    // Each open file hears once of a failure that struck any of them.
    seen_failed_syncs_ = node_->failed_syncs();
    failed_ = true;
    return broken(error != 0 ? error : EIO, "sync");
  }
  node_->sync(up_to);
  return {};
}

Task<Status> NodeFile::sync(Scope& scope) {
  const std::uint64_t up_to = life_.node().files.last_change();
  auto effect = [&](int error) { return sync_now(up_to, error); };
  DiskOperation operation(life_, scope, {.kind = OperationKind::sync, .path = path_}, effect);
  co_return co_await operation;
}

Task<Status> NodeFile::resize(Scope& scope, ByteCount size) {
  auto effect = [&](int error) -> Status {
    AFI_TRY_STATUS(check_writable());
    if (error != 0) return broken(error, "resize");
    if (size.value() > file_bytes_max) return broken(EFBIG, "resize");
    FileSystem& files = life_.node().files;
    if (size.value() != node_->size()) node_->resize(files.next_change(), files.stamp(), size.value());
    return {};
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::resize, .path = path_, .bytes = size.value()}, effect);
  co_return co_await operation;
}

Task<Status> NodeFile::write_zeros(Scope& scope, FileRange range) {
  auto effect = [&](int error) -> Status {
    AFI_TRY_STATUS(check_writable());
    std::uint64_t count = range.size.value();
    if (error != 0) count = life_.world().rng().below(count + 1);
    FileSystem& files = life_.node().files;
    if (count != 0) node_->zero(files.next_change(), files.stamp(), range.offset.value(), count);
    if (error != 0) return broken(error, "write zeros");
    return {};
  };
  DiskOperation operation(
      life_, scope,
      {.kind = OperationKind::write_zeros, .path = path_, .offset = range.offset.value(), .bytes = range.size.value()},
      effect);
  co_return co_await operation;
}

Task<Result<std::optional<FileRange>>> NodeFile::next_data(Scope& scope, ByteOffset from) {
  auto effect = [&](int error) -> Result<std::optional<FileRange>> {
    AFI_TRY_STATUS(check_open());
    if (error != 0) return broken(error, "find data");
    const auto run = node_->next_data(from.value());
    if (!run) return std::optional<FileRange>();
    return FileRange{.offset = ByteOffset(run->first), .size = ByteCount(run->second - run->first)};
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::inspect, .path = path_, .offset = from.value()},
                          effect);
  co_return co_await operation;
}

Task<Result<DataMap>> NodeFile::map_data(Scope& scope, FileRange range) {
  auto effect = [&](int error) -> Result<DataMap> {
    AFI_TRY_STATUS(check_open());
    if (error != 0) return broken(error, "find data");
    DataMap map{.data = {}, .end = range.end()};
    auto run = node_->next_data(range.offset.value());
    while (run && map.add({.offset = ByteOffset(run->first), .size = ByteCount(run->second - run->first)})) {
      run = node_->next_data(run->second);
    }
    return map;
  };
  DiskOperation operation(
      life_, scope,
      {.kind = OperationKind::inspect, .path = path_, .offset = range.offset.value(), .bytes = range.size.value()},
      effect);
  co_return co_await operation;
}

Task<Result<FileFacts>> NodeFile::facts(Scope& scope) {
  auto effect = [&](int error) -> Result<FileFacts> {
    AFI_TRY_STATUS(check_open());
    if (error != 0) return broken(error, "stat");
    return FileFacts{.size = ByteCount(node_->size()),
                     .allocated = ByteCount(node_->pages() * page_size),
                     .modified = node_->modified(),
                     .status_changed = node_->status_changed(),
                     .device = life_.node().files.device(),
                     .inode = node_->inode(),
                     .mode = 0100600};
  };
  DiskOperation operation(life_, scope, {.kind = OperationKind::inspect, .path = path_}, effect);
  co_return co_await operation;
}

Task<Status> NodeFile::drop_cache(Scope& scope, FileRange range) {
  auto effect = [&](int error) -> Status {
    AFI_TRY_STATUS(check_open());
    if (error != 0) return broken(error, "drop cached pages");
    node_->evict();  // of the whole file: a kernel may drop more than it was asked to
    return {};
  };
  DiskOperation operation(
      life_, scope,
      {.kind = OperationKind::inspect, .path = path_, .offset = range.offset.value(), .bytes = range.size.value()},
      effect);
  co_return co_await operation;
}

void NodeFile::unlock() {
  LockState& state = node_->lock;
  if (lock_ && !life_.is_dead() && state.incarnation == life_.number()) {
    if (*lock_ == LockMode::exclusive) {
      state.exclusive = false;
    } else {
      --state.shared;
    }
  }
  lock_.reset();
}

Status NodeFile::try_lock(LockMode mode) {
  AFI_TRY_STATUS(check_open());
  if (life_.is_dead()) return broken(EIO, "lock a file of a host that is down");
  LockState& state = node_->lock;
  if (state.incarnation != life_.number()) state = LockState{.incarnation = life_.number()};
  const bool mine_exclusive = lock_ == LockMode::exclusive;
  const bool others_exclusive = state.exclusive && !mine_exclusive;
  const std::uint32_t others_shared = state.shared - (lock_ == LockMode::shared ? 1U : 0U);
  if (others_exclusive || (mode == LockMode::exclusive && others_shared != 0)) {
    return std::unexpected(system_error(EAGAIN, "lock", path_ + " is locked by another process"));
  }
  unlock();
  lock_ = mode;
  if (mode == LockMode::exclusive) {
    state.exclusive = true;
  } else {
    ++state.shared;
  }
  return {};
}

Status NodeFile::close() {
  AFI_TRY_STATUS(check_open());
  unlock();
  closed_ = true;
  return {};
}

}  // namespace afterimage::io::sim
