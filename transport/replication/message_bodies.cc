// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/message_bodies.h"

#include <string_view>
#include <utility>

#include "engine/format/frame.h"
#include "io/base/check.h"
#include "io/base/printable.h"

namespace afterimage::replication::detail {
namespace {

std::unexpected<Error> malformed(std::string detail) {
  return fail(ErrorCode::protocol, "read a message", std::move(detail));
}

// At most `bytes_max` bytes, cut where a character begins.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  while (bytes_max > 0 && continues(text[bytes_max])) --bytes_max;
  return text.substr(0, bytes_max);
}

// A peer's text is shown on terminals and in logs: nothing in it may steer them.
std::string shown(std::string_view text) { return without_controls(text, '?'); }

Result<std::string> read_name(ByteReader& reader) {
  AFI_TRY(std::string name, reader.read_text(limits::name_bytes_max));
  return shown(std::move(name));
}

void write_reason(ByteWriter& writer, ErrorCode code, std::string_view reason) {
  writer.write_text(name_of(code));
  writer.write_text(cut(reason, reason_bytes_max));
}

template <typename T>
Result<T> read_reason(ByteReader& reader) {
  AFI_TRY(const std::string code, reader.read_text(code_bytes_max));
  AFI_TRY(std::string reason, reader.read_text(reason_bytes_max));
  return T{.code = code_of(code), .reason = shown(std::move(reason))};
}

void write_position(ByteWriter& writer, const SeedingPosition& position) {
  writer.write(position.disk_index);
  writer.write(position.block.value());
}

Result<SeedingPosition> read_position(ByteReader& reader) {
  AFI_TRY(const std::uint32_t disk_index, reader.read<std::uint32_t>());
  AFI_TRY(const std::uint64_t block, reader.read<std::uint64_t>());
  // One past the last disk, and one past the last block: the end of the seeding.
  if (disk_index > limits::disks_max || block > format::disk_blocks_max) {
    return malformed("a seeding position is out of bounds");
  }
  return SeedingPosition{.disk_index = disk_index, .block = BlockIndex(block)};
}

void write_head(ByteWriter& writer, const Head& head) {
  writer.write(head.sequence.value());
  writer.write_bytes(head.digest.bytes);
}

Result<Head> read_head(ByteReader& reader) {
  Head head;
  AFI_TRY(const std::uint64_t sequence, reader.read<std::uint64_t>());
  head.sequence = Sequence(sequence);
  AFI_TRY_STATUS(reader.read_into(head.digest.bytes));
  if (head.is_none() != head.digest.is_none()) return malformed("a head has a digest exactly if it has a sequence");
  return head;
}

// --- Bodies.

void write(ByteWriter& writer, const message::Hello& hello) {
  writer.write(hello.versions.min);
  writer.write(hello.versions.max);
  writer.write_bytes(hello.session.bytes);
  writer.write_text(cut(hello.host_name, limits::name_bytes_max));
}
Result<Message> read_hello(ByteReader& reader) {
  message::Hello hello;
  AFI_TRY(hello.versions.min, reader.read<std::uint16_t>());
  AFI_TRY(hello.versions.max, reader.read<std::uint16_t>());
  if (hello.versions.min > hello.versions.max) return malformed("a range of versions that is empty");
  AFI_TRY_STATUS(reader.read_into(hello.session.bytes));
  AFI_TRY(hello.host_name, read_name(reader));
  return hello;
}

void write(ByteWriter& writer, const message::Welcome& welcome) {
  writer.write(welcome.version);
  writer.write(welcome.window_bytes);
  writer.write_text(cut(welcome.host_name, limits::name_bytes_max));
  if (welcome.version < lanes_version) return;
  writer.write(welcome.lanes);
  writer.write_bytes(welcome.lane_secret.bytes);
}
Result<Message> read_welcome(ByteReader& reader) {
  message::Welcome welcome;
  AFI_TRY(welcome.version, reader.read<std::uint16_t>());
  AFI_TRY(welcome.window_bytes, reader.read<std::uint32_t>());
  if (welcome.window_bytes < limits::message_bytes_max) return malformed("a window that holds no frame");
  AFI_TRY(welcome.host_name, read_name(reader));
  if (welcome.version < lanes_version) return welcome;
  AFI_TRY(welcome.lanes, reader.read<std::uint8_t>());
  if (welcome.lanes == 0 || welcome.lanes > limits::lanes_max) return malformed("a number of lanes out of bounds");
  AFI_TRY_STATUS(reader.read_into(welcome.lane_secret.bytes));
  return welcome;
}

void write(ByteWriter& writer, const message::Refusal& refusal) { write_reason(writer, refusal.code, refusal.reason); }

void write(ByteWriter& writer, const message::Open& open) {
  writer.write(static_cast<std::uint8_t>(open.seed_by));
  writer.write_bytes(open.machine.encode());
}
Result<Message> read_open(ByteReader& reader) {
  message::Open open;
  AFI_TRY(const std::uint8_t seed_by, reader.read<std::uint8_t>());
  if (seed_by > static_cast<std::uint8_t>(SeedBy::medium)) return malformed("an unknown way of seeding");
  open.seed_by = static_cast<SeedBy>(seed_by);
  AFI_TRY(const ByteView description, reader.read_bytes(reader.remaining()));
  AFI_TRY(open.machine, MachineDescription::parse(description));
  return open;
}

constexpr std::uint8_t opened_has_unfinished = 1;
constexpr std::uint8_t opened_has_staged = 2;
constexpr std::uint8_t opened_awaits_medium = 4;
constexpr std::uint8_t opened_flags = opened_has_unfinished | opened_has_staged | opened_awaits_medium;

void write(ByteWriter& writer, const message::Opened& opened) {
  const Welcome& welcome = opened.welcome;
  write_head(writer, welcome.head);
  writer.write(welcome.newest_epoch.value());
  unsigned flags = 0;
  if (welcome.unfinished) flags |= opened_has_unfinished;
  if (welcome.staged) flags |= opened_has_staged;
  if (welcome.awaits_medium) flags |= opened_awaits_medium;
  writer.write(static_cast<std::uint8_t>(flags));
  writer.write(static_cast<std::uint8_t>(welcome.head_sizes.size()));
  for (const ByteCount size : welcome.head_sizes) writer.write(size.value());
  if (welcome.unfinished) {
    writer.write(welcome.unfinished->epoch.value());
    writer.write(welcome.unfinished->frames);
  }
  if (welcome.staged) {
    writer.write(welcome.staged->epoch.value());
    writer.write(welcome.staged->frames);
    write_position(writer, welcome.staged->position);
  }
}

Result<std::vector<ByteCount>> read_sizes(ByteReader& reader) {
  AFI_TRY(const std::uint8_t disks, reader.read<std::uint8_t>());
  if (disks > limits::disks_max) return malformed("too many disks");
  std::vector<ByteCount> sizes;
  for (std::size_t i = 0; i < disks; ++i) {
    AFI_TRY(const std::uint64_t size, reader.read<std::uint64_t>());
    if (size > limits::disk_bytes_max) return malformed("a disk that is too large");
    sizes.emplace_back(size);
  }
  return sizes;
}

Result<Message> read_opened(ByteReader& reader) {
  message::Opened opened;
  Welcome& welcome = opened.welcome;
  AFI_TRY(welcome.head, read_head(reader));
  AFI_TRY(const std::uint64_t newest, reader.read<std::uint64_t>());
  welcome.newest_epoch = Epoch(newest);
  AFI_TRY(const std::uint8_t flags, reader.read<std::uint8_t>());
  if (flags > opened_flags) return malformed("unknown flags");
  welcome.awaits_medium = (flags & opened_awaits_medium) != 0;
  AFI_TRY(welcome.head_sizes, read_sizes(reader));
  if ((flags & opened_has_unfinished) != 0) {
    UnfinishedEpoch unfinished;
    AFI_TRY(const std::uint64_t epoch, reader.read<std::uint64_t>());
    unfinished.epoch = Epoch(epoch);
    AFI_TRY(unfinished.frames, reader.read<std::uint32_t>());
    welcome.unfinished = unfinished;
  }
  if ((flags & opened_has_staged) != 0) {
    StagedSeed staged;
    AFI_TRY(const std::uint64_t epoch, reader.read<std::uint64_t>());
    staged.epoch = Epoch(epoch);
    AFI_TRY(staged.frames, reader.read<std::uint32_t>());
    AFI_TRY(staged.position, read_position(reader));
    welcome.staged = staged;
  }
  return opened;
}

void write(ByteWriter& writer, const message::Begin& begin) {
  writer.write(static_cast<std::uint8_t>(begin.begin.kind));
  writer.write(begin.begin.epoch.value());
  write_head(writer, begin.begin.parent);
}
Result<Message> read_begin(ByteReader& reader) {
  message::Begin begin;
  AFI_TRY(const std::uint8_t kind, reader.read<std::uint8_t>());
  if (kind > static_cast<std::uint8_t>(EpochKind::compare)) return malformed("an unknown kind of epoch");
  begin.begin.kind = static_cast<EpochKind>(kind);
  AFI_TRY(const std::uint64_t epoch, reader.read<std::uint64_t>());
  begin.begin.epoch = Epoch(epoch);
  AFI_TRY(begin.begin.parent, read_head(reader));
  return begin;
}

void write(ByteWriter& writer, const message::Need& need) {
  writer.write(need.need.first_frame);
  write_position(writer, need.need.position);
}
Result<Message> read_need(ByteReader& reader) {
  message::Need need;
  AFI_TRY(need.need.first_frame, reader.read<std::uint32_t>());
  AFI_TRY(need.need.position, read_position(reader));
  return need;
}

void write(ByteWriter& writer, const message::Frame& frame) { writer.write_bytes(frame.bytes); }

void write(ByteWriter& writer, const message::Ack& ack) { writer.write(ack.frame_bytes); }
Result<Message> read_ack(ByteReader& reader) {
  message::Ack ack;
  AFI_TRY(ack.frame_bytes, reader.read<std::uint64_t>());
  return ack;
}

void write(ByteWriter& writer, const message::Commit& commit) { writer.write_bytes(commit.record.encode()); }
Result<Message> read_commit(ByteReader& reader) {
  message::Commit commit;
  AFI_TRY(const ByteView record, reader.read_bytes(reader.remaining()));
  AFI_TRY(commit.record, format::PointRecord::parse(record));
  return commit;
}

void write(ByteWriter& writer, const message::Receipt& receipt) {
  write_head(writer, Head{.sequence = receipt.receipt.sequence, .digest = receipt.receipt.digest});
  writer.write(static_cast<std::uint64_t>(receipt.receipt.received.nanoseconds));
}
Result<Message> read_receipt(ByteReader& reader) {
  message::Receipt receipt;
  AFI_TRY(const Head head, read_head(reader));
  if (head.is_none()) return malformed("a receipt for no point");
  receipt.receipt.sequence = head.sequence;
  receipt.receipt.digest = head.digest;
  AFI_TRY(const std::uint64_t received, reader.read<std::uint64_t>());
  receipt.receipt.received = WallTime{static_cast<std::int64_t>(received)};
  return receipt;
}

void write(ByteWriter& writer, const message::HashesRequest& request) {
  writer.write_bytes(request.disk.bytes);
  writer.write(request.extent.first.value());
  writer.write(request.extent.count.value());
}
Result<Message> read_hashes_request(ByteReader& reader) {
  message::HashesRequest request;
  AFI_TRY_STATUS(reader.read_into(request.disk.bytes));
  AFI_TRY(const std::uint64_t first, reader.read<std::uint64_t>());
  AFI_TRY(const std::uint64_t count, reader.read<std::uint64_t>());
  if (count == 0 || count > hashes_per_message_max || first > format::disk_blocks_max - count) {
    return malformed("an extent out of bounds");
  }
  request.extent = Extent{.first = BlockIndex(first), .count = BlockCount(count)};
  return request;
}

void write(ByteWriter& writer, const message::Hashes& hashes) {
  for (const format::BlockHash hash : hashes.hashes) writer.write(hash.value);
}
Result<Message> read_hashes(ByteReader& reader) {
  message::Hashes hashes;
  if (reader.remaining() % sizeof(std::uint64_t) != 0) return malformed("half a hash");
  hashes.hashes.reserve(reader.remaining() / sizeof(std::uint64_t));
  while (!reader.at_end()) {
    AFI_TRY(const std::uint64_t value, reader.read<std::uint64_t>());
    hashes.hashes.push_back(format::BlockHash{value});
  }
  return hashes;
}

void write(ByteWriter& writer, const message::Declined& declined) {
  write_reason(writer, declined.code, declined.reason);
}
void write(ByteWriter& writer, const message::Failure& failure) { write_reason(writer, failure.code, failure.reason); }
void write(ByteWriter&, const message::Remove&) {}
void write(ByteWriter&, const message::Removed&) {}
void write(ByteWriter&, const message::Heartbeat&) {}
void write(ByteWriter&, const message::Bye&) {}

void write(ByteWriter& writer, const message::Join& join) {
  writer.write_bytes(join.session.bytes);
  writer.write_bytes(join.secret.bytes);
  writer.write(join.lane);
}
Result<Message> read_join(ByteReader& reader) {
  message::Join join;
  AFI_TRY_STATUS(reader.read_into(join.session.bytes));
  AFI_TRY_STATUS(reader.read_into(join.secret.bytes));
  AFI_TRY(join.lane, reader.read<std::uint8_t>());
  if (join.lane == 0 || join.lane >= limits::lanes_max) return malformed("a lane out of bounds");
  return join;
}

void write(ByteWriter&, const message::Joined&) {}

void write(ByteWriter& writer, const message::FramesSent& sent) { writer.write(sent.frames); }
Result<Message> read_frames_sent(ByteReader& reader) {
  message::FramesSent sent;
  AFI_TRY(sent.frames, reader.read<std::uint64_t>());
  return sent;
}

}  // namespace

