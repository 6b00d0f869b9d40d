// SPDX-License-Identifier: Apache-2.0
#include "engine/source/scan_images.h"

#include <algorithm>
#include <utility>

#include "io/base/identity.h"

namespace afterimage::source {
namespace {

constexpr int tries_max = 3;
// File times may be as coarse as a kernel tick: an image modified just now could be modified again without a trace.
constexpr Duration time_resolution = std::chrono::milliseconds(20);

bool same_content(const io::FileFacts& a, const io::FileFacts& b) {
  return a.size == b.size && a.modified == b.modified && a.status_changed == b.status_changed && a.device == b.device &&
         a.inode == b.inode;
}

std::unexpected<Error> changed_under_us(const std::string& path) {
  return fail(ErrorCode::changed, "read an image at one instant",
              "the image " + path +
                  " is being written to; scan tracking reads images that are at rest, or on a file system "
                  "with reflinks (xfs, btrfs): pause the writer, or move the image");
}

// `busy` when another program holds a lock on the image. An image we may not write to cannot be asked.
io::Task<Status> check_unlocked(io::Scope& scope, io::Disk& disk, std::string path) {
  auto opening = disk.open_file(scope, path, io::OpenMode::write);
  const Result<std::unique_ptr<io::File>> file = co_await opening;
  if (!file) co_return Status{};
  const Status locked = (*file)->try_lock(io::LockMode::exclusive);
  if (!locked && locked.error().code == ErrorCode::busy) {
    co_return fail(ErrorCode::busy, "read an image",
                   "the image " + path +
                       " is locked by another program (a running machine?), and its file system has no "
                       "reflinks; stop that program first, or move the image to xfs or btrfs");
  }
  co_return Status{};
}

// A clone of the image as an unnamed file in its own folder; `unsupported` where that cannot be.
io::Task<Result<std::unique_ptr<image::RawImage>>> clone_image(io::Scope& scope, const io::Platform& platform,
                                                               image::RawImage& source, std::string path) {
  AFI_CO_RESULT(const io::SplitPath split, io::split_path(path));
  AFI_CO_TRY(const std::unique_ptr<io::Directory> folder, platform.disk.open_directory(scope, split.directory));
  RandomId<struct SnapshotTag> id;
  platform.random.fill(id.bytes);
  const std::string name = ".afterimage-snapshot-" + id.text();
  auto cloning = folder->clone_file(scope, source.file(), name);
  Result<std::unique_ptr<io::File>> clone = co_await cloning;
  auto removing = folder->remove_file(scope, name);  // also what a failed clone may have left
  const Status removed = co_await removing;
  if (!clone) co_return std::unexpected(clone.error());
  AFI_CO_STATUS(removed);
  auto opening = image::RawImage::open(scope, std::move(*clone));
  co_return co_await opening;
}

bool cannot_clone(const Error& error) {
  return error.code == ErrorCode::unsupported || error.code == ErrorCode::permission_denied ||
         error.code == ErrorCode::invalid_argument || error.code == ErrorCode::no_space;
}

}  // namespace

io::Task<Result<bool>> ScanImages::clone_all(io::Scope& scope, const io::Platform& platform) {
  std::vector<std::unique_ptr<image::RawImage>> clones;
  for (std::size_t i = 0; i < images_.size(); ++i) {
    auto cloning = clone_image(scope, platform, *images_[i], paths_[i]);
    Result<std::unique_ptr<image::RawImage>> clone = co_await cloning;
    if (!clone && cannot_clone(clone.error())) co_return false;
    if (!clone) co_return std::unexpected(clone.error());
    clones.push_back(std::move(*clone));
  }
  AFI_CO_TRY_STATUS(check_unchanged(scope));
  images_ = std::move(clones);
  co_return true;
}

io::Task<Status> ScanImages::open_all(io::Scope& scope, const io::Platform& platform,
                                      const std::vector<std::string>& paths, CacheTrust trust) {
  paths_ = paths;
  for (const std::string& path : paths) {
    AFI_CO_TRY(std::unique_ptr<image::RawImage> image,
               image::open_image(scope, platform.disk, path, io::OpenMode::read));
    images_.push_back(std::move(image));
  }
  for (std::size_t i = 0; i < images_.size(); ++i) {
    const std::unique_ptr<image::RawImage>& image = images_[i];
    AFI_CO_TRY(io::FileFacts facts, image->facts(scope));
    const WallTime now = platform.clock.now();
    if (facts.modified <= now && now - facts.modified < time_resolution) {
      AFI_CO_TRY_STATUS(io::sleep_for(scope, time_resolution));
      AFI_CO_TRY(facts, image->facts(scope));
    }
    if (facts.size != image->size()) co_return changed_under_us(paths_[i]);  // resized since it was opened
    AFI_CO_TRY_STATUS(image->sync(scope));  // after the facts: what is captured was written before them, or is noticed
    if (trust == CacheTrust::in_doubt) {
      AFI_CO_TRY_STATUS(image->drop_cache(scope, Extent{.first = {}, .count = blocks_of(image->size())}));
    }
    facts_.push_back(facts);
  }
  frozen_ = platform.clock.now();
  co_return Status{};
}

io::Task<Result<std::unique_ptr<ScanImages>>> ScanImages::try_freeze(io::Scope& scope, const io::Platform& platform,
                                                                     const std::vector<std::string>& paths,
                                                                     CacheTrust trust) {
  std::unique_ptr<ScanImages> set(new ScanImages());
  AFI_CO_TRY_STATUS(set->open_all(scope, platform, paths, trust));
  AFI_CO_TRY(set->cloned_, set->clone_all(scope, platform));
  if (!set->cloned_) {
    for (const std::string& path : paths) AFI_CO_TRY_STATUS(check_unlocked(scope, platform.disk, path));
  }
  co_return set;
}

io::Task<Result<std::unique_ptr<ScanImages>>> ScanImages::freeze(io::Scope& scope, const io::Platform& platform,
                                                                 std::vector<std::string> paths, CacheTrust trust) {
  for (int tried = 1;; ++tried) {
    auto freezing = try_freeze(scope, platform, paths, trust);
    Result<std::unique_ptr<ScanImages>> set = co_await freezing;
    if (set || set.error().code != ErrorCode::changed || tried == tries_max) co_return set;
  }
}

io::Task<Result<std::unique_ptr<ScanImages>>> ScanImages::open_live(io::Scope& scope, const io::Platform& platform,
                                                                    std::vector<std::string> paths, CacheTrust trust) {
  auto freezing = freeze(scope, platform, paths, trust);
  Result<std::unique_ptr<ScanImages>> frozen = co_await freezing;
  if (frozen || (frozen.error().code != ErrorCode::changed && frozen.error().code != ErrorCode::busy)) co_return frozen;
  std::unique_ptr<ScanImages> set(new ScanImages());
  AFI_CO_TRY_STATUS(set->open_all(scope, platform, paths, trust));
  co_return set;
}

std::uint64_t ScanImages::allocated_bytes() const {
  std::uint64_t bytes = 0;
  for (const io::FileFacts& facts : facts_) bytes += std::min(facts.allocated.value(), facts.size.value());
  return bytes;
}

io::Task<Status> ScanImages::check_unchanged(io::Scope& scope) {
  if (cloned_) co_return Status{};
  for (std::size_t i = 0; i < images_.size(); ++i) {
    AFI_CO_TRY(const io::FileFacts now, images_[i]->facts(scope));
    if (!same_content(now, facts_[i])) co_return changed_under_us(paths_[i]);
  }
  co_return Status{};
}

io::Task<Result<std::vector<ByteCount>>> image_sizes(io::Scope& scope, io::Disk& disk, std::vector<std::string> paths) {
  std::vector<ByteCount> sizes;
  for (const std::string& path : paths) {
    AFI_CO_TRY(const std::unique_ptr<image::RawImage> image, image::open_image(scope, disk, path, io::OpenMode::read));
    sizes.push_back(image->size());
  }
  co_return sizes;
}

}  // namespace afterimage::source
