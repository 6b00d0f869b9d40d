// SPDX-License-Identifier: Apache-2.0
// FolderSegments: sealed segments as files of the journal's folder, where the staging files lie too: sealing is a
// rename. Keeps a few files open (open_files_max), the least recently used is closed.
#pragma once

#include <list>
#include <memory>
#include <utility>

#include "engine/replica/segment_store.h"
#include "io/disk.h"

namespace afterimage::replica {

class FolderSegments final : public SegmentStore {
 public:
  explicit FolderSegments(std::shared_ptr<io::Directory> folder) : folder_(std::move(folder)) {}

  [[nodiscard]] io::Task<Status> put(io::Scope& scope, SegmentNumber number, std::string staging) override;
  [[nodiscard]] io::Task<Result<std::size_t>> read(io::Scope& scope, SegmentNumber number, ByteOffset offset,
                                                   MutableBytes out) override;
  [[nodiscard]] io::Task<Result<ByteCount>> size(io::Scope& scope, SegmentNumber number) override;
  [[nodiscard]] io::Task<Status> remove(io::Scope& scope, SegmentNumber number) override;
  [[nodiscard]] io::Task<Status> drop_cache(io::Scope& scope, SegmentNumber number) override;
  [[nodiscard]] io::Task<Result<std::vector<SegmentNumber>>> list(io::Scope& scope) override;

  static constexpr std::size_t open_files_max = 8;

 private:
  [[nodiscard]] io::Task<Result<std::shared_ptr<io::File>>> file_of(io::Scope& scope, SegmentNumber number);
  void forget(SegmentNumber number);

  std::shared_ptr<io::Directory> folder_;
  std::list<std::pair<SegmentNumber, std::shared_ptr<io::File>>> open_;  // most recently used first
};

}  // namespace afterimage::replica
