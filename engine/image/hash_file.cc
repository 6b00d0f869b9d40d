// SPDX-License-Identifier: Apache-2.0
#include "engine/image/hash_file.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>
#include <xxhash.h>

#include "engine/format/digest.h"
#include "engine/image/readable_image.h"
#include "io/base/limits.h"

namespace afterimage::image {
namespace {

constexpr std::string_view magic = "AFISUMS";
constexpr std::byte version{1};
constexpr std::size_t checked_bytes = 504;
constexpr std::uint64_t hash_bytes = sizeof(std::uint64_t);
constexpr std::uint64_t write_batch_hashes = 8 * 1024;

ByteOffset place_of(BlockIndex block) { return ByteOffset(HashFileHeader::encoded_bytes + block.value() * hash_bytes); }
ByteCount file_size_for(ByteCount disk_size) {
  return ByteCount(HashFileHeader::encoded_bytes + blocks_of(disk_size).value() * hash_bytes);
}

}  // namespace

Bytes HashFileHeader::encode() const {
  Bytes out;
  out.reserve(encoded_bytes);
  ByteWriter writer(out);
  writer.write_bytes(view_of(magic));
  writer.write(static_cast<std::uint8_t>(version));
  writer.write_bytes(disk.bytes);
  writer.write(disk_size.value());
  writer.write_zeros(checked_bytes - out.size());
  writer.write(format::check_of(out));
  writer.write_zeros(encoded_bytes - out.size());
  return out;
}

Result<HashFileHeader> HashFileHeader::parse(ByteView bytes) {
  if (bytes.size() < encoded_bytes) return fail(ErrorCode::damaged, "a hash file is cut off in its header");
  if (text_of(bytes.first(magic.size())) != magic) return fail(ErrorCode::damaged, "not a hash file");
  const auto check = load<std::uint64_t>(bytes.data() + checked_bytes);
  if (check != format::check_of(bytes.first(checked_bytes))) {
    return fail(ErrorCode::damaged, "the header of a hash file does not match its check");
  }
  if (bytes[magic.size()] != version) {
    return fail(ErrorCode::unsupported, "hash file version",
                "a hash file was written by another version of Afterimage");
  }
  HashFileHeader header;
  ByteReader reader(bytes.subspan(magic.size() + 1));
  AFI_TRY_STATUS(reader.read_into(header.disk.bytes));
  AFI_TRY(const std::uint64_t size, reader.read<std::uint64_t>());
  header.disk_size = ByteCount(size);
  const ByteView unused = bytes.subspan(32, checked_bytes - 32);
  const ByteView rest = bytes.subspan(checked_bytes + 8, encoded_bytes - checked_bytes - 8);
  if (!format::is_zero(unused) || !format::is_zero(rest))
    return fail(ErrorCode::damaged, "a hash file's header has bytes it should not");
  if (size > limits::disk_bytes_max) return fail(ErrorCode::limit_exceeded, "a hash file is of a disk larger than any");
  return header;
}

io::Task<Result<std::unique_ptr<HashFile>>> HashFile::create(io::Scope& scope, std::unique_ptr<io::File> file,
                                                             DiskId disk, ByteCount disk_size) {
  if (disk_size.value() > limits::disk_bytes_max)
    co_return fail(ErrorCode::limit_exceeded, "hashes of a disk over 64 TiB");
  std::unique_ptr<HashFile> made(new HashFile(std::move(file), disk, disk_size));
  AFI_CO_TRY_STATUS(made->file_->resize(scope, ByteCount(std::uint64_t{0})));
  AFI_CO_TRY_STATUS(made->file_->resize(scope, file_size_for(disk_size)));
  AFI_CO_TRY_STATUS(made->write_header(scope));
  co_return made;
}

io::Task<Result<std::unique_ptr<HashFile>>> HashFile::open(io::Scope& scope, std::unique_ptr<io::File> file) {
  Bytes start(HashFileHeader::encoded_bytes);
  AFI_CO_TRY(const std::size_t count, file->read_at(scope, ByteOffset(std::uint64_t{0}), start));
  AFI_CO_RESULT(const HashFileHeader header, HashFileHeader::parse(ByteView(start).first(count)));
  AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
  if (facts.size < file_size_for(header.disk_size)) co_return fail(ErrorCode::damaged, "a hash file is cut off");
  co_return std::unique_ptr<HashFile>(new HashFile(std::move(file), header.disk, header.disk_size));
}

io::Task<Result<std::unique_ptr<HashFile>>> HashFile::open_headless(io::Scope& scope, std::unique_ptr<io::File> file,
                                                                    DiskId disk, ByteCount disk_size) {
  AFI_CO_TRY(const io::FileFacts facts, file->facts(scope));
  if (facts.size != file_size_for(disk_size)) co_return fail(ErrorCode::damaged, "a hash file has a wrong length");
  co_return std::unique_ptr<HashFile>(new HashFile(std::move(file), disk, disk_size));
}

Status HashFile::check_inside(Extent extent) const {
  const std::uint64_t count = blocks().value();
  if (extent.first.value() <= count && extent.count.value() <= count - extent.first.value()) return {};
  return fail(
      ErrorCode::invalid_argument, "hashes outside the disk",
      fmt::format("blocks {} + {} lie outside a disk of {} blocks", extent.first.value(), extent.count.value(), count));
}

io::Task<Status> HashFile::write_header(io::Scope& scope) {
  const Bytes header = HashFileHeader{.disk = disk_, .disk_size = disk_size_}.encode();
  auto writing = file_->write_at(scope, ByteOffset(std::uint64_t{0}), header);
  co_return co_await writing;
}

io::Task<Result<std::vector<format::BlockHash>>> HashFile::read_hashes(io::Scope& scope, Extent extent) {
  AFI_CO_STATUS(check_inside(extent));
  if (extent.count.value() > hashes_max) co_return fail(ErrorCode::invalid_argument, "read too many hashes at once");
  static_assert(sizeof(format::BlockHash) == hash_bytes);
  std::vector<format::BlockHash> hashes(static_cast<std::size_t>(extent.count.value()));
  const MutableBytes raw = std::as_writable_bytes(std::span(hashes));
  AFI_CO_TRY_STATUS(read_exactly_at(scope, *file_, place_of(extent.first), raw));
  for (format::BlockHash& hash : hashes) hash.value = little_endian(hash.value);
  co_return hashes;
}

io::Task<Status> HashFile::write_hashes(io::Scope& scope, BlockIndex first, std::span<const format::BlockHash> hashes) {
  AFI_CO_STATUS(check_inside(Extent{.first = first, .count = BlockCount(std::uint64_t{hashes.size()})}));
  Bytes raw;
  while (!hashes.empty()) {
    const auto batch = hashes.first(std::min<std::size_t>(hashes.size(), write_batch_hashes));
    raw.resize(batch.size() * hash_bytes);
    for (std::size_t i = 0; i < batch.size(); ++i) store(raw.data() + i * hash_bytes, batch[i].value);
    AFI_CO_TRY_STATUS(file_->write_at(scope, place_of(first), raw));
    first += BlockCount(std::uint64_t{batch.size()});
    hashes = hashes.subspan(batch.size());
  }
  co_return Status{};
}

io::Task<Status> HashFile::clear_hashes(io::Scope& scope, Extent extent) {
  AFI_CO_STATUS(check_inside(extent));
  if (extent.count.value() == 0) co_return Status{};
  const io::FileRange range{.offset = place_of(extent.first), .size = ByteCount(extent.count.value() * hash_bytes)};
  auto clearing = file_->write_zeros(scope, range);
  co_return co_await clearing;
}

io::Task<Result<std::optional<Extent>>> HashFile::next_data(io::Scope& scope, BlockIndex from) {
  if (from.value() >= blocks().value()) co_return std::optional<Extent>{};
  AFI_CO_TRY(const std::optional<io::FileRange> found, file_->next_data(scope, place_of(from)));
  if (!found) co_return std::optional<Extent>{};
  const std::uint64_t start = (found->offset.value() - HashFileHeader::encoded_bytes) / hash_bytes;
  const std::uint64_t end =
      std::min((found->end().value() - HashFileHeader::encoded_bytes + hash_bytes - 1) / hash_bytes, blocks().value());
  if (start >= end) co_return std::optional<Extent>{};
  co_return Extent{.first = BlockIndex(start), .count = BlockCount(end - start)};
}

io::Task<Status> HashFile::resize(io::Scope& scope, ByteCount disk_size) {
  if (disk_size == disk_size_) co_return Status{};
  if (disk_size.value() > limits::disk_bytes_max)
    co_return fail(ErrorCode::limit_exceeded, "hashes of a disk over 64 TiB");
  const bool grows = disk_size > disk_size_;
  if (grows) {
    // An interrupted shrink may have left old hashes behind the end: cut before growing over them.
    AFI_CO_TRY_STATUS(file_->resize(scope, file_size_for(disk_size_)));
    AFI_CO_TRY_STATUS(file_->resize(scope, file_size_for(disk_size)));
    AFI_CO_TRY_STATUS(file_->sync(scope));
  }
  disk_size_ = disk_size;
  AFI_CO_TRY_STATUS(write_header(scope));
  if (!grows) {
    AFI_CO_TRY_STATUS(file_->sync(scope));
    AFI_CO_TRY_STATUS(file_->resize(scope, file_size_for(disk_size)));
  }
  co_return Status{};
}

io::Task<Result<std::uint64_t>> HashFile::whole_check(io::Scope& scope) {
  // Over the header's facts, then over each page of 512 hashes that is not all zeros: its index, its bytes.
  constexpr std::uint64_t page_hashes = 512;
  constexpr std::uint64_t window_pages = 128;
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  const std::unique_ptr<XXH3_state_t, Free> state(XXH3_createState());
  XXH3_64bits_reset(state.get());
  std::array<std::byte, 8> number{};
  store(number.data(), disk_size_.value());
  XXH3_64bits_update(state.get(), disk_.bytes.data(), disk_.bytes.size());
  XXH3_64bits_update(state.get(), number.data(), number.size());
  BlockIndex at;
  Bytes window;
  while (true) {
    AFI_CO_TRY(const std::optional<Extent> found, next_data(scope, at));
    if (!found) break;
    const std::uint64_t first = std::max(found->first.value() / page_hashes * page_hashes, at.value());
    const std::uint64_t whole = (found->end().value() + page_hashes - 1) / page_hashes * page_hashes;
    const std::uint64_t end = std::min({whole, blocks().value(), first + window_pages * page_hashes});
    window.resize(static_cast<std::size_t>((end - first) * hash_bytes));
    AFI_CO_TRY_STATUS(read_exactly_at(scope, *file_, place_of(BlockIndex(first)), window));
    for (std::uint64_t page = first; page < end; page += page_hashes) {
      const auto length = static_cast<std::size_t>(std::min(page_hashes, end - page) * hash_bytes);
      const ByteView content = ByteView(window).subspan(static_cast<std::size_t>((page - first) * hash_bytes), length);
      if (format::is_zero(content)) continue;
      store(number.data(), page / page_hashes);
      XXH3_64bits_update(state.get(), number.data(), number.size());
      XXH3_64bits_update(state.get(), content.data(), content.size());
    }
    at = BlockIndex(end);
  }
  co_return std::uint64_t{XXH3_64bits_digest(state.get())};
}

io::Task<Status> HashFile::reread_from_device(io::Scope& scope) {
  const io::FileRange all{.offset = ByteOffset(std::uint64_t{0}), .size = file_size_for(disk_size_)};
  AFI_CO_TRY_STATUS(file_->drop_cache(scope, all));
  Bytes start(HashFileHeader::encoded_bytes);
  AFI_CO_TRY(const std::size_t count, file_->read_at(scope, ByteOffset(std::uint64_t{0}), start));
  AFI_CO_RESULT(const HashFileHeader header, HashFileHeader::parse(ByteView(start).first(count)));
  if (header.disk == disk_ && header.disk_size == disk_size_) co_return Status{};
  co_return fail(ErrorCode::damaged, "the header of a hash file is another's");
}

}  // namespace afterimage::image
