// SPDX-License-Identifier: Apache-2.0
// The messages of the replication protocol as values, and their bytes. Pure. Byte tables: docs/protocol.md.
//
// A message is a header of 16 bytes (magic, type, flags, length, check of the body, check of the header) and a body.
// A length is held against the bound of its type before memory is taken for it. hello, welcome, refusal, failure,
// heartbeat and bye keep their beginning for ever, and a reader ignores what it does not know behind it: two versions
// can always tell each other why they do not understand each other. All other bodies have exactly one length.
//
// Text from a peer is shown to people: control characters in it are replaced, its length is bounded.
// Every parse error is `protocol`: what does not parse was not written by a sound peer of this version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/format/block_hash.h"
#include "engine/format/point_record.h"
#include "engine/plan/machine_description.h"
#include "engine/plan/point_sink_types.h"
#include "io/base/bytes.h"
#include "io/base/identity.h"
#include "io/base/limits.h"
#include "io/base/result.h"
#include "io/base/units.h"

namespace afterimage::replication {

using SessionId = RandomId<struct SessionIdTag>;
// Who knows it may add connections to the session it was given in. Random.
using LaneSecret = RandomId<struct LaneSecretTag>;

// The versions a program speaks, both included.
struct VersionRange {
  std::uint16_t min = 1;
  std::uint16_t max = 1;
  auto operator<=>(const VersionRange&) const = default;
};
inline constexpr VersionRange spoken_versions{.min = 1, .max = 2};
inline constexpr std::uint16_t lanes_version = 2;  // from it on a session may have more than one connection

// The greatest version that both speak; `unsupported`, with a sentence that names both ranges, if there is none.
[[nodiscard]] Result<std::uint16_t> choose_version(VersionRange primary, VersionRange replica);

inline constexpr std::size_t message_header_bytes = 16;
inline constexpr std::size_t message_body_bytes_max = limits::message_bytes_max - message_header_bytes;
inline constexpr std::size_t reason_bytes_max = 1024;
inline constexpr std::size_t code_bytes_max = 32;
inline constexpr std::uint64_t hashes_per_message_max = 32 * 1024;

enum class MessageType : std::uint8_t {
  hello = 1,
  welcome,
  refusal,
  open,
  opened,
  begin,
  need,
  frame,
  ack,
  commit,
  receipt,
  hashes_request,
  hashes,
  declined,
  remove,
  removed,
  heartbeat,
  failure,
  bye,
  join,
  joined,
  frames_sent
};
inline constexpr std::uint8_t message_types = 22;

// "hashes_request"
[[nodiscard]] std::string_view name_of(MessageType type) noexcept;

namespace message {

// --- Greeting. From the primary: who asks, and in which versions.
struct Hello {
  static constexpr MessageType type = MessageType::hello;
  VersionRange versions = spoken_versions;
  SessionId session;      // random, for the logs of both sides
  std::string host_name;  // for logs; who the peer is, its certificate says
};
// From the replica: the peer was checked and may go on. Before it nothing may be believed.
struct Welcome {
  static constexpr MessageType type = MessageType::welcome;
  std::uint16_t version = spoken_versions.max;
  std::uint32_t window_bytes = limits::session_window_bytes;  // of frames that may be under way, on all lanes together
  std::string host_name;
  std::uint8_t lanes = 1;  // connections this session may have, 1 to limits::lanes_max; since lanes_version
  LaneSecret lane_secret;  // since lanes_version; none if lanes is 1
};
// From the replica, instead of a welcome.
struct Refusal {
  static constexpr MessageType type = MessageType::refusal;
  ErrorCode code = ErrorCode::internal;
  std::string reason;
};

// --- Requests of the primary and answers of the replica: PointSink, call for call.
struct Open {
  static constexpr MessageType type = MessageType::open;
  MachineDescription machine;
  SeedBy seed_by = SeedBy::network;
};
struct Opened {
  static constexpr MessageType type = MessageType::opened;
  afterimage::Welcome welcome;
};
struct Begin {
  static constexpr MessageType type = MessageType::begin;
  BeginEpoch begin;
};
struct Need {
  static constexpr MessageType type = MessageType::need;
  afterimage::Need need;
};
struct Frame {
  static constexpr MessageType type = MessageType::frame;
  Bytes bytes;  // one encoded frame; only its length is looked at here
};
struct Ack {
  static constexpr MessageType type = MessageType::ack;
  std::uint64_t frame_bytes = 0;  // taken by the replica's sink, counted from the start of the session
};
struct Commit {
  static constexpr MessageType type = MessageType::commit;
  format::PointRecord record;
};
struct Receipt {
  static constexpr MessageType type = MessageType::receipt;
  afterimage::Receipt receipt;
};
struct HashesRequest {
  static constexpr MessageType type = MessageType::hashes_request;
  DiskId disk;
  Extent extent;  // 1 to hashes_per_message_max blocks
};
struct Hashes {
  static constexpr MessageType type = MessageType::hashes;
  std::vector<format::BlockHash> hashes;
};
// The answer to a request for hashes that failed without ending the session.
struct Declined {
  static constexpr MessageType type = MessageType::declined;
  ErrorCode code = ErrorCode::internal;
  std::string reason;
};
struct Remove {
  static constexpr MessageType type = MessageType::remove;
};
struct Removed {
  static constexpr MessageType type = MessageType::removed;
};

// --- From either side, at any time after the welcome.
struct Heartbeat {
  static constexpr MessageType type = MessageType::heartbeat;
};
// The last message of a side: why the session is over.
struct Failure {
  static constexpr MessageType type = MessageType::failure;
  ErrorCode code = ErrorCode::internal;
  std::string reason;
};
// The last message of a side that wants nothing more.
struct Bye {
  static constexpr MessageType type = MessageType::bye;
};

// --- Lanes. The first message of a further connection of a session, from the primary; behind it only frames and
// heartbeats.
struct Join {
  static constexpr MessageType type = MessageType::join;
  SessionId session;
  LaneSecret secret;      // as the welcome gave it
  std::uint8_t lane = 0;  // 1 to one less than the lanes of the welcome
};
// From the replica: frames may follow. Instead of it: a refusal.
struct Joined {
  static constexpr MessageType type = MessageType::joined;
};
// From the primary, on the session's first connection: what follows on it comes behind so many frames of any lane.
struct FramesSent {
  static constexpr MessageType type = MessageType::frames_sent;
  std::uint64_t frames = 0;  // since the session began
};

}  // namespace message

using Message =
    std::variant<message::Hello, message::Welcome, message::Refusal, message::Open, message::Opened, message::Begin,
                 message::Need, message::Frame, message::Ack, message::Commit, message::Receipt, message::HashesRequest,
                 message::Hashes, message::Declined, message::Remove, message::Removed, message::Heartbeat,
                 message::Failure, message::Bye, message::Join, message::Joined, message::FramesSent>;

[[nodiscard]] MessageType type_of(const Message& message);

// A checked header: a known type, a length within the bounds of that type.
struct MessageHeader {
  MessageType type = MessageType::bye;
  std::uint32_t body_bytes = 0;
  std::uint32_t body_check = 0;  // low half of XXH3-64 of the body; of a frame, of its fixed header

  // Reads the first 16 of `bytes`.
  [[nodiscard]] static Result<MessageHeader> parse(ByteView bytes);
};

// The message of that header; `body` is exactly as long as it says. A frame keeps the memory of `body`.
[[nodiscard]] Result<Message> parse_message(const MessageHeader& header, Bytes body);

// Header and body. Requires: the message is within the bounds above (reasons and names are cut to theirs).
[[nodiscard]] Bytes encode(const Message& message);
// The header that goes before an encoded frame, so that the frame itself need not be copied.
[[nodiscard]] Bytes encode_frame_header(ByteView frame);

// What a side makes of the other's failure: the code and the reason are kept; a code that would be mistaken for our
// own doing (cancelled, end_of_data) is not.
[[nodiscard]] Error error_of_peer(ErrorCode code, std::string reason, const char* what);

}  // namespace afterimage::replication
