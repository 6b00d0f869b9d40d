// SPDX-License-Identifier: Apache-2.0
#include "engine/format/index_run.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/format/wire.h"
#include "io/base/check.h"
#include "io/base/limits.h"

namespace afterimage::format {

const RunDisk* IndexRun::find(const DiskId& disk) const {
  const auto found = std::lower_bound(disks_.begin(), disks_.end(), disk,
                                      [](const RunDisk& each, const DiskId& wanted) { return each.disk < wanted; });
  return found == disks_.end() || found->disk != disk ? nullptr : &*found;
}

std::span<const IndexEntry> IndexRun::entries(const DiskId& disk) const {
  const RunDisk* const found = find(disk);
  if (found == nullptr) return {};
  return std::span(entries_).subspan(found->entry_begin, found->entry_count);
}

std::span<const IndexEntry> IndexRun::lookup(const DiskId& disk, const Extent& window) const {
  const std::span<const IndexEntry> all = entries(disk);
  const auto first =
      std::lower_bound(all.begin(), all.end(), window.first,
                       [](const IndexEntry& entry, BlockIndex block) { return entry.extent.end() <= block; });
  const auto last = std::lower_bound(first, all.end(), window.end(), [](const IndexEntry& entry, BlockIndex block) {
    return entry.extent.first < block;
  });
  return {first, last};
}

std::size_t IndexRun::memory_bytes() const {
  return sizeof *this + disks_.capacity() * sizeof(RunDisk) + frames_.capacity() * sizeof(FramePlace) +
         entries_.capacity() * sizeof(IndexEntry);
}

std::size_t IndexRun::encoded_size() const {
  return wire::run_fixed_bytes + disks_.size() * wire::run_disk_bytes + frames_.size() * wire::run_frame_bytes +
         entries_.size() * wire::run_entry_bytes + sizeof(std::uint64_t);
}

Bytes IndexRun::encode() const {
  Bytes out;
  out.reserve(encoded_size());
  ByteWriter writer(out);
  writer.write_bytes(wire::run_magic);
  writer.write(wire::run_version);
  writer.write(static_cast<std::uint16_t>(disks_.size()));
  writer.write(static_cast<std::uint32_t>(encoded_size()));
  writer.write(std::uint32_t{0});
  writer.write(closing_.epoch.value());
  writer.write(closing_.from.value());
  writer.write(closing_.sequence.value());
  writer.write(static_cast<std::uint32_t>(frames_.size()));
  writer.write(static_cast<std::uint32_t>(entries_.size()));
  AFI_CHECK(out.size() == wire::run_fixed_bytes);
  for (const RunDisk& disk : disks_) {
    wire::write_id(writer, disk.disk);
    writer.write(disk.sizes.before.value());
    writer.write(disk.sizes.smallest.value());
    writer.write(disk.sizes.after.value());
    writer.write(disk.entry_count);
    writer.write(std::uint32_t{0});
  }
  for (const FramePlace& frame : frames_) {
    writer.write(static_cast<std::uint32_t>(frame.offset.value()));
    writer.write(static_cast<std::uint32_t>(frame.encoded.value()));
    writer.write(frame.birth.value());
    writer.write(frame.number);
    writer.write(frame.data_blocks);
  }
  for (const IndexEntry& entry : entries_) {
    wire::write_extent(writer, entry.extent, entry.kind);
    writer.write(entry.frame);
    writer.write(entry.raw_block);
  }
  wire::append_closing_check(out, 0);
  AFI_CHECK(out.size() == encoded_size());
  return out;
}

Result<std::size_t> IndexRun::measure(ByteView bytes) {
  if (bytes.size() < 12) return fail(ErrorCode::damaged, "an index run is cut off");
  if (!wire::starts_with(bytes, wire::run_magic)) return fail(ErrorCode::damaged, "not an index run");
  const std::size_t length = load<std::uint32_t>(bytes.data() + 8);
  if (length < wire::run_fixed_bytes + sizeof(std::uint64_t))
    return fail(ErrorCode::damaged, "an index run is too short");
  if (length > limits::index_run_bytes_max) return fail(ErrorCode::limit_exceeded, "an index run is too long");
  return length;
}

Status IndexRun::read_tables(ByteReader& reader, std::uint32_t disks, std::uint32_t frames, std::uint32_t entries) {
  disks_.reserve(disks);
  std::uint32_t begin = 0;
  for (std::uint32_t i = 0; i < disks; ++i) {
    RunDisk disk;
    AFI_TRY_STATUS(wire::read_id(reader, disk.disk));
    AFI_TRY(const std::uint64_t before, reader.read<std::uint64_t>());
    AFI_TRY(const std::uint64_t smallest, reader.read<std::uint64_t>());
    AFI_TRY(const std::uint64_t after, reader.read<std::uint64_t>());
    AFI_TRY(disk.entry_count, reader.read<std::uint32_t>());
    AFI_TRY(const std::uint32_t reserved, reader.read<std::uint32_t>());
    disk.sizes = {.before = ByteCount(before), .smallest = ByteCount(smallest), .after = ByteCount(after)};
    AFI_TRY_STATUS(check_sizes(disk.sizes));
    if (reserved != 0) return fail(ErrorCode::damaged, "a reserved field of an index run is set");
    if (!disks_.empty() && disk.disk <= disks_.back().disk)
      return fail(ErrorCode::damaged, "an index run's disks are not ascending");
    if (disk.entry_count > entries - begin)
      return fail(ErrorCode::damaged, "an index run's disks have more entries than it has");
    disk.entry_begin = begin;
    begin += disk.entry_count;
    disks_.push_back(disk);
  }
  if (begin != entries) return fail(ErrorCode::damaged, "an index run has entries of no disk");
  frames_.reserve(frames);
  for (std::uint32_t i = 0; i < frames; ++i) {
    FramePlace frame;
    AFI_TRY(const std::uint32_t offset, reader.read<std::uint32_t>());
    AFI_TRY(const std::uint32_t encoded, reader.read<std::uint32_t>());
    AFI_TRY(const std::uint64_t birth, reader.read<std::uint64_t>());
    AFI_TRY(frame.number, reader.read<std::uint32_t>());
    AFI_TRY(frame.data_blocks, reader.read<std::uint32_t>());
    if (encoded <= frame_header_bytes || encoded > frame_encoded_bytes_max || offset > limits::segment_bytes_max ||
        frame.data_blocks > limits::frame_blocks_max) {
      return fail(ErrorCode::limit_exceeded, "an index run names a frame that cannot be");
    }
    frame.offset = ByteOffset(std::uint64_t{offset});
    frame.encoded = ByteCount(std::uint64_t{encoded});
    frame.birth = Epoch(birth);
    frames_.push_back(frame);
  }
  entries_.reserve(entries);
  for (std::uint32_t i = 0; i < entries; ++i) {
    AFI_TRY(const FrameExtent extent, wire::read_extent(reader));
    IndexEntry entry{.extent = extent.extent, .kind = extent.kind};
    AFI_TRY(entry.frame, reader.read<std::uint32_t>());
    AFI_TRY(entry.raw_block, reader.read<std::uint32_t>());
    entries_.push_back(entry);
  }
  return {};
}

Status IndexRun::check_entries() const {
  for (const RunDisk& disk : disks_) {
    BlockIndex next;
    for (const IndexEntry& entry : std::span(entries_).subspan(disk.entry_begin, disk.entry_count)) {
      if (entry.extent.first < next) return fail(ErrorCode::damaged, "an index run's entries are not ascending");
      next = entry.extent.end();
      if (entry.frame >= frames_.size()) return fail(ErrorCode::damaged, "an index entry names no frame of its run");
      const std::uint32_t blocks = frames_[entry.frame].data_blocks;
      const bool inside = entry.kind == BlockKind::zero
                              ? entry.raw_block == 0
                              : entry.raw_block < blocks && entry.extent.count.value() <= blocks - entry.raw_block;
      if (!inside) return fail(ErrorCode::damaged, "an index entry lies outside its frame");
    }
  }
  return {};
}

Result<IndexRun> IndexRun::parse(ByteView bytes) {
  AFI_TRY(const std::size_t length, measure(bytes));
  if (bytes.size() != length) return fail(ErrorCode::damaged, "an index run is cut off or has bytes behind it");
  AFI_TRY_STATUS(wire::verify_closing_check(bytes, "an index run does not match its check"));
  ByteReader reader(bytes.subspan(4));
  AFI_TRY(const std::uint16_t version, reader.read<std::uint16_t>());
  if (version != wire::run_version) {
    return fail(ErrorCode::unsupported, "index run version",
                fmt::format("an index has format version {}, this program knows {}; upgrade Afterimage", version,
                            wire::run_version));
  }
  IndexRun run;
  AFI_TRY(const std::uint16_t disks, reader.read<std::uint16_t>());
  if (disks > run_disks_max) return fail(ErrorCode::limit_exceeded, "an index run has too many disks");
  AFI_TRY([[maybe_unused]] const std::uint32_t measured, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint32_t reserved, reader.read<std::uint32_t>());
  if (reserved != 0) return fail(ErrorCode::damaged, "a reserved field of an index run is set");
  AFI_TRY(const std::uint64_t epoch, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t from, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t sequence, reader.read<std::uint64_t>());
  run.closing_ = {.epoch = Epoch(epoch), .from = Sequence(from), .sequence = Sequence(sequence)};
  if (sequence == 0 ? from != 0 || epoch != 0 : from >= sequence) {
    return fail(ErrorCode::damaged, "an index run's sequences contradict each other");
  }
  AFI_TRY(const std::uint32_t frames, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint32_t entries, reader.read<std::uint32_t>());
  const std::uint64_t tables = std::uint64_t{disks} * wire::run_disk_bytes +
                               std::uint64_t{frames} * wire::run_frame_bytes +
                               std::uint64_t{entries} * wire::run_entry_bytes;
  if (tables + sizeof(std::uint64_t) != reader.remaining())
    return fail(ErrorCode::damaged, "an index run's tables do not add up");
  AFI_TRY_STATUS(run.read_tables(reader, disks, frames, entries));
  AFI_TRY_STATUS(run.check_entries());
  return run;
}

}  // namespace afterimage::format
