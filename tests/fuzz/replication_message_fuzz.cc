// SPDX-License-Identifier: Apache-2.0
// Any bytes as a message: as they are, and with sound length and checks, so that the bodies are reached. What parses
// must be written and read again as the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/format/digest.h"
#include "io/base/check.h"
#include "transport/replication/messages.h"

namespace afterimage::replication {
namespace {

void try_message(const Bytes& bytes) {
  const Result<MessageHeader> header = MessageHeader::parse(bytes);
  if (!header) {
    AFI_CHECK(header.error().code == ErrorCode::protocol);
    return;
  }
  if (bytes.size() - message_header_bytes < header->body_bytes) return;
  const auto body = ByteView(bytes).subspan(message_header_bytes, header->body_bytes);
  const Result<Message> message = parse_message(*header, Bytes(body.begin(), body.end()));
  if (!message) {
    AFI_CHECK(message.error().code == ErrorCode::protocol);
    return;
  }
  AFI_CHECK(type_of(*message) == header->type);
  const Bytes written = encode(*message);
  AFI_CHECK(written.size() <= limits::message_bytes_max);
  const Result<MessageHeader> again = MessageHeader::parse(written);
  AFI_CHECK(again.has_value());
  const Result<Message> reread = parse_message(*again, Bytes(written.begin() + message_header_bytes, written.end()));
  AFI_CHECK(reread.has_value());
  AFI_CHECK(encode(*reread) == written);
}

}  // namespace
}  // namespace afterimage::replication

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace afterimage;
  using namespace afterimage::replication;
  const auto input = std::as_bytes(std::span(data, size));
  Bytes bytes(input.begin(), input.end());
  try_message(bytes);
  bytes.resize(std::max(bytes.size(), message_header_bytes));
  bytes[0] = std::byte{0xAF};
  store(bytes.data() + 2, std::uint16_t{0});
  store(bytes.data() + 4, static_cast<std::uint32_t>(bytes.size() - message_header_bytes));
  const ByteView body = ByteView(bytes).subspan(message_header_bytes);
  store(bytes.data() + 8, static_cast<std::uint32_t>(format::check_of(body)));
  store(bytes.data() + 12, static_cast<std::uint32_t>(format::check_of(ByteView(bytes).first(12))));
  try_message(bytes);
  return 0;
}
