// SPDX-License-Identifier: Apache-2.0
#include "io/posix/file.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

namespace afterimage::io::posix {

PosixFile::~PosixFile() { AFI_CHECK(pending_ == 0); }

Status PosixFile::check_open() const {
  if (file_->fd.is_open()) return {};
  return fail(ErrorCode::io_failed, "use a closed file", file_->path + " is closed");
}

template <typename Call>
Task<std::invoke_result_t<Call&>> PosixFile::call(Scope& scope, const char* name, Call call) {
  AFI_CO_STATUS(check_open());
  const PendingMark mark(pending_);
  BlockingCall blocking(scope, pool_, name, std::move(call));
  blocking.file_path = file_->path;
  co_return co_await blocking;
}

Task<Result<std::size_t>> PosixFile::read_at(Scope& scope, ByteOffset offset, MutableBytes out) {
  return call(scope, "read a file", [this, offset, out] { return read_file_at(*file_, offset, out); });
}

std::size_t PosixFile::read_cached(ByteOffset offset, MutableBytes out) {
  return file_->fd.is_open() ? read_file_cache(*file_, offset, out) : 0;
}

Task<Status> PosixFile::write_at(Scope& scope, ByteOffset offset, ByteView data) {
  return call(scope, "write a file", [this, offset, data] { return write_file_at(*file_, offset, data); });
}

Task<Status> PosixFile::sync(Scope& scope) {
  return call(scope, "sync a file", [this] { return sync_file(*file_); });
}

Task<Status> PosixFile::resize(Scope& scope, ByteCount size) {
  return call(scope, "resize a file", [this, size] { return resize_file(*file_, size); });
}

Task<Status> PosixFile::write_zeros(Scope& scope, FileRange range) {
  return call(scope, "write zeros to a file", [this, range] { return zero_file_range(*file_, range); });
}

Task<Result<std::optional<FileRange>>> PosixFile::next_data(Scope& scope, ByteOffset from) {
  return call(scope, "seek data in a file", [this, from] { return next_file_data(*file_, from); });
}

Task<Result<DataMap>> PosixFile::map_data(Scope& scope, FileRange range) {
  return call(scope, "seek data in a file", [this, range] { return map_file_data(*file_, range); });
}

Task<Result<FileFacts>> PosixFile::facts(Scope& scope) {
  return call(scope, "look at a file", [this] { return file_facts(*file_); });
}

Task<Status> PosixFile::drop_cache(Scope& scope, FileRange range) {
  return call(scope, "drop the cache of a file", [this, range] { return drop_file_cache(*file_, range); });
}

Status PosixFile::try_lock(LockMode mode) {
  AFI_TRY_STATUS(check_open());
  return lock_file(*file_, mode);
}

Status PosixFile::close() {
  AFI_TRY_STATUS(check_open());
  AFI_CHECK(pending_ == 0);
  // Whatever close() says, Linux has let the descriptor go.
  if (file_->calls.close(file_->fd.release()) != 0) return fail_file(errno, "close", file_->path);
  return {};
}

Result<std::unique_ptr<OpenFile>> adopt_file(const SystemCalls& calls, UniqueFd fd, std::string path) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_file(errno, "look at", path);
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
    return fail(ErrorCode::invalid_argument, "open a file", path + " is neither a regular file nor a block device");
  }
  // It has done its duty at the opening. Kernels before 6.5 take it for IOCB_NOWAIT in io_uring, and answer EAGAIN to
  // whatever would wait on a device that cannot promise not to (dm-crypt, dm-thin).
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) return fail_file(errno, "look at", path);
  return std::make_unique<OpenFile>(calls, std::move(fd), std::move(path));
}

}  // namespace afterimage::io::posix
