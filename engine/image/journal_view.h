// SPDX-License-Identifier: Apache-2.0
// JournalView: a disk at a recovery point, read from its base and the journal's frames without copying. Every byte that
// it gives was checked against the hash made beside the guest's disk; what does not verify is an error that names the
// extent. Memory: the index runs of its plan, decoded frames up to cache_bytes, a window.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/format/view_plan.h"
#include "engine/image/hash_file.h"
#include "engine/image/readable_image.h"
#include "io/base/limits.h"
#include "io/platform.h"

namespace afterimage::image {

// Where encoded frames are read from. Thread: the reactor's; reads may overlap.
class FrameStore {
 public:
  virtual ~FrameStore() = default;
  // Fills `out` from `offset` of the segment. Errors: damaged (it ends before), not_found, io_failed.
  [[nodiscard]] virtual io::Task<Status> read_frame(io::Scope& scope, SegmentNumber segment, ByteOffset offset,
                                                    MutableBytes out) = 0;
};

struct JournalViewParts {
  DiskId disk;
  std::string disk_name;  // for messages
  format::ViewPlan plan;
  std::shared_ptr<ReadableImage> base;
  std::shared_ptr<HashFile> sums;
  std::shared_ptr<FrameStore> frames;
  format::BlockHasher hasher;
  std::size_t cache_bytes = 16 * limits::MiB;  // decoded frames
};

class JournalView final : public ReadableImage {
 public:
  JournalView(io::Workers& workers, JournalViewParts parts) : workers_(workers), parts_(std::move(parts)) {}

  [[nodiscard]] ByteCount size() const override { return parts_.plan.size(); }
  [[nodiscard]] io::Task<Status> read(io::Scope& scope, ByteOffset offset, MutableBytes out) override;
  [[nodiscard]] io::Task<Result<std::optional<io::FileRange>>> next_data(io::Scope& scope, ByteOffset from) override;

 private:
  struct Decoded {
    SegmentNumber segment;
    ByteOffset offset;
    Bytes raw;
  };
  [[nodiscard]] io::Task<Status> read_window(io::Scope& scope, Extent window, MutableBytes out);
  [[nodiscard]] io::Task<Status> read_piece(io::Scope& scope, format::ViewPiece piece, MutableBytes out);
  [[nodiscard]] io::Task<Result<std::optional<io::FileRange>>> next_of_base(io::Scope& scope, ByteOffset from);
  [[nodiscard]] io::Task<Status> read_base(io::Scope& scope, format::ViewPiece piece, MutableBytes out);
  [[nodiscard]] io::Task<Result<std::shared_ptr<const Decoded>>> frame_of(io::Scope& scope, format::ViewPiece piece);
  [[nodiscard]] io::Task<Status> decode(format::ViewPiece piece, const Bytes& encoded, Decoded& into);
  [[nodiscard]] Error named(Error error, Extent extent, std::string_view where) const;
  [[nodiscard]] std::shared_ptr<const Decoded> cached(SegmentNumber segment, ByteOffset offset);
  void keep(std::shared_ptr<const Decoded> frame);

  io::Workers& workers_;
  JournalViewParts parts_;
  std::list<std::shared_ptr<const Decoded>> cache_;  // most recently used first
  std::size_t cached_bytes_ = 0;
  Extent planned_window_;                                          // what next_data looked at last ...
  std::shared_ptr<const std::vector<format::ViewPiece>> planned_;  // ... and its pieces
};

}  // namespace afterimage::image
