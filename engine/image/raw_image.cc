// SPDX-License-Identifier: Apache-2.0
#include "engine/image/raw_image.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <sys/stat.h>

#include "io/base/limits.h"

namespace afterimage::image {

io::Task<Result<std::unique_ptr<RawImage>>> RawImage::open(io::Scope& scope, std::unique_ptr<io::File> file) {
  AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
  if (facts.size.value() > limits::disk_bytes_max) {
    co_return fail(ErrorCode::limit_exceeded, "open a raw image",
                   fmt::format("the image has {} bytes; disks are at most 64 TiB", facts.size.value()));
  }
  co_return std::unique_ptr<RawImage>(new RawImage(std::move(file), facts.size));
}

io::Task<Status> RawImage::read(io::Scope& scope, ByteOffset offset, MutableBytes out) {
  if (offset.value() > size_.value() || out.size() > size_.value() - offset.value()) {
    co_return fail(ErrorCode::invalid_argument, "read outside an image");
  }
  auto reading = read_exactly_at(scope, *file_, offset, out);
  co_return co_await reading;
}

std::size_t RawImage::read_cached(ByteOffset offset, MutableBytes out) { return file_->read_cached(offset, out); }

io::Task<Result<std::optional<io::FileRange>>> RawImage::next_data(io::Scope& scope, ByteOffset from) {
  if (from.value() >= size_.value()) co_return std::optional<io::FileRange>{};
  AFI_CO_TRY(std::optional<io::FileRange> found, file_->next_data(scope, from));
  if (!found || found->offset.value() >= size_.value()) co_return std::optional<io::FileRange>{};
  const std::uint64_t end = std::min(found->end().value(), size_.value());
  found->size = ByteCount(end - found->offset.value());
  co_return found;
}

io::Task<Result<io::DataMap>> RawImage::map_data(io::Scope& scope, io::FileRange range) {
  const ByteOffset end(std::min(range.end().value(), size_.value()));
  if (range.offset >= end) co_return io::DataMap{.data = {}, .end = range.end()};
  AFI_CO_TRY(io::DataMap map,
             file_->map_data(scope, io::FileRange{.offset = range.offset, .size = end - range.offset}));
  if (map.end == end) map.end = range.end();  // behind the size there is none
  co_return map;
}

Result<io::FileRange> RawImage::range_of(Extent extent) const {
  const BlockCount blocks = blocks_of(size_);
  if (extent.first.value() > blocks.value() || extent.count.value() > blocks.value() - extent.first.value()) {
    return fail(ErrorCode::invalid_argument, "blocks outside an image",
                fmt::format("blocks {} to {} lie outside an image of {} blocks", extent.first.value(),
                            extent.first.value() + extent.count.value(), blocks.value()));
  }
  const std::uint64_t start = std::min(offset_of(extent.first).value(), size_.value());
  const std::uint64_t end = std::min(offset_of(extent.end()).value(), size_.value());
  return io::FileRange{.offset = ByteOffset(start), .size = ByteCount(end - start)};
}

io::Task<Status> RawImage::write_blocks(io::Scope& scope, BlockIndex first, ByteView content) {
  AFI_CHECK(content.size() % block_size == 0);
  const Extent extent{.first = first, .count = BlockCount(std::uint64_t{content.size() / block_size})};
  AFI_CO_RESULT(const io::FileRange range, range_of(extent));
  if (range.size.value() == 0) co_return Status{};
  auto writing = file_->write_at(scope, range.offset, content.first(static_cast<std::size_t>(range.size.value())));
  co_return co_await writing;
}

io::Task<Status> RawImage::write_zeros(io::Scope& scope, Extent extent) {
  AFI_CO_RESULT(const io::FileRange range, range_of(extent));
  if (range.size.value() == 0) co_return Status{};
  auto writing = file_->write_zeros(scope, range);
  co_return co_await writing;
}

io::Task<Status> RawImage::resize(io::Scope& scope, ByteCount size) {
  if (size == size_) co_return Status{};
  if (size.value() > limits::disk_bytes_max) co_return fail(ErrorCode::limit_exceeded, "resize an image past 64 TiB");
  AFI_CO_TRY_STATUS(file_->resize(scope, size));
  size_ = size;
  co_return Status{};
}

io::Task<Status> RawImage::sync(io::Scope& scope) { return file_->sync(scope); }

io::Task<Status> RawImage::drop_cache(io::Scope& scope, Extent extent) {
  AFI_CO_RESULT(const io::FileRange range, range_of(extent));
  auto dropping = file_->drop_cache(scope, range);
  co_return co_await dropping;
}

namespace {

struct Signature {
  std::string_view magic;
  const char* format;
};
constexpr std::array<Signature, 5> signatures{{{"vhdxfile", "a VHDX"},
                                               {"QFI\xfb", "a QCOW2"},
                                               {"conectix", "a VHD"},
                                               {"KDMV", "a VMDK"},
                                               {"# Disk DescriptorFile", "a VMDK description"}}};

Status check_signature(const std::string& path, ByteView start) {
  for (const Signature& signature : signatures) {
    if (!text_of(start).starts_with(signature.magic)) continue;
    return fail(
        ErrorCode::unsupported, "open an image",
        fmt::format("{} is {} file, and this version protects raw images; convert it with 'qemu-img convert -O raw'",
                    path, signature.format));
  }
  return {};
}

}  // namespace

io::Task<Result<std::unique_ptr<RawImage>>> open_image(io::Scope& scope, io::Disk& disk, std::string path,
                                                       io::OpenMode mode) {
  AFI_CO_TRY(std::unique_ptr<io::File> file, disk.open_file(scope, path, mode));
  AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
  if (!S_ISREG(facts.mode) && !S_ISBLK(facts.mode)) {
    co_return fail(ErrorCode::invalid_argument, "open an image",
                   fmt::format("{} is {}; name a disk image or a block device", path,
                               S_ISDIR(facts.mode) ? "a folder" : "no regular file"));
  }
  if (facts.size.value() == 0) {
    co_return fail(ErrorCode::invalid_argument, "open an image", fmt::format("{} is empty; it is no disk image", path));
  }
  std::array<std::byte, 32> start{};
  AFI_CO_TRY(const std::size_t count, file->read_at(scope, ByteOffset(std::uint64_t{0}), start));
  AFI_CO_STATUS(check_signature(path, ByteView(start).first(count)));
  auto opening = RawImage::open(scope, std::move(file));
  co_return co_await opening;
}

}  // namespace afterimage::image
