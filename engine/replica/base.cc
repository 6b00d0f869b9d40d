// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/base.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/replica/store_files.h"
#include "io/durable_file.h"

namespace afterimage::replica {

io::Task<Status> Base::open_disk(io::Scope& scope, const DiskDescription& disk, Headers headers) {
  AFI_CO_TRY(const std::unique_ptr<io::Directory> folder, folder_->open_directory(scope, disk.id.text()));
  AFI_CO_TRY(std::unique_ptr<io::File> image_file, folder->open_file(scope, base_file_name, io::OpenMode::write));
  AFI_CO_TRY(std::unique_ptr<image::RawImage> image, image::RawImage::open(scope, std::move(image_file)));
  AFI_CO_TRY(std::unique_ptr<io::File> sums_file, folder->open_file(scope, sums_file_name, io::OpenMode::write));
  auto opening = image::HashFile::open(scope, std::move(sums_file));
  auto sums = co_await opening;
  if (!sums && sums.error().code == ErrorCode::damaged && headers == Headers::may_be_damaged) {
    findings_.push_back(fmt::format("{} of disk {}: {}", sums_file_name, disk.name, sums.error().text()));
    AFI_CO_TRY(std::unique_ptr<io::File> again, folder->open_file(scope, sums_file_name, io::OpenMode::write));
    auto taking = image::HashFile::open_headless(scope, std::move(again), disk.id, image->size());
    sums = co_await taking;
  }
  if (!sums) co_return std::unexpected(sums.error());
  if ((*sums)->disk() != disk.id || (*sums)->disk_size() != image->size()) {
    co_return fail(ErrorCode::damaged, "open a base",
                   fmt::format("base.sums of disk {} is of another disk or size than its base.raw", disk.name));
  }
  disks_.push_back(BaseDisk{.id = disk.id, .image = std::move(image), .sums = std::move(*sums)});
  co_return Status{};
}

io::Task<Status> Base::create_disk(io::Scope& scope, const DiskDescription& disk) {
  AFI_CO_TRY(const std::unique_ptr<io::Directory> folder, folder_->make_directory(scope, disk.id.text()));
  AFI_CO_TRY(std::unique_ptr<io::File> image_file,
             folder->open_file(scope, base_file_name, io::OpenMode::open_or_create));
  AFI_CO_TRY(std::unique_ptr<image::RawImage> image, image::RawImage::open(scope, std::move(image_file)));
  AFI_CO_TRY_STATUS(image->resize(scope, ByteCount{}));
  AFI_CO_TRY_STATUS(image->resize(scope, disk.size));
  AFI_CO_TRY(std::unique_ptr<io::File> sums_file,
             folder->open_file(scope, sums_file_name, io::OpenMode::open_or_create));
  AFI_CO_TRY(std::unique_ptr<image::HashFile> sums,
             image::HashFile::create(scope, std::move(sums_file), disk.id, disk.size));
  AFI_CO_TRY_STATUS(folder->sync(scope));
  disks_.push_back(BaseDisk{.id = disk.id, .image = std::move(image), .sums = std::move(sums)});
  co_return Status{};
}

io::Task<Result<std::unique_ptr<Base>>> Base::open(io::Scope& scope, std::shared_ptr<io::Directory> folder,
                                                   const MachineDescription& machine, CheckpointSizes checkpoint) {
  std::unique_ptr<Base> base(new Base(std::move(folder), checkpoint));
  for (const DiskDescription& disk : machine.disks)
    AFI_CO_TRY_STATUS(base->open_disk(scope, disk, Headers::may_be_damaged));
  AFI_CO_TRY_STATUS(io::remove_if_there(scope, *base->folder_, seeding_file_name));
  co_return base;
}

io::Task<Result<std::unique_ptr<Base>>> Base::open_staging(io::Scope& scope, std::shared_ptr<io::Directory> folder,
                                                           const MachineDescription& machine,
                                                           CheckpointSizes checkpoint) {
  std::unique_ptr<Base> base(new Base(std::move(folder), checkpoint));
  auto reading = io::read_file(scope, *base->folder_, seeding_file_name, SeedingProgress::bytes_max);
  const Result<Bytes> stored = co_await reading;
  if (!stored && stored.error().code != ErrorCode::not_found && stored.error().code != ErrorCode::limit_exceeded) {
    co_return std::unexpected(stored.error());
  }
  const Result<SeedingProgress> progress =
      stored ? SeedingProgress::parse(*stored) : Result<SeedingProgress>(std::unexpected(stored.error()));
  bool is_whole = progress && progress->position.disk_index <= machine.disks.size();
  for (const DiskDescription& disk : machine.disks) {
    if (!is_whole) break;
    auto opening = base->open_disk(scope, disk, Headers::must_verify);
    const Status opened = co_await opening;
    // A device that does not answer now says nothing about the seed on it.
    if (!opened && opened.error().code == ErrorCode::io_failed) co_return std::unexpected(opened.error());
    is_whole = opened.has_value();
  }
  if (is_whole) {
    base->staged_ = StagedSeed{.epoch = progress->epoch, .frames = progress->frames, .position = progress->position};
    AFI_CO_TRY_STATUS(base->drop_cache(scope));
    AFI_CO_TRY_STATUS(base->resize(scope, machine));
    co_return base;
  }
  // Nothing of a seed was acknowledged: what does not verify begins anew. The progress goes first, it speaks of the
  // rest.
  base->disks_.clear();
  AFI_CO_TRY_STATUS(io::remove_if_there(scope, *base->folder_, seeding_file_name));
  for (const DiskDescription& disk : machine.disks) AFI_CO_TRY_STATUS(base->create_disk(scope, disk));
  AFI_CO_TRY_STATUS(base->folder_->sync(scope));
  co_return base;
}

BaseDisk* Base::find(const DiskId& disk) {
  const auto found = std::ranges::find(disks_, disk, &BaseDisk::id);
  return found == disks_.end() ? nullptr : &*found;
}

io::Task<Result<ByteCount>> Base::allocated(io::Scope& scope) {
  ByteCount sum;
  for (BaseDisk& disk : disks_) {
    AFI_CO_TRY(const io::FileFacts facts, disk.image->facts(scope));
    sum += facts.allocated;
  }
  co_return sum;
}

io::Task<Status> Base::sync(io::Scope& scope) {
  if (!stopped_.empty()) co_return fail(ErrorCode::io_failed, "sync a base", stopped_);
  for (BaseDisk& disk : disks_) {
    auto syncing_image = disk.image->sync(scope);
    Status synced = co_await syncing_image;
    if (synced) {
      auto syncing_sums = disk.sums->sync(scope);
      synced = co_await syncing_sums;
    }
    if (!synced) {
      stopped_ = fmt::format("the base of disk {} could not be synced: {}", disk.id.text(), synced.error().text());
      co_return synced;
    }
  }
  co_return Status{};
}

io::Task<Status> Base::checkpoint(io::Scope& scope) {
  AFI_CO_TRY_STATUS(sync(scope));
  const SeedingProgress progress{.epoch = staged_->epoch, .frames = staged_->frames, .position = staged_->position};
  const Bytes encoded = progress.encode();
  AFI_CO_TRY_STATUS(io::replace_file(scope, *folder_, seeding_file_name, encoded));
  pace_.made(scope.reactor().now());
  co_return Status{};
}

io::Task<Status> Base::end_staging(io::Scope& scope) {
  staged_.reset();
  auto removing = io::remove_if_there(scope, *folder_, seeding_file_name);
  co_return co_await removing;
}

io::Task<Status> Base::reset(io::Scope& scope) {
  staged_.reset();
  pace_.restart();
  AFI_CO_TRY_STATUS(io::remove_if_there(scope, *folder_, seeding_file_name));
  for (BaseDisk& disk : disks_) {
    const ByteCount size = disk.image->size();
    AFI_CO_TRY_STATUS(disk.image->resize(scope, ByteCount{}));
    AFI_CO_TRY_STATUS(disk.image->resize(scope, size));
    const Extent all{.first = {}, .count = disk.sums->blocks()};
    AFI_CO_TRY_STATUS(disk.sums->clear_hashes(scope, all));
  }
  co_return Status{};
}

io::Task<Status> Base::resize(io::Scope& scope, const MachineDescription& machine) {
  for (const DiskDescription& disk : machine.disks) {
    BaseDisk* known = find(disk.id);
    if (known == nullptr) continue;
    if (known->image->size() == disk.size && known->sums->disk_size() == disk.size) continue;
    // A block that a new end cuts, or that the old end had cut, no longer has its hash: it becomes zeros and is sent
    // again.
    const std::uint64_t edge = std::min({known->image->size(), known->sums->disk_size(), disk.size}).value();
    const BlockIndex cut = block_at(ByteOffset(edge));
    if (edge % block_size != 0) {
      const Extent block{.first = cut, .count = BlockCount(std::uint64_t{1})};
      AFI_CO_TRY_STATUS(known->image->write_zeros(scope, block));
      AFI_CO_TRY_STATUS(known->sums->clear_hashes(scope, block));
    }
    AFI_CO_TRY_STATUS(known->image->resize(scope, disk.size));
    auto resizing = known->sums->resize(scope, disk.size);
    Status resized = co_await resizing;
    if (!resized && resized.error().code == ErrorCode::io_failed) {  // perhaps its sync, and that is for ever
      stopped_ = fmt::format("the hashes of disk {} could not be resized: {}", disk.name, resized.error().text());
    }
    AFI_CO_STATUS(std::move(resized));
    const auto index = static_cast<std::uint32_t>(known - disks_.data());
    const SeedingPosition changed{.disk_index = index, .block = cut};
    if (staged_ && staged_->position > changed) staged_->position = changed;
  }
  co_return Status{};
}

io::Task<Status> Base::drop_cache(io::Scope& scope) {
  for (BaseDisk& disk : disks_) {
    const Extent all{.first = {}, .count = blocks_of(disk.image->size())};
    AFI_CO_TRY_STATUS(disk.image->drop_cache(scope, all));
    AFI_CO_TRY_STATUS(disk.sums->reread_from_device(scope));
  }
  co_return Status{};
}

}  // namespace afterimage::replica
