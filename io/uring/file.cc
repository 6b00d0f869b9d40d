// SPDX-License-Identifier: Apache-2.0
#include "io/uring/file.h"

#include <algorithm>
#include <cerrno>

#include "io/base/limits.h"
#include "io/uring/ring_call.h"

namespace afterimage::io::uring {
namespace {

constexpr std::size_t step_max = 1024 * limits::MiB;  // the kernel's own is a little below 2 GiB

// Moves bytes until all are moved or the file ends; the count, or a negative errno. Steps follow one another without
// the task: once it is started only the kernel ends it.
class Transfer : public RingCall {
 public:
  Transfer(Scope& scope, Ring& ring, const char* operation_name, std::size_t size)
      : RingCall(scope, ring, operation_name, Interruption::leaves_it), size_(size) {}
  [[nodiscard]] std::size_t moved() const { return moved_; }

 protected:
  [[nodiscard]] unsigned step() const { return static_cast<unsigned>(std::min(size_ - moved_, step_max)); }

 private:
  void completed(int result) noexcept final {
    if (result > 0) moved_ += static_cast<std::size_t>(result);
    const bool goes_on = result == -EINTR || (result > 0 && moved_ < size_);
    if (goes_on) {
      start();
    } else {
      complete(std::min(result, 0));
    }
  }

  std::size_t size_;
  std::size_t moved_ = 0;
};

class Reading final : public Transfer {
 public:
  Reading(Scope& scope, Ring& ring, int fd, std::uint64_t at, MutableBytes out)
      : Transfer(scope, ring, "read a file", out.size()), fd_(fd), at_(at), out_(out) {}
  ~Reading() override { take_back(); }

 private:
  void fill(io_uring_sqe& entry) override {
    io_uring_prep_read(&entry, fd_, out_.data() + moved(), step(), at_ + moved());
  }
  int fd_;
  std::uint64_t at_;
  MutableBytes out_;
};

class Writing final : public Transfer {
 public:
  Writing(Scope& scope, Ring& ring, int fd, std::uint64_t at, ByteView data)
      : Transfer(scope, ring, "write a file", data.size()), fd_(fd), at_(at), data_(data) {}
  ~Writing() override { take_back(); }

 private:
  void fill(io_uring_sqe& entry) override {
    io_uring_prep_write(&entry, fd_, data_.data() + moved(), step(), at_ + moved());
  }
  int fd_;
  std::uint64_t at_;
  ByteView data_;
};

class Syncing final : public RingCall {
 public:
  Syncing(Scope& scope, Ring& ring, int fd) : RingCall(scope, ring, "sync a file", Interruption::leaves_it), fd_(fd) {}

 private:
  void fill(io_uring_sqe& entry) override { io_uring_prep_fsync(&entry, fd_, IORING_FSYNC_DATASYNC); }
  int fd_;
};

}  // namespace

Task<Result<std::size_t>> UringFile::read_at(Scope& scope, ByteOffset offset, MutableBytes out) {
  AFI_CO_STATUS(check_open());
  AFI_CO_STATUS(scope.check());
  const posix::PendingMark mark(pending());
  posix::OpenFile& file = open_file();
  AFI_CO_RESULT(const off_t at, posix::offset_in_reach(file, offset, out.size()));
  if (out.empty()) co_return std::size_t{0};
  Reading reading(scope, ring_, file.fd.get(), static_cast<std::uint64_t>(at), out);
  reading.file_path = file.path;
  const int result = co_await reading;
  if (result < 0) co_return posix::fail_file(-result, "read", file.path);
  co_return reading.moved();
}

Task<Status> UringFile::write_at(Scope& scope, ByteOffset offset, ByteView data) {
  AFI_CO_STATUS(check_open());
  AFI_CO_STATUS(scope.check());
  const posix::PendingMark mark(pending());
  posix::OpenFile& file = open_file();
  AFI_CO_STATUS(posix::refuse_after_failed_sync(file));
  AFI_CO_RESULT(const off_t at, posix::offset_in_reach(file, offset, data.size()));
  if (data.empty()) co_return Status{};
  Writing writing(scope, ring_, file.fd.get(), static_cast<std::uint64_t>(at), data);
  writing.file_path = file.path;
  const int result = co_await writing;
  if (result < 0) co_return posix::fail_file(-result, "write", file.path);
  if (writing.moved() < data.size()) co_return posix::fail_file(EIO, "write", file.path);  // it got nowhere
  co_return Status{};
}

Task<Status> UringFile::sync(Scope& scope) {
  AFI_CO_STATUS(check_open());
  const posix::PendingMark mark(pending());
  // One at a time: the kernel tells a failed write to one of two syncs only.
  AFI_CO_TRY(const Lock::Guard turn, syncing_.acquire(scope));
  AFI_CO_STATUS(scope.check());
  posix::OpenFile& file = open_file();
  AFI_CO_STATUS(posix::refuse_after_failed_sync(file));
  Syncing syncing(scope, ring_, file.fd.get());
  syncing.file_path = file.path;
  const int result = co_await syncing;
  if (result == 0) co_return Status{};
  file.sync_failed.store(true);
  co_return posix::fail_file(-result, "sync", file.path);
}

}  // namespace afterimage::io::uring
