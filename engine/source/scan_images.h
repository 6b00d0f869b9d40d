// SPDX-License-Identifier: Apache-2.0
// ScanImages: the images of a machine at one instant, for a tracker that nobody tells of writes.
//
// Where the file system can share blocks (FICLONE), every disk is cloned into an unnamed file beside its image, and the
// instant holds if none was changed between the first clone and the last. Elsewhere the images are read where they are,
// and the instant holds if none was changed until the last read ended; an image that somebody holds locked is refused.
// Before that each image is synced: what is captured is then on the primary's disk, and the replica is never ahead of
// it.
//
// Not seen: a writer that keeps size, modification and change time (a mapping that was dirtied before); the
// documentation says so, and tap tracking is the answer to it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/image/raw_image.h"
#include "io/platform.h"

namespace afterimage::source {

// Whether what the page cache shows of the images can be believed. After a failed sync it cannot (the next one answers
// OK, and the data is gone); nor after a start, because the sync may have failed for somebody who is no more.
enum class CacheTrust : std::uint8_t { trusted, in_doubt };

class ScanImages {
 public:
  // Errors: those of open_image; changed (written at while it was tried, a few times); busy (locked by another
  // program).
  [[nodiscard]] static io::Task<Result<std::unique_ptr<ScanImages>>> freeze(io::Scope& scope,
                                                                            const io::Platform& platform,
                                                                            std::vector<std::string> paths,
                                                                            CacheTrust trust);

  // The images as they are, at rest or not: check_unchanged tells afterwards whether they were. Clones where they can
  // be.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<ScanImages>>> open_live(io::Scope& scope,
                                                                               const io::Platform& platform,
                                                                               std::vector<std::string> paths,
                                                                               CacheTrust trust);

  [[nodiscard]] std::size_t size() const { return images_.size(); }
  [[nodiscard]] image::RawImage& operator[](std::size_t disk) { return *images_[disk]; }
  [[nodiscard]] WallTime frozen() const { return frozen_; }
  // Bytes that take space: what a capture will read, about.
  [[nodiscard]] std::uint64_t allocated_bytes() const;
  // After everything was read: fine, or `changed` with the path of the image that was written to.
  [[nodiscard]] io::Task<Status> check_unchanged(io::Scope& scope);

 private:
  ScanImages() = default;
  [[nodiscard]] static io::Task<Result<std::unique_ptr<ScanImages>>> try_freeze(io::Scope& scope,
                                                                                const io::Platform& platform,
                                                                                const std::vector<std::string>& paths,
                                                                                CacheTrust trust);
  [[nodiscard]] io::Task<Status> open_all(io::Scope& scope, const io::Platform& platform,
                                          const std::vector<std::string>& paths, CacheTrust trust);
  [[nodiscard]] io::Task<Result<bool>> clone_all(io::Scope& scope, const io::Platform& platform);

  std::vector<std::string> paths_;
  std::vector<std::unique_ptr<image::RawImage>> images_;  // clones, or the images themselves
  std::vector<io::FileFacts> facts_;                      // of the images before the instant
  WallTime frozen_;
  bool cloned_ = false;
};

// The size of each image now. Errors: those of open_image.
[[nodiscard]] io::Task<Result<std::vector<ByteCount>>> image_sizes(io::Scope& scope, io::Disk& disk,
                                                                   std::vector<std::string> paths);

}  // namespace afterimage::source
