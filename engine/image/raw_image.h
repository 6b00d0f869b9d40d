// SPDX-License-Identifier: Apache-2.0
// RawImage: an ordinary raw disk image, sparse where the file system can. Its size need not be a multiple of 4096: the
// last block is then a partial one, and writing it whole never makes the file grow.
#pragma once

#include <memory>
#include <string>

#include "engine/image/readable_image.h"

namespace afterimage::image {

// Ordering and durability are io::File's: nothing is durable before sync(), a failed sync is final. Thread: the
// reactor's.
class RawImage final : public ReadableImage {
 public:
  // Takes the file as it is. Errors: limit_exceeded (larger than disk_bytes_max), those of io::File.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<RawImage>>> open(io::Scope& scope,
                                                                        std::unique_ptr<io::File> file);

  [[nodiscard]] ByteCount size() const override { return size_; }
  [[nodiscard]] io::Task<Status> read(io::Scope& scope, ByteOffset offset, MutableBytes out) override;
  [[nodiscard]] std::size_t read_cached(ByteOffset offset, MutableBytes out) override;
  [[nodiscard]] io::Task<Result<std::optional<io::FileRange>>> next_data(io::Scope& scope, ByteOffset from) override;
  [[nodiscard]] io::Task<Result<io::DataMap>> map_data(io::Scope& scope, io::FileRange range) override;

  // Writes whole blocks from `first` on; the part of the last block past the size is left out. Requires: the blocks lie
  // in blocks_of(size()) (invalid_argument if not), content is a multiple of 4096.
  [[nodiscard]] io::Task<Status> write_blocks(io::Scope& scope, BlockIndex first, ByteView content);
  // The blocks read as zeros afterwards, as holes where the file system can.
  [[nodiscard]] io::Task<Status> write_zeros(io::Scope& scope, Extent extent);
  // What is cut off is gone; what is added reads as zeros.
  [[nodiscard]] io::Task<Status> resize(io::Scope& scope, ByteCount size);
  [[nodiscard]] io::Task<Status> sync(io::Scope& scope);
  // Following reads of the extent come from the device where the platform can do that.
  [[nodiscard]] io::Task<Status> drop_cache(io::Scope& scope, Extent extent);
  [[nodiscard]] io::Task<Result<io::FileFacts>> facts(io::Scope& scope) { return file_->facts(scope); }
  [[nodiscard]] io::File& file() { return *file_; }

 private:
  RawImage(std::unique_ptr<io::File> file, ByteCount size) : file_(std::move(file)), size_(size) {}
  // The bytes of the extent that lie inside the size.
  [[nodiscard]] Result<io::FileRange> range_of(Extent extent) const;

  std::unique_ptr<io::File> file_;
  ByteCount size_;
};

// Opens the image that an operator named, or says why it is none: missing, a folder, empty, a VHDX, VHD, QCOW2 or VMDK
// file (this version protects raw images). Block devices are images. Errors: not_found, invalid_argument, unsupported,
// permission_denied, io_failed.
[[nodiscard]] io::Task<Result<std::unique_ptr<RawImage>>> open_image(io::Scope& scope, io::Disk& disk, std::string path,
                                                                     io::OpenMode mode);

}  // namespace afterimage::image
