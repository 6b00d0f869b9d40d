// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/messages.h"

#include <algorithm>
#include <utility>

#include "engine/format/digest.h"
#include "engine/format/frame.h"
#include "io/base/check.h"
#include "transport/replication/message_bodies.h"

namespace afterimage::replication {
namespace {

constexpr std::byte message_magic{0xAF};
constexpr std::size_t checked_header_bytes = 12;

static_assert(limits::description_bytes_max + 1 <= message_body_bytes_max);
static_assert(hashes_per_message_max * sizeof(std::uint64_t) <= message_body_bytes_max);
static_assert(format::frame_encoded_bytes_max <= message_body_bytes_max);

std::uint32_t check_of(ByteView bytes) { return static_cast<std::uint32_t>(format::check_of(bytes)); }

std::unexpected<Error> malformed(const std::string& detail) {
  return fail(ErrorCode::protocol, "read a message", "what the other side sent does not parse: " + detail);
}

enum class Growth : std::uint8_t {
  fixed,
  open  // a later version may write more behind what we know
};

struct BodyBounds {
  std::size_t min = 0;
  std::size_t max = 0;
  Growth growth = Growth::fixed;
};

BodyBounds exactly(std::size_t bytes) { return {.min = bytes, .max = bytes}; }
BodyBounds at_least(std::size_t bytes) { return {.min = bytes, .max = 4096, .growth = Growth::open}; }

BodyBounds bounds_of(MessageType type) {
  constexpr std::size_t head_bytes = 8 + 32;
  constexpr std::size_t position_bytes = 4 + 8;
  constexpr std::size_t opened_bytes = head_bytes + 8 + 1 + 1;
  switch (type) {
    case MessageType::hello: return at_least(2 + 2 + 16 + 2);
    case MessageType::welcome: return at_least(2 + 4 + 2);
    case MessageType::refusal:
    case MessageType::failure: return at_least(2 + 2);
    case MessageType::heartbeat:
    case MessageType::bye: return at_least(0);
    case MessageType::open: return {.min = 2, .max = 1 + limits::description_bytes_max};
    case MessageType::opened:
      return {.min = opened_bytes, .max = opened_bytes + limits::disks_max * 8 + 12 + 12 + position_bytes};
    case MessageType::begin: return exactly(1 + 8 + head_bytes);
    case MessageType::need: return exactly(4 + position_bytes);
    case MessageType::frame: return {.min = format::frame_header_bytes, .max = format::frame_encoded_bytes_max};
    case MessageType::ack: return exactly(8);
    case MessageType::commit: return {.min = format::point_fixed_bytes, .max = limits::point_record_bytes_max};
    case MessageType::receipt: return exactly(head_bytes + 8);
    case MessageType::hashes_request: return exactly(16 + 8 + 8);
    case MessageType::hashes: return {.min = 0, .max = hashes_per_message_max * sizeof(std::uint64_t)};
    case MessageType::declined: return {.min = 2 + 2, .max = 2 + code_bytes_max + 2 + reason_bytes_max};
    case MessageType::remove:
    case MessageType::removed: return exactly(0);
    case MessageType::join: return exactly(16 + 16 + 1);
    case MessageType::joined: return exactly(0);
    case MessageType::frames_sent: return exactly(8);
  }
  AFI_CHECK(false);
  return {};
}

// What the check of a body covers: of a frame only its fixed header, which holds the check of the rest.
ByteView checked_part(MessageType type, ByteView body) {
  return type == MessageType::frame ? body.first(std::min(body.size(), format::frame_header_bytes)) : body;
}

void append_header(Bytes& out, MessageType type, ByteView body) {
  const std::size_t start = out.size();
  ByteWriter writer(out);
  writer.write_bytes({&message_magic, 1});
  writer.write(static_cast<std::uint8_t>(type));
  writer.write(std::uint16_t{0});
  writer.write(static_cast<std::uint32_t>(body.size()));
  writer.write(check_of(checked_part(type, body)));
  writer.write(check_of(ByteView(out).subspan(start)));
}

}  // namespace

Result<std::uint16_t> choose_version(VersionRange primary, VersionRange replica) {
  const std::uint16_t version = std::min(primary.max, replica.max);
  if (version >= primary.min && version >= replica.min) return version;
  const auto text = [](VersionRange range) {
    return range.min == range.max ? std::to_string(range.min)
                                  : std::to_string(range.min) + " to " + std::to_string(range.max);
  };
  return fail(ErrorCode::unsupported, "agree on a version",
              "the primary speaks version " + text(primary) + " of the replication protocol and the replica version " +
                  text(replica) + "; update the older one");
}

std::string_view name_of(MessageType type) noexcept {
  switch (type) {
    case MessageType::hello: return "hello";
    case MessageType::welcome: return "welcome";
    case MessageType::refusal: return "refusal";
    case MessageType::open: return "open";
    case MessageType::opened: return "opened";
    case MessageType::begin: return "begin";
    case MessageType::need: return "need";
    case MessageType::frame: return "frame";
    case MessageType::ack: return "ack";
    case MessageType::commit: return "commit";
    case MessageType::receipt: return "receipt";
    case MessageType::hashes_request: return "hashes_request";
    case MessageType::hashes: return "hashes";
    case MessageType::declined: return "declined";
    case MessageType::remove: return "remove";
    case MessageType::removed: return "removed";
    case MessageType::heartbeat: return "heartbeat";
    case MessageType::failure: return "failure";
    case MessageType::bye: return "bye";
    case MessageType::join: return "join";
    case MessageType::joined: return "joined";
    case MessageType::frames_sent: return "frames_sent";
  }
  return "unknown";
}

MessageType type_of(const Message& message) {
  return std::visit([](const auto& body) { return body.type; }, message);
}

Result<MessageHeader> MessageHeader::parse(ByteView bytes) {
  if (bytes.size() < message_header_bytes) return malformed("a header that is cut off");
  if (bytes[0] != message_magic) return malformed("it is no message of this protocol");
  const auto header_check = load<std::uint32_t>(bytes.data() + checked_header_bytes);
  if (header_check != check_of(bytes.first(checked_header_bytes))) return malformed("a header fails its check");
  const auto type = std::to_integer<std::uint8_t>(bytes[1]);
  if (type == 0 || type > message_types) return malformed("a message of the unknown type " + std::to_string(type));
  if (load<std::uint16_t>(bytes.data() + 2) != 0) return malformed("unknown flags");
  const MessageHeader header{.type = static_cast<MessageType>(type),
                             .body_bytes = load<std::uint32_t>(bytes.data() + 4),
                             .body_check = load<std::uint32_t>(bytes.data() + 8)};
  const BodyBounds bounds = bounds_of(header.type);
  if (header.body_bytes < bounds.min || header.body_bytes > bounds.max) {
    return malformed("a message '" + std::string(name_of(header.type)) + "' of " + std::to_string(header.body_bytes) +
                     " bytes");
  }
  return header;
}

Result<Message> parse_message(const MessageHeader& header, Bytes body) {
  AFI_CHECK(body.size() == header.body_bytes);
  const auto named = [&header](const std::string& detail) {
    return malformed("in a message '" + std::string(name_of(header.type)) + "': " + detail);
  };
  if (check_of(checked_part(header.type, body)) != header.body_check) return named("the body fails its check");
  if (header.type == MessageType::frame) return message::Frame{.bytes = std::move(body)};
  ByteReader reader(body);
  Result<Message> message = detail::read_body(header.type, reader);
  if (!message) return named(message.error().text());
  if (!reader.at_end() && bounds_of(header.type).growth == Growth::fixed) return named("bytes behind its end");
  return message;
}

Bytes encode(const Message& message) {
  Bytes body;
  ByteWriter writer(body);
  detail::write_body(writer, message);
  const BodyBounds bounds = bounds_of(type_of(message));
  AFI_CHECK(body.size() >= bounds.min && body.size() <= bounds.max);
  Bytes out;
  out.reserve(message_header_bytes + body.size());
  append_header(out, type_of(message), body);
  ByteWriter(out).write_bytes(body);
  return out;
}

Bytes encode_frame_header(ByteView frame) {
  AFI_CHECK(frame.size() >= format::frame_header_bytes && frame.size() <= format::frame_encoded_bytes_max);
  Bytes out;
  append_header(out, MessageType::frame, frame);
  return out;
}

Error error_of_peer(ErrorCode code, std::string reason, const char* what) {
  if (code == ErrorCode::cancelled || code == ErrorCode::end_of_data) code = ErrorCode::unreachable;
  return Error{.code = code, .what = what, .detail = std::move(reason)};
}

}  // namespace afterimage::replication
