// SPDX-License-Identifier: Apache-2.0
// The bytes of messages: all types there and back, and a catalogue of what must not parse.
#include "transport/replication/messages.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "engine/format/digest.h"
#include "engine/format/frame.h"
#include "tests/transport/replication/samples.h"

namespace afterimage::replication {
namespace {

// Makes the checks of a tampered message sound again, so that what is behind them is tested.
Bytes mended(Bytes bytes) {
  const ByteView body = ByteView(bytes).subspan(message_header_bytes);
  store(bytes.data() + 4, static_cast<std::uint32_t>(body.size()));
  store(bytes.data() + 8, static_cast<std::uint32_t>(format::check_of(body)));
  store(bytes.data() + 12, static_cast<std::uint32_t>(format::check_of(ByteView(bytes).first(12))));
  return bytes;
}

Bytes with_body_byte(MessageType type, std::size_t at, std::uint8_t value) {
  Bytes bytes = encode(samples::of(type));
  bytes.at(message_header_bytes + at) = std::byte{value};
  return mended(std::move(bytes));
}

void expect_refused(const Bytes& bytes, std::string_view why) {
  const Result<Message> message = samples::parse(bytes);
  ASSERT_FALSE(message.has_value()) << why;
  EXPECT_EQ(message.error().code, ErrorCode::protocol) << why;
  EXPECT_NE(message.error().detail.find(why), std::string::npos) << message.error().detail << " lacks: " << why;
}

TEST(Messages, SamplesStandInTheOrderOfTypes) {
  const std::vector<Message> all = samples::all();
  ASSERT_EQ(all.size(), message_types);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(static_cast<std::size_t>(type_of(all[i])), i + 1);
}

TEST(Messages, EveryTypeComesBackAsItWas) {
  for (const Message& message : samples::all()) {
    const Bytes bytes = encode(message);
    const Result<Message> parsed = samples::parse(bytes);
    ASSERT_TRUE(parsed.has_value()) << name_of(type_of(message)) << ": " << parsed.error().text();
    EXPECT_EQ(type_of(*parsed), type_of(message));
    EXPECT_EQ(encode(*parsed), bytes) << name_of(type_of(message));
  }
}

// The worked examples of docs/protocol.md.
TEST(Messages, TheBytesAreTheDocumentedOnes) {
  EXPECT_EQ(to_hex(encode(samples::of(MessageType::hello))),
            "af0100001b0000008067335a64a43785"
            "01000200515200000000000000000000000000000500616c706861");
  EXPECT_EQ(to_hex(encode(samples::of(MessageType::join))),
            "af14000021000000b957191042e87d10"
            "51520000000000000000000000000000"
            "61620000000000000000000000000000"
            "02");
  EXPECT_EQ(to_hex(encode(samples::of(MessageType::frames_sent))), "af160000080000007d2ef4c125cde3ae0300000000000000");
  EXPECT_EQ(to_hex(encode(samples::of(MessageType::ack))),
            "af090000080000005b3c8e128a978471"
            "6400000000000000");
  EXPECT_EQ(to_hex(encode(samples::of(MessageType::failure))),
            "af120000230000008e289f211afbac85"
            "08006e6f5f7370616365170073746f7265202764656661756c74272069732066756c6c");
  EXPECT_EQ(to_hex(encode(message::Heartbeat{})), "af11000000000000c294d338ff4a50d0");
}

TEST(Messages, AWelcomeOfTheFirstVersionKnowsNoLanes) {
  const Bytes bytes = encode(message::Welcome{.version = 1, .host_name = "beta", .lanes = 3});
  EXPECT_EQ(bytes.size(), message_header_bytes + 2 + 4 + 2 + 4);
  const Result<Message> parsed = samples::parse(bytes);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().text();
  EXPECT_EQ(std::get<message::Welcome>(*parsed).lanes, 1);
  EXPECT_TRUE(std::get<message::Welcome>(*parsed).lane_secret.is_none());
}

TEST(Messages, AnEmptyWelcomeOfTheSinkComesBack) {
  const Bytes bytes = encode(message::Opened{});
  const Result<Message> parsed = samples::parse(bytes);
  ASSERT_TRUE(parsed.has_value());
  const Welcome& welcome = std::get<message::Opened>(*parsed).welcome;
  EXPECT_TRUE(welcome.head.is_none());
  EXPECT_FALSE(welcome.unfinished.has_value());
  EXPECT_FALSE(welcome.staged.has_value());
  EXPECT_TRUE(welcome.head_sizes.empty());
}

TEST(Messages, TheLargestOfEachKindFits) {
  Welcome welcome = samples::welcome();
  welcome.head_sizes.assign(limits::disks_max, ByteCount(limits::disk_bytes_max));
  EXPECT_TRUE(samples::parse(encode(message::Opened{welcome})).has_value());
  MachineDescription machine = samples::machine();
  while (machine.disks.size() < limits::disks_max) {
    DiskDescription disk = machine.disks.front();
    disk.id.bytes[1] = static_cast<std::byte>(machine.disks.size());
    disk.name = std::string(60, 'd') + std::to_string(machine.disks.size());
    machine.disks.push_back(disk);
  }
  EXPECT_TRUE(samples::parse(encode(message::Open{.machine = machine})).has_value());
  format::PointRecord record = samples::record(8);
  while (record.disks.size() < limits::disks_max) {
    format::PointDisk disk = record.disks.front();
    disk.disk.bytes[1] = static_cast<std::byte>(record.disks.size());
    record.disks.push_back(disk);
  }
  EXPECT_TRUE(samples::parse(encode(message::Commit{record})).has_value());
  message::Hashes hashes;
  hashes.hashes.resize(hashes_per_message_max);
  EXPECT_TRUE(samples::parse(encode(hashes)).has_value());
  EXPECT_TRUE(samples::parse(encode(message::Frame{samples::frame(format::frame_encoded_bytes_max)})).has_value());
}

TEST(Messages, AFrameHeaderAndItsFrameAreTheFrameMessage) {
  const Bytes frame = samples::frame(5000);
  Bytes joined = encode_frame_header(frame);
  joined.insert(joined.end(), frame.begin(), frame.end());
  EXPECT_EQ(joined, encode(message::Frame{frame}));
}

TEST(Messages, AnySingleBitFlippedIsFound) {
  for (const Message& message : samples::all()) {
    const Bytes sound = encode(message);
    // The content of a frame has its own check, which the receiver of frames looks at.
    const bool is_frame = type_of(message) == MessageType::frame;
    const std::size_t checked = is_frame ? message_header_bytes + format::frame_header_bytes : sound.size();
    for (std::size_t bit = 0; bit < std::min(checked, sound.size()) * 8; ++bit) {
      Bytes bytes = sound;
      bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      EXPECT_FALSE(samples::parse(bytes).has_value()) << name_of(type_of(message)) << " bit " << bit;
    }
  }
}

TEST(Messages, AMessageCutAnywhereDoesNotParse) {
  for (const Message& message : samples::all()) {
    const Bytes sound = encode(message);
    for (std::size_t length = 0; length < sound.size(); ++length) {
      EXPECT_FALSE(samples::parse(ByteView(sound).first(length)).has_value());
    }
  }
}

TEST(Messages, ABodyCutWithSoundChecksIsRefusedAtEveryLength) {
  for (const MessageType type :
       {MessageType::hello, MessageType::welcome, MessageType::refusal, MessageType::open, MessageType::opened,
        MessageType::begin, MessageType::need, MessageType::commit, MessageType::receipt, MessageType::hashes_request,
        MessageType::declined, MessageType::join, MessageType::frames_sent}) {
    const Bytes sound = encode(samples::of(type));
    for (std::size_t length = message_header_bytes; length < sound.size(); ++length) {
      Bytes cut(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(length));
      const Result<Message> message = samples::parse(mended(std::move(cut)));
      ASSERT_FALSE(message.has_value()) << name_of(type) << " of " << length;
      EXPECT_EQ(message.error().code, ErrorCode::protocol);
    }
  }
}

TEST(Messages, ALaterVersionMayWriteMoreBehindWhatKeepsItsBeginning) {
  for (const Message& message : samples::all()) {
    Bytes bytes = encode(message);
    bytes.resize(bytes.size() + 8, std::byte{1});
    const MessageType type = type_of(message);
    const bool may_grow = type == MessageType::hello || type == MessageType::welcome || type == MessageType::refusal ||
                          type == MessageType::heartbeat || type == MessageType::failure || type == MessageType::bye;
    // A frame is judged by the sink, and hashes are as many as they are.
    if (type == MessageType::frame || type == MessageType::hashes) continue;
    EXPECT_EQ(samples::parse(mended(std::move(bytes))).has_value(), may_grow) << name_of(type);
  }
}

TEST(Messages, WhatIsNoMessageIsRefused) {
  Bytes http(64, std::byte{' '});
  const std::string_view request = "GET / HTTP/1.1\r\n";
  std::copy_n(view_of(request).begin(), request.size(), http.begin());
  expect_refused(http, "no message of this protocol");
}

TEST(Messages, AnUnknownTypeAndUnknownFlagsAreRefused) {
  for (const std::uint8_t type : {std::uint8_t{0}, std::uint8_t{message_types + 1}, std::uint8_t{255}}) {
    Bytes bytes = encode(message::Bye{});
    bytes[1] = std::byte{type};
    expect_refused(mended(std::move(bytes)), "unknown type");
  }
  Bytes bytes = encode(message::Bye{});
  bytes[2] = std::byte{1};
  expect_refused(mended(std::move(bytes)), "unknown flags");
}

TEST(Messages, ALengthBeyondItsTypeIsRefusedBeforeItsBodyIsRead) {
  for (const std::uint32_t length : {9U, 512U * 1024U, 0x7fffffffU, 0xffffffffU}) {
    Bytes bytes = encode(message::Ack{.frame_bytes = 1});
    store(bytes.data() + 4, length);
    store(bytes.data() + 12, static_cast<std::uint32_t>(format::check_of(ByteView(bytes).first(12))));
    const Result<MessageHeader> header = MessageHeader::parse(bytes);
    ASSERT_FALSE(header.has_value());
    EXPECT_EQ(header.error().code, ErrorCode::protocol);
  }
}

TEST(Messages, ValuesOutOfBoundsAreRefused) {
  expect_refused(with_body_byte(MessageType::hello, 2, 0), "range of versions");
  expect_refused(with_body_byte(MessageType::welcome, 4, 0), "window that holds no frame");
  for (const std::uint8_t lanes : {std::uint8_t{0}, std::uint8_t{limits::lanes_max + 1}}) {
    expect_refused(with_body_byte(MessageType::welcome, 12, lanes), "number of lanes");
  }
  for (const std::uint8_t lane : {std::uint8_t{0}, std::uint8_t{limits::lanes_max}}) {
    expect_refused(with_body_byte(MessageType::join, 32, lane), "a lane out of bounds");
  }
  expect_refused(with_body_byte(MessageType::open, 0, 2), "way of seeding");
  expect_refused(with_body_byte(MessageType::begin, 0, 3), "kind of epoch");
  expect_refused(with_body_byte(MessageType::opened, 48, 8), "unknown flags");
  expect_refused(with_body_byte(MessageType::opened, 49, 65), "too many disks");
  expect_refused(with_body_byte(MessageType::need, 7, 1), "seeding position");
  expect_refused(with_body_byte(MessageType::need, 15, 1), "seeding position");
  expect_refused(with_body_byte(MessageType::hashes_request, 24, 0), "extent out of bounds");
  expect_refused(with_body_byte(MessageType::hashes_request, 27, 1), "extent out of bounds");
  expect_refused(with_body_byte(MessageType::hashes_request, 23, 0xff), "extent out of bounds");
}

TEST(Messages, AHeadHasADigestExactlyIfItHasASequence) {
  Bytes no_digest = encode(message::Begin{.begin = samples::begin()});
  std::fill_n(no_digest.begin() + message_header_bytes + 17, 32, std::byte{0});
  expect_refused(mended(std::move(no_digest)), "head");
  Bytes no_sequence = encode(message::Begin{.begin = samples::begin()});
  std::fill_n(no_sequence.begin() + message_header_bytes + 9, 8, std::byte{0});
  expect_refused(mended(std::move(no_sequence)), "head");
}

TEST(Messages, ADescriptionOrARecordThatIsDamagedIsRefused) {
  expect_refused(with_body_byte(MessageType::open, 30, 0xEE), "'open'");
  expect_refused(with_body_byte(MessageType::commit, 30, 0xEE), "'commit'");
}

TEST(Messages, TextOfAPeerCannotSteerATerminal) {
  const Result<Message> parsed =
      samples::parse(encode(message::Failure{.code = ErrorCode::no_space, .reason = "full\x1b[2J\r\n\x7f!"}));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(std::get<message::Failure>(*parsed).reason,
            "full?[2J??"
            "?!");
}

TEST(Messages, ALongReasonIsCutWhereACharacterBegins) {
  std::string reason(reason_bytes_max - 1, 'x');
  reason += "\xC3\xA9 and more";
  const Result<Message> parsed = samples::parse(encode(message::Refusal{.code = ErrorCode::busy, .reason = reason}));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(std::get<message::Refusal>(*parsed).reason, std::string(reason_bytes_max - 1, 'x'));
}

TEST(Messages, ACodeOfANewerPeerBecomesInternal) {
  Bytes bytes = encode(message::Failure{.code = ErrorCode::busy, .reason = "r"});
  bytes[message_header_bytes + 2] = std::byte{'x'};
  const Result<Message> parsed = samples::parse(mended(std::move(bytes)));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(std::get<message::Failure>(*parsed).code, ErrorCode::internal);
}

TEST(Messages, AFailureOfThePeerIsNotTakenForOurOwnDoing) {
  EXPECT_EQ(error_of_peer(ErrorCode::cancelled, "stopping", "x").code, ErrorCode::unreachable);
  EXPECT_EQ(error_of_peer(ErrorCode::end_of_data, "", "x").code, ErrorCode::unreachable);
  EXPECT_EQ(error_of_peer(ErrorCode::no_space, "full", "x").code, ErrorCode::no_space);
  EXPECT_EQ(error_of_peer(ErrorCode::no_space, "full", "x").text(), "full");
}

TEST(Versions, TheGreatestCommonOneIsChosen) {
  struct Case {
    VersionRange primary, replica;
    std::uint16_t chosen;  // 0: none
  };
  for (const Case& c : {Case{{1, 1}, {1, 1}, 1}, Case{{1, 3}, {2, 5}, 3}, Case{{2, 5}, {1, 3}, 3},
                        Case{{1, 9}, {4, 6}, 6}, Case{{2, 3}, {1, 1}, 0}, Case{{1, 1}, {2, 3}, 0}}) {
    const Result<std::uint16_t> version = choose_version(c.primary, c.replica);
    if (c.chosen != 0) {
      ASSERT_TRUE(version.has_value());
      EXPECT_EQ(*version, c.chosen);
    } else {
      ASSERT_FALSE(version.has_value());
      EXPECT_EQ(version.error().code, ErrorCode::unsupported);
    }
  }
  EXPECT_EQ(choose_version({2, 3}, {1, 1}).error().text(),
            "the primary speaks version 2 to 3 of the replication protocol and the replica version 1; update the "
            "older one");
}

}  // namespace
}  // namespace afterimage::replication
