// SPDX-License-Identifier: Apache-2.0
// One sound message of each type, and the values in them, for all tests of the protocol.
#pragma once

#include <vector>

#include "engine/format/frame.h"
#include "transport/replication/messages.h"

namespace afterimage::replication::samples {

inline constexpr SessionId session{{std::byte{0x51}, std::byte{0x52}}};
inline constexpr LaneSecret lane_secret{{std::byte{0x61}, std::byte{0x62}}};
inline constexpr DiskId disk{{std::byte{0xD1}}};

inline MachineDescription machine() {
  return MachineDescription{
      .id = MachineId{{std::byte{0x0A}}},
      .name = "web1",
      .lineage = LineageId{{std::byte{0x0B}}},
      .generation = 1,
      .disks = {{.id = disk, .name = "root", .size = ByteCount(std::uint64_t{1} << 30), .secret = {}}}};
}

inline Digest digest(std::uint8_t fill) {
  Digest digest;
  digest.bytes.fill(std::byte{fill});
  return digest;
}

inline Head head(std::uint64_t sequence) {
  return Head{.sequence = Sequence(sequence), .digest = digest(static_cast<std::uint8_t>(sequence))};
}

inline format::PointRecord record(std::uint64_t sequence) {
  const ByteCount size(std::uint64_t{1} << 30);
  return format::PointRecord{.machine = machine().id,
                             .lineage = machine().lineage,
                             .generation = 1,
                             .sequence = Sequence(sequence),
                             .epoch = Epoch(sequence + 1),
                             .parent = sequence > 1 ? digest(static_cast<std::uint8_t>(sequence - 1)) : Digest{},
                             .frozen = WallTime{1'767'225'600'000'000'000},
                             .received = {},
                             .consistency = format::Consistency::crash,
                             .description = machine().digest(),
                             .frame_count = 3,
                             .disks = {{.disk = disk,
                                        .sizes = {.before = size, .smallest = size, .after = size},
                                        .changed = BlockCount(std::uint64_t{3}),
                                        .change_root = digest(0xC0)}}};
}

inline Welcome welcome() {
  return Welcome{.head = head(7),
                 .unfinished = UnfinishedEpoch{.epoch = Epoch(std::uint64_t{9}), .frames = 4},
                 .staged = StagedSeed{.epoch = Epoch(std::uint64_t{1}),
                                      .frames = 12,
                                      .position = {.disk_index = 1, .block = BlockIndex(std::uint64_t{77})}},
                 .newest_epoch = Epoch(std::uint64_t{9}),
                 .awaits_medium = true,
                 .head_sizes = {ByteCount(std::uint64_t{4096}), ByteCount(std::uint64_t{1} << 40)}};
}

inline BeginEpoch begin() {
  return BeginEpoch{.kind = EpochKind::cycle, .epoch = Epoch(std::uint64_t{9}), .parent = head(7)};
}

// The messages look at the length of a frame alone.
inline Bytes frame(std::size_t bytes = 100, std::uint8_t fill = 0xF0) { return Bytes(bytes, std::byte{fill}); }

// A sound frame of one disk's epoch, as far as its header goes: what lanes are put back in order by.
inline Bytes numbered(std::uint64_t epoch, std::uint32_t number, std::size_t stored_bytes = 100) {
  Bytes bytes;
  format::FrameHeader{.identity = {.disk = disk, .birth = Epoch(epoch), .number = number},
                      .codec = format::Codec::zstd,
                      .extents = 1,
                      .raw_bytes = static_cast<std::uint32_t>(block_size * (1 + stored_bytes / block_size)),
                      .stored_bytes = static_cast<std::uint32_t>(stored_bytes)}
      .encode(bytes);
  const format::FrameHeader header = format::FrameHeader::parse(bytes).value();
  bytes.resize(header.encoded_size(), static_cast<std::byte>(number));
  return bytes;
}

inline Extent extent(std::uint64_t first, std::uint64_t count) {
  return Extent{.first = BlockIndex(first), .count = BlockCount(count)};
}

// In the order of MessageType.
inline std::vector<Message> all() {
  return {message::Hello{.versions = {.min = 1, .max = 2}, .session = session, .host_name = "alpha"},
          message::Welcome{.version = 2,
                           .window_bytes = limits::session_window_bytes,
                           .host_name = "beta",
                           .lanes = 3,
                           .lane_secret = lane_secret},
          message::Refusal{.code = ErrorCode::permission_denied, .reason = "host 'alpha' was revoked"},
          message::Open{.machine = machine(), .seed_by = SeedBy::medium},
          message::Opened{.welcome = welcome()},
          message::Begin{.begin = begin()},
          message::Need{.need = {.first_frame = 4, .position = {}}},
          message::Frame{.bytes = frame()},
          message::Ack{.frame_bytes = 100},
          message::Commit{.record = record(8)},
          message::Receipt{.receipt = {.sequence = Sequence(std::uint64_t{8}),
                                       .digest = digest(8),
                                       .received = WallTime{1'767'225'601'000'000'000}}},
          message::HashesRequest{.disk = disk, .extent = extent(16, 2)},
          message::Hashes{.hashes = {{1}, {0}}},
          message::Declined{.code = ErrorCode::resync_required, .reason = "no such head"},
          message::Remove{},
          message::Removed{},
          message::Heartbeat{},
          message::Failure{.code = ErrorCode::no_space, .reason = "store 'default' is full"},
          message::Bye{},
          message::Join{.session = session, .secret = lane_secret, .lane = 2},
          message::Joined{},
          message::FramesSent{.frames = 3}};
}

inline Message of(MessageType type) { return all().at(static_cast<std::size_t>(type) - 1); }

// What a reader would make of these bytes: a header, and a body of the length it says.
inline Result<Message> parse(ByteView bytes) {
  AFI_TRY(const MessageHeader header, MessageHeader::parse(bytes));
  const ByteView body = bytes.subspan(message_header_bytes);
  if (body.size() < header.body_bytes) return fail(ErrorCode::end_of_data, "parse a message in a test");
  return parse_message(header, Bytes(body.begin(), body.begin() + header.body_bytes));
}

}  // namespace afterimage::replication::samples
