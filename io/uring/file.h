// SPDX-License-Identifier: Apache-2.0
// UringFile: io::File whose reads, writes and syncs go through the ring; what is rare or what the ring cannot do stays
// on the disk pool. Contract: io/disk.h; beyond it, that of PosixFile.
#pragma once

#include <memory>

#include "io/lock.h"
#include "io/posix/file.h"
#include "io/uring/ring.h"

namespace afterimage::io::uring {

class UringFile final : public posix::PosixFile {
 public:
  UringFile(Ring& ring, posix::ThreadPool& pool, std::unique_ptr<posix::OpenFile> file)
      : PosixFile(pool, std::move(file)), ring_(ring) {}

  [[nodiscard]] Task<Result<std::size_t>> read_at(Scope& scope, ByteOffset offset, MutableBytes out) override;
  [[nodiscard]] Task<Status> write_at(Scope& scope, ByteOffset offset, ByteView data) override;
  [[nodiscard]] Task<Status> sync(Scope& scope) override;

 private:
  Ring& ring_;
  Lock syncing_;
};

class UringFileMaker final : public posix::FileMaker {
 public:
  // Both outlive it and its files.
  UringFileMaker(Ring& ring, posix::ThreadPool& pool) : ring_(ring), pool_(pool) {}
  [[nodiscard]] std::unique_ptr<File> make(std::unique_ptr<posix::OpenFile> file) override {
    return std::make_unique<UringFile>(ring_, pool_, std::move(file));
  }

 private:
  Ring& ring_;
  posix::ThreadPool& pool_;
};

}  // namespace afterimage::io::uring
