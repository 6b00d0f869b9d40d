// SPDX-License-Identifier: Apache-2.0
#include "io/posix/file_calls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "io/base/limits.h"

namespace afterimage::io::posix {
namespace {

constexpr std::uint64_t offset_max = std::numeric_limits<off_t>::max();
constexpr std::size_t zeros_size = 256 * limits::KiB;  // written at a time where holes cannot be punched

Status write_zero_bytes(OpenFile& file, ByteOffset from, std::uint64_t size) {
  static constexpr std::array<std::byte, zeros_size> zeros{};
  while (size > 0) {
    const std::uint64_t count = std::min<std::uint64_t>(size, zeros.size());
    AFI_TRY_STATUS(write_file_at(file, from, ByteView(zeros).first(static_cast<std::size_t>(count))));
    from += ByteCount(count);
    size -= count;
  }
  return {};
}

// Sync that fails once is never asked again: the kernel may have dropped the pages and would say yes.
// One at a time: of two that wait for the same write that fails the kernel tells one only.
Status sync_by(OpenFile& file, int (*call)(int), bool tolerates_einval) {
  const std::lock_guard turn(file.syncing);
  AFI_TRY_STATUS(refuse_after_failed_sync(file));
  if (call(file.fd.get()) == 0) return {};
  const int system = errno;
  if (tolerates_einval && system == EINVAL) return {};
  file.sync_failed.store(true);
  return fail_file(system, "sync", file.path);
}

Result<ByteCount> size_of_device(const OpenFile& file) {
  std::uint64_t size = 0;
  if (::ioctl(file.fd.get(), BLKGETSIZE64, &size) != 0) return fail_file(errno, "read the size of", file.path);
  return ByteCount(size);
}

WallTime wall_time(const timespec& time) { return WallTime{std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec}; }

}  // namespace

std::unexpected<Error> fail_file(int system, const char* action, std::string_view path) {
  std::array<char, 128> buffer{};
  const char* reason = ::strerror_r(system, buffer.data(), buffer.size());
  std::string detail = "cannot ";
  detail.append(action).append(" ").append(path).append(": ").append(reason);
  if (system == ELOOP) detail += "; symbolic links are not followed here";
  return fail(system_error(system, action, std::move(detail)));
}

Result<off_t> offset_in_reach(const OpenFile& file, ByteOffset offset, std::uint64_t size) {
  if (offset.value() > offset_max || size > offset_max - offset.value()) {
    return fail(ErrorCode::invalid_argument, "address a file", "no file can reach this offset: " + file.path);
  }
  return static_cast<off_t>(offset.value());
}

Status refuse_after_failed_sync(const OpenFile& file) {
  if (!file.sync_failed.load()) return {};
  return fail(ErrorCode::io_failed, "use a file whose sync has failed",
              "an earlier sync of " + file.path + " failed: it must be opened again and verified");
}

Result<std::size_t> read_file_at(OpenFile& file, ByteOffset offset, MutableBytes out) {
  AFI_TRY(off_t at, offset_in_reach(file, offset, out.size()));
  std::size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t count = file.calls.pread(file.fd.get(), out.data() + filled, out.size() - filled, at);
    if (count == 0) break;
    if (count < 0) {
      if (errno == EINTR) continue;
      return fail_file(errno, "read", file.path);
    }
    filled += static_cast<std::size_t>(count);
    at += count;
  }
  return filled;
}

