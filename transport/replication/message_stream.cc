// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/message_stream.h"

#include <array>
#include <utility>

namespace afterimage::replication {
namespace {

// A frame up to this size goes out in one piece with its header; copying more costs more than a second write.
constexpr std::size_t joined_bytes_max = std::size_t{32} * limits::KiB;

}  // namespace

MessageStream::MessageStream(io::Reactor& reactor, std::unique_ptr<io::Stream> stream,
                             std::shared_ptr<TrafficCounters> traffic, Duration message_timeout)
    : reactor_(reactor),
      stream_(std::move(stream)),
      traffic_(std::move(traffic)),
      message_timeout_(message_timeout),
      last_received_(reactor.now()),
      last_sent_(reactor.now()) {
  if (!traffic_) traffic_ = std::make_shared<TrafficCounters>();
}

// The first byte may take as long as it likes: that is silence, and the machines judge it. From there on the message
// has its time. end_of_data only before the first byte.
io::Task<Result<Message>> MessageStream::read(io::Scope& scope) {
  std::array<std::byte, message_header_bytes> bytes{};
  AFI_CO_TRY(const std::size_t first, stream_->read_some(scope, bytes));
  if (first == 0) co_return fail(ErrorCode::end_of_data, "read a message", "the other side closed the connection");
  count_received(first);
  io::Scope in_message(scope, message_timeout_);
  AFI_CO_TRY_STATUS(fill(in_message, MutableBytes(bytes).subspan(first)));
  AFI_CO_RESULT(const MessageHeader header, MessageHeader::parse(bytes));
  Bytes body(header.body_bytes);
  AFI_CO_TRY_STATUS(fill(in_message, body));
  co_return parse_message(header, std::move(body));
}

io::Task<Status> MessageStream::fill(io::Scope& scope, MutableBytes out) {
  while (!out.empty()) {
    AFI_CO_TRY(const std::size_t count, stream_->read_some(scope, out));
    if (count == 0) {
      co_return fail(ErrorCode::unreachable, "read a message", "the connection ended in the middle of a message");
    }
    count_received(count);
    out = out.subspan(count);
  }
  co_return Status{};
}

void MessageStream::count_received(std::size_t count) {
  traffic_->bytes_received += count;
  last_received_ = reactor_.now();
}

io::Task<Status> MessageStream::write(io::Scope& scope, Message message) {
  const Bytes bytes = encode(message);
  AFI_CO_TRY(const io::Lock::Guard guard, writing_.acquire(scope));
  io::Scope in_message(scope, message_timeout_);
  AFI_CO_TRY_STATUS(put(in_message, bytes));
  co_return Status{};
}

io::Task<Status> MessageStream::write_frame(io::Scope& scope, ByteView frame) {
  Bytes bytes = encode_frame_header(frame);
  AFI_CO_TRY(const io::Lock::Guard guard, writing_.acquire(scope));
  io::Scope in_message(scope, message_timeout_);
  if (frame.size() <= joined_bytes_max) {
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    frame = {};
  }
  AFI_CO_TRY_STATUS(put(in_message, bytes));
  if (!frame.empty()) AFI_CO_TRY_STATUS(put(in_message, frame));
  co_return Status{};
}

// Cut off until it is known to be whole: a frame of this coroutine that is destroyed in the middle leaves it so.
io::Task<Status> MessageStream::put(io::Scope& scope, ByteView bytes) {
  if (cut_off_) co_return fail(ErrorCode::unreachable, "write a message", "the connection is broken");
  AFI_CO_STATUS(scope.check());
  cut_off_ = true;
  AFI_CO_TRY_STATUS(stream_->write(scope, bytes));
  cut_off_ = false;
  traffic_->bytes_sent += bytes.size();
  last_sent_ = reactor_.now();
  co_return Status{};
}

io::Task<Status> MessageStream::finish_writing(io::Scope& scope) {
  AFI_CO_TRY(const io::Lock::Guard guard, writing_.acquire(scope));
  if (cut_off_) co_return fail(ErrorCode::unreachable, "end a connection", "the connection is broken");
  cut_off_ = true;
  AFI_CO_TRY_STATUS(stream_->shutdown_write(scope));
  co_return Status{};
}

}  // namespace afterimage::replication
