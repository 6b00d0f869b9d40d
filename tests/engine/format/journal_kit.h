// SPDX-License-Identifier: Apache-2.0
// What the tests of the journal are made of: fixed ids, blocks whose content says where they come from, frames, points
// and whole segments.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/format/frame.h"
#include "engine/format/point_record.h"
#include "engine/format/segment.h"
#include "engine/format/segment_scanner.h"

namespace afterimage::format::kit {

template <typename Id>
[[nodiscard]] inline Id id_of(std::uint8_t seed) {
  Id id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::byte>(seed + i);
  return id;
}

inline const MachineId machine = id_of<MachineId>(0x10);
inline const LineageId lineage = id_of<LineageId>(0x20);
inline const DiskId disk_a = id_of<DiskId>(0x30);
inline const DiskId disk_b = id_of<DiskId>(0x40);
inline const DiskSecret secret = [] {
  DiskSecret value;
  for (std::size_t i = 0; i < value.bytes.size(); ++i) value.bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return value;
}();
inline const BlockHasher hasher{secret};

[[nodiscard]] inline Extent extent(std::uint64_t first, std::uint64_t count) {
  return {.first = BlockIndex(first), .count = BlockCount(count)};
}

// A block that is not zero, differs by seed, and compresses well.
[[nodiscard]] inline Bytes text_block(std::uint64_t seed) {
  Bytes block(block_size);
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<std::byte>('a' + (i / 64 + seed) % 23);
  std::memcpy(block.data(), &seed, sizeof seed);
  block[8] = std::byte{1};
  return block;
}

// A block that does not compress.
[[nodiscard]] inline Bytes noise_block(std::uint64_t seed) {
  Bytes block(block_size);
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  for (std::size_t i = 0; i < block.size(); i += sizeof state) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    store(block.data() + i, state);
  }
  return block;
}

inline void add(FrameBuilder& builder, std::uint64_t block, const Bytes& content) {
  builder.add_data(BlockIndex(block), content, hasher.hash(content));
}

[[nodiscard]] inline FrameIdentity identity(std::uint64_t birth, std::uint32_t number, const DiskId& disk = disk_a) {
  return {.disk = disk, .birth = Epoch(birth), .number = number};
}

// Data blocks [first, first + count), stored raw, each saying its place and `seed`.
[[nodiscard]] inline Bytes frame(const FrameIdentity& who, std::uint64_t first, std::uint64_t count,
                                 std::uint64_t seed = 0, Compression compression = Compression::off()) {
  FrameBuilder builder{ByteCount(limits::frame_raw_bytes_max)};
  for (std::uint64_t i = 0; i < count; ++i) add(builder, first + i, text_block(seed * 1'000'000 + first + i));
  FrameEncoder encoder;
  return encode_frame(who, builder.take(), compression, encoder);
}

[[nodiscard]] inline DiskSizes steady(std::uint64_t bytes) {
  return {.before = ByteCount(bytes), .smallest = ByteCount(bytes), .after = ByteCount(bytes)};
}

// The point that closes `epoch`, on one disk of 4 MiB.
[[nodiscard]] inline PointRecord point(std::uint64_t sequence, std::uint64_t epoch, const Digest& parent = {}) {
  PointRecord record;
  record.machine = machine;
  record.lineage = lineage;
  record.generation = 1;
  record.sequence = Sequence(sequence);
  record.epoch = Epoch(epoch);
  record.parent = parent;
  record.frozen = WallTime{1'767'225'600'000'000'000};
  record.frame_count = 1;
  record.disks.push_back(
      {.disk = disk_a, .sizes = steady(4 << 20), .changed = BlockCount(std::uint64_t{1}), .change_root = {}});
  return record;
}

[[nodiscard]] inline SegmentHeader header(std::uint64_t number = 1, SegmentKind kind = SegmentKind::stream) {
  return {.kind = kind, .machine = machine, .lineage = lineage, .number = SegmentNumber(number)};
}

inline void append(Bytes& file, ByteView bytes) { file.insert(file.end(), bytes.begin(), bytes.end()); }

struct Scan {
  std::vector<RecordLabel> labels;
  std::vector<std::uint64_t> offsets;
  std::vector<PointRecord> points;
  ScanOutcome outcome;
};

// Scans a whole file, fed as the scanner asks.
[[nodiscard]] inline Scan scan(ByteView file, ScanExpectation expectation = {}) {
  SegmentScanner scanner(std::move(expectation), ByteCount(std::uint64_t{file.size()}));
  Scan result;
  while (const auto want = scanner.want()) {
    scanner.feed(file.subspan(want->offset.value(), want->bytes.value()));
    while (auto record = scanner.next()) {
      result.labels.push_back(record->label);
      result.offsets.push_back(record->offset.value());
      if (record->point && record->label == RecordLabel::point) result.points.push_back(*record->point);
    }
  }
  result.outcome = scanner.outcome();
  return result;
}

}  // namespace afterimage::format::kit