std::size_t read_file_cache(const OpenFile& file, ByteOffset offset, MutableBytes out) {
  const Result<off_t> at = offset_in_reach(file, offset, out.size());
  if (!at) return 0;
  std::size_t filled = 0;
  while (filled < out.size()) {
    const iovec part{.iov_base = out.data() + filled, .iov_len = out.size() - filled};
    const ssize_t count = ::preadv2(file.fd.get(), &part, 1, *at + static_cast<off_t>(filled), RWF_NOWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // not in memory, the end of the file, or a file system that cannot tell
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

Status write_file_at(OpenFile& file, ByteOffset offset, ByteView data) {
  AFI_TRY_STATUS(refuse_after_failed_sync(file));
  AFI_TRY(off_t at, offset_in_reach(file, offset, data.size()));
  while (!data.empty()) {
    const ssize_t count = file.calls.pwrite(file.fd.get(), data.data(), data.size(), at);
    if (count < 0) {
      if (errno == EINTR) continue;
      return fail_file(errno, "write", file.path);
    }
    if (count == 0) return fail_file(EIO, "write", file.path);  // no progress: never loop on it
    data = data.subspan(static_cast<std::size_t>(count));
    at += count;
  }
  return {};
}

Status sync_file(OpenFile& file) { return sync_by(file, file.calls.fdatasync, false); }

Status sync_folder(OpenFile& folder) {
  // Some file systems cannot sync a folder and say EINVAL: their names are as durable as they can be.
  return sync_by(folder, folder.calls.fsync, true);
}

Status resize_file(OpenFile& file, ByteCount size) {
  AFI_TRY_STATUS(refuse_after_failed_sync(file));
  AFI_TRY(const off_t end, offset_in_reach(file, ByteOffset(size.value()), 0));
  while (file.calls.ftruncate(file.fd.get(), end) != 0) {
    if (errno != EINTR) return fail_file(errno, "resize", file.path);
  }
  return {};
}

Status zero_file_range(OpenFile& file, FileRange range) {
  AFI_TRY_STATUS(refuse_after_failed_sync(file));
  AFI_TRY(const off_t at, offset_in_reach(file, range.offset, range.size.value()));
  AFI_TRY(const FileFacts facts, file_facts(file));
  if (range.end().value() > facts.size.value()) {
    return fail(ErrorCode::invalid_argument, "write zeros", "zeros past the end of " + file.path);
  }
  if (range.size.value() == 0) return {};
  while (file.calls.fallocate(file.fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
                              static_cast<off_t>(range.size.value())) != 0) {
    if (errno == EINTR) continue;
    // No holes here (or, on a block device, not at this alignment): zeros like any other content.
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL || errno == ENODEV) {
      return write_zero_bytes(file, range.offset, range.size.value());
    }
    return fail_file(errno, "write zeros to", file.path);
  }
  return {};
}

Result<std::optional<FileRange>> next_file_data(OpenFile& file, ByteOffset from) {
  AFI_TRY(const off_t at, offset_in_reach(file, from, 0));
  // No holes are known here, or not now: Btrfs, once it could not write its trees, does not find them any more, while
  // what is cached still reads. Then everything is data, and a read says whether it can be had.
  const auto is_mute = [](int system) { return system == EINVAL || system == EIO; };
  const off_t data = file.calls.lseek(file.fd.get(), at, SEEK_DATA);
  if (data < 0 && errno == ENXIO) return std::nullopt;
  if (data < 0 && !is_mute(errno)) return fail_file(errno, "seek in", file.path);
  const off_t hole = data < 0 ? -1 : file.calls.lseek(file.fd.get(), data, SEEK_HOLE);
  if (data >= 0 && hole < 0) {
    if (errno == ENXIO) return std::nullopt;  // it was cut shorter in between
    if (!is_mute(errno)) return fail_file(errno, "seek in", file.path);
  }
  if (hole >= 0) {
    return FileRange{.offset = ByteOffset(static_cast<std::uint64_t>(data)),
                     .size = ByteCount(static_cast<std::uint64_t>(hole - data))};
  }
  AFI_TRY(const FileFacts facts, file_facts(file));
  const ByteOffset end(facts.size.value());
  if (from >= end) return std::nullopt;
  return FileRange{.offset = from, .size = end - from};
}

Result<DataMap> map_file_data(OpenFile& file, FileRange range) {
  DataMap map{.data = {}, .end = range.end()};
  ByteOffset at = range.offset;
  while (true) {
    AFI_TRY(const std::optional<FileRange> found, next_file_data(file, at));
    if (!found || !map.add(*found)) return map;
    at = found->end();
  }
}

Result<FileFacts> file_facts(const OpenFile& file) {
  struct stat status{};
  if (::fstat(file.fd.get(), &status) != 0) return fail_file(errno, "look at", file.path);
  FileFacts facts{.size = ByteCount(static_cast<std::uint64_t>(status.st_size)),
                  .allocated = ByteCount(static_cast<std::uint64_t>(status.st_blocks) * 512),
                  .modified = wall_time(status.st_mtim),
                  .status_changed = wall_time(status.st_ctim),
                  .device = status.st_dev,
                  .inode = status.st_ino,
                  .mode = status.st_mode};
  if (S_ISBLK(status.st_mode)) {
    AFI_TRY(facts.size, size_of_device(file));
    facts.allocated = facts.size;
  }
  return facts;
}

Status drop_file_cache(OpenFile& file, FileRange range) {
  AFI_TRY(const off_t at, offset_in_reach(file, range.offset, range.size.value()));
  if (range.size.value() == 0) return {};  // the kernel would take 0 as "to the end"
  const int system = ::posix_fadvise(file.fd.get(), at, static_cast<off_t>(range.size.value()), POSIX_FADV_DONTNEED);
  if (system != 0 && system != EINVAL && system != ESPIPE && system != ENOSYS && system != EOPNOTSUPP) {
    return fail_file(system, "drop the cache of", file.path);
  }
  return {};
}

Status lock_file(OpenFile& file, LockMode mode) {
  struct flock lock{};
  lock.l_type = mode == LockMode::exclusive ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;  // start 0, length 0: the whole file, however it grows
  while (::fcntl(file.fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) {
      return fail(Error{.code = ErrorCode::busy,
                        .system = errno,
                        .what = "lock a file",
                        .detail = "another program holds " + file.path});
    }
    return fail_file(errno, "lock", file.path);
  }
  return {};
}

}  // namespace afterimage::io::posix
