// SPDX-License-Identifier: Apache-2.0
// PosixFile: io::File whose calls run on the disk pool. Contract: io/disk.h.
// Beyond it: after a failed sync resize and write_zeros are refused too. A File is neither closed nor destroyed while
// an operation on it is pending (checked).
#pragma once

#include <memory>

#include "io/disk.h"
#include "io/posix/file_calls.h"
#include "io/posix/thread_pool.h"

namespace afterimage::io::posix {

// Counts an operation that is pending on a file or folder while it lives. Thread: the reactor's.
class PendingMark {
 public:
  explicit PendingMark(unsigned& count) : count_(count) { ++count_; }
  PendingMark(const PendingMark&) = delete;
  PendingMark& operator=(const PendingMark&) = delete;
  ~PendingMark() { --count_; }

 private:
  unsigned& count_;
};

class PosixFile : public File {
 public:
  PosixFile(ThreadPool& pool, std::unique_ptr<OpenFile> file) : pool_(pool), file_(std::move(file)) {}
  ~PosixFile() override;

  [[nodiscard]] Task<Result<std::size_t>> read_at(Scope& scope, ByteOffset offset, MutableBytes out) override;
  [[nodiscard]] std::size_t read_cached(ByteOffset offset, MutableBytes out) override;
  [[nodiscard]] Task<Status> write_at(Scope& scope, ByteOffset offset, ByteView data) override;
  [[nodiscard]] Task<Status> sync(Scope& scope) override;
  [[nodiscard]] Task<Status> resize(Scope& scope, ByteCount size) override;
  [[nodiscard]] Task<Status> write_zeros(Scope& scope, FileRange range) override;
  [[nodiscard]] Task<Result<std::optional<FileRange>>> next_data(Scope& scope, ByteOffset from) override;
  [[nodiscard]] Task<Result<DataMap>> map_data(Scope& scope, FileRange range) override;
  [[nodiscard]] Task<Result<FileFacts>> facts(Scope& scope) override;
  [[nodiscard]] Task<Status> drop_cache(Scope& scope, FileRange range) override;
  [[nodiscard]] Status try_lock(LockMode mode) override;
  [[nodiscard]] Status close() override;

 protected:
  // For platforms that do a part of it otherwise. An operation has checked that the file is open, and marks itself.
  [[nodiscard]] Status check_open() const;
  [[nodiscard]] OpenFile& open_file() { return *file_; }
  [[nodiscard]] unsigned& pending() { return pending_; }

 private:
  friend class PosixDirectory;  // clones from it
  template <typename Call>
  [[nodiscard]] Task<std::invoke_result_t<Call&>> call(Scope& scope, const char* name, Call call);

  ThreadPool& pool_;
  std::unique_ptr<OpenFile> file_;
  unsigned pending_ = 0;
};

// How a platform makes its File of an open one. Thread: the reactor's.
class FileMaker {
 public:
  virtual ~FileMaker() = default;
  [[nodiscard]] virtual std::unique_ptr<File> make(std::unique_ptr<OpenFile> file) = 0;
};

class PosixFileMaker final : public FileMaker {
 public:
  explicit PosixFileMaker(ThreadPool& pool) : pool_(pool) {}
  [[nodiscard]] std::unique_ptr<File> make(std::unique_ptr<OpenFile> file) override {
    return std::make_unique<PosixFile>(pool_, std::move(file));
  }

 private:
  ThreadPool& pool_;
};

// Makes a File of a fresh descriptor if it is a regular file or a block device, else refuses it.
[[nodiscard]] Result<std::unique_ptr<OpenFile>> adopt_file(const SystemCalls& calls, UniqueFd fd, std::string path);

}  // namespace afterimage::io::posix