Result<Message> read_body(MessageType type, ByteReader& reader) {
  switch (type) {
    case MessageType::hello: return read_hello(reader);
    case MessageType::welcome: return read_welcome(reader);
    case MessageType::refusal: return read_reason<message::Refusal>(reader);
    case MessageType::open: return read_open(reader);
    case MessageType::opened: return read_opened(reader);
    case MessageType::begin: return read_begin(reader);
    case MessageType::need: return read_need(reader);
    case MessageType::frame: break;  // has no reader: its body is kept as it is
    case MessageType::ack: return read_ack(reader);
    case MessageType::commit: return read_commit(reader);
    case MessageType::receipt: return read_receipt(reader);
    case MessageType::hashes_request: return read_hashes_request(reader);
    case MessageType::hashes: return read_hashes(reader);
    case MessageType::declined: return read_reason<message::Declined>(reader);
    case MessageType::remove: return message::Remove{};
    case MessageType::removed: return message::Removed{};
    case MessageType::heartbeat: return message::Heartbeat{};
    case MessageType::failure: return read_reason<message::Failure>(reader);
    case MessageType::bye: return message::Bye{};
    case MessageType::join: return read_join(reader);
    case MessageType::joined: return message::Joined{};
    case MessageType::frames_sent: return read_frames_sent(reader);
  }
  AFI_CHECK(false);
  return message::Bye{};
}

void write_body(ByteWriter& writer, const Message& message) {
  std::visit([&writer](const auto& body) { write(writer, body); }, message);
}

}  // namespace afterimage::replication::detail
