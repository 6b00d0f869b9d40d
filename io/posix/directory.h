// SPDX-License-Identifier: Apache-2.0
// PosixDirectory and PosixDisk: io::Directory and io::Disk whose calls run on the disk pool; the files they open are
// the platform's. Contract: io/disk.h. Inside a folder nothing leads out of it: names are single components and openat2
// resolves no links (an older kernel or a container without it gets O_NOFOLLOW). A failed sync of a folder is final for
// its handle, as it is for a file.
#pragma once

#include <memory>
#include <string>

#include "io/disk.h"
#include "io/posix/file.h"
#include "io/posix/thread_pool.h"

namespace afterimage::io::posix {

class PosixDirectory final : public Directory {
 public:
  PosixDirectory(ThreadPool& pool, FileMaker& files, std::unique_ptr<OpenFile> folder)
      : pool_(pool), files_(files), folder_(std::move(folder)) {}
  ~PosixDirectory() override;

  [[nodiscard]] Task<Result<std::unique_ptr<File>>> open_file(Scope& scope, std::string name, OpenMode mode) override;
  [[nodiscard]] Task<Result<std::unique_ptr<Directory>>> make_directory(Scope& scope, std::string name) override;
  [[nodiscard]] Task<Result<std::unique_ptr<Directory>>> open_directory(Scope& scope, std::string name) override;
  [[nodiscard]] Task<Result<std::vector<DirectoryEntry>>> list(Scope& scope) override;
  [[nodiscard]] Task<Status> remove_file(Scope& scope, std::string name) override;
  [[nodiscard]] Task<Status> remove_directory(Scope& scope, std::string name) override;
  [[nodiscard]] Task<Status> replace(Scope& scope, std::string from, std::string to) override;
  [[nodiscard]] Task<Status> rename_new(Scope& scope, std::string from, std::string to) override;
  [[nodiscard]] Task<Result<std::unique_ptr<File>>> clone_file(Scope& scope, File& source, std::string name) override;
  [[nodiscard]] Task<Status> sync(Scope& scope) override;
  [[nodiscard]] Task<Result<ByteCount>> free_space(Scope& scope) override;
  [[nodiscard]] std::string path() const override { return folder_->path; }

 private:
  ThreadPool& pool_;
  FileMaker& files_;
  std::unique_ptr<OpenFile> folder_;
  unsigned pending_ = 0;
};

class PosixDisk final : public Disk {
 public:
  // All outlive it, and all that it opens.
  PosixDisk(ThreadPool& pool, FileMaker& files, const SystemCalls& calls) : pool_(pool), files_(files), calls_(calls) {}
  ~PosixDisk() override;

  [[nodiscard]] Task<Result<std::unique_ptr<File>>> open_file(Scope& scope, std::string path, OpenMode mode) override;
  [[nodiscard]] Task<Result<std::unique_ptr<Directory>>> open_directory(Scope& scope, std::string path) override;
  [[nodiscard]] Task<Result<std::unique_ptr<Directory>>> make_directory(Scope& scope, std::string path) override;

 private:
  ThreadPool& pool_;
  FileMaker& files_;
  const SystemCalls& calls_;
  unsigned pending_ = 0;
};

}  // namespace afterimage::io::posix
