// SPDX-License-Identifier: Apache-2.0
// The part of RemoteSession that is about lanes: how they join, carry and fail.
#include <algorithm>
#include <utility>

#include "transport/replication/remote_session.h"

namespace afterimage::replication {

// Small sessions are over before a further connection would have been of use.
void RemoteSession::open_lanes_if_due(const std::shared_ptr<RemoteSession>& self) {
  if (self->lanes_opened_ || !self->machine_.was_admitted() || self->options_.door == nullptr) return;
  if (self->machine_.sent_bytes() < self->options_.lanes_after_bytes) return;
  self->lanes_opened_ = true;
  const std::size_t lanes = std::min(self->options_.lanes, self->machine_.lanes_granted());
  for (std::size_t index = 1; index < lanes; ++index) self->options_.tasks->spawn(run_lane(self, index));
}

io::Task<Result<std::unique_ptr<MessageStream>>> RemoteSession::join_lane(std::size_t index) {
  AFI_CO_TRY(std::unique_ptr<io::Stream> raw, options_.door->open(scope_));
  auto stream = std::make_unique<MessageStream>(reactor_, std::move(raw), options_.traffic, options_.timeouts.message);
  io::Scope greeting(scope_, options_.timeouts.hello);
  message::Join join{
      .session = options_.session, .secret = machine_.lane_secret(), .lane = static_cast<std::uint8_t>(index)};
  AFI_CO_TRY_STATUS(stream->write(greeting, join));
  AFI_CO_TRY(Message answer, stream->read(greeting));
  if (auto* refusal = std::get_if<message::Refusal>(&answer)) {
    co_return fail(error_of_peer(refusal->code, std::move(refusal->reason), "join a lane"));
  }
  if (!std::holds_alternative<message::Joined>(answer)) {
    co_return fail(ErrorCode::protocol, "join a lane",
                   "the replica answered with '" + std::string(name_of(type_of(answer))) + "'");
  }
  co_return std::move(stream);
}

RemoteLane& RemoteSession::add_lane(const std::shared_ptr<RemoteSession>& self, std::unique_ptr<RemoteLane> added) {
  RemoteLane& lane = *self->lanes_.emplace_back(std::move(added));
  self->options_.tasks->spawn(carry_frames(self, lane));
  self->changed_.set();  // a frame may wait for a free one
  return lane;
}

// From the dialling to the end of a further connection. On a lane the replica says nothing, so that whatever is read
// there is its end.
io::Task<void> RemoteSession::run_lane(std::shared_ptr<RemoteSession> self, std::size_t index) {
  auto joining = self->join_lane(index);
  Result<std::unique_ptr<MessageStream>> stream = co_await joining;
  if (self->machine_.is_over()) co_return;
  if (!stream) {
    self->note(SessionNoteKind::lane_refused, stream.error());
    co_return;
  }
  self->machine_.lane_joined();
  if (self->lanes_.empty()) add_lane(self, std::make_unique<RemoteLane>(self->stream_));
  RemoteLane& lane = add_lane(self, std::make_unique<RemoteLane>(index, std::move(*stream)));
  auto reading = lane.stream().read(self->scope_);
  Result<Message> message = co_await reading;
  Error error = message ? Error{.code = ErrorCode::protocol,
                                .what = "carry frames",
                                .detail = "the replica sent '" + std::string(name_of(type_of(*message))) + "'"}
                        : std::move(message).error();
  auto failing = lane_failed(self, lane, std::move(error));
  co_await failing;
}

io::Task<void> RemoteSession::carry_frames(std::shared_ptr<RemoteSession> self, RemoteLane& lane) {
  while (!self->machine_.is_over()) {
    const Duration heartbeat = self->options_.timeouts.heartbeat;
    Status status;
    if (lane.frame()) {
      auto writing = lane.stream().write_frame(self->scope_, *lane.frame());
      status = co_await writing;
      lane.frame_gone();
      self->changed_.set();
    } else if (!lane.is_first() && self->now() - lane.stream().last_sent() >= heartbeat) {
      auto writing = lane.stream().write(self->scope_, message::Heartbeat{});
      status = co_await writing;
    } else {
      io::Scope until_heartbeat(self->scope_, heartbeat);
      auto waiting = lane.wait_for_frame(until_heartbeat);
      const Status waited = co_await waiting;
      (void)waited;  // what is due is asked again
      status = self->scope_.check();
    }
    if (!status) {
      auto failing = lane_failed(self, lane, std::move(status).error());
      co_await failing;
    }
  }
}

// A replica that ends a session says why on its first connection: that may be read after a further one was closed.
io::Task<void> RemoteSession::lane_failed(std::shared_ptr<RemoteSession> self, RemoteLane& lane, Error error) {
  io::Scope verdict(self->scope_, self->options_.timeouts.linger);
  if (!self->machine_.is_over()) {
    auto waiting = self->ended_.wait(verdict);
    const Status waited = co_await waiting;
    (void)waited;
  }
  if (error.code == ErrorCode::end_of_data) error.code = ErrorCode::unreachable;
  error.detail = lane.text() + ": " + error.text();
  self->apply(self->machine_.broken(std::move(error)));
}

RemoteLane* RemoteSession::free_lane() {
  // The first one last: requests wait behind its frames.
  for (auto lane = lanes_.rbegin(); lane != lanes_.rend(); ++lane) {
    if ((*lane)->is_free()) return lane->get();
  }
  return nullptr;
}

}  // namespace afterimage::replication
