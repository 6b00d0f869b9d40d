// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/served_lane.h"

#include <string>
#include <utility>

namespace afterimage::replication {

ServedLane::ServedLane(io::Scope& scope, MessageStream& stream, const Peer& peer, const ServeOptions& options,
                       message::Join join)
    : host_scope_(scope),
      scope_(scope),
      stream_(stream),
      peer_(peer),
      options_(options),
      join_(join),
      tasks_(scope.reactor()) {}

Status ServedLane::join_session() {
  if (options_.table == nullptr) return fail(ErrorCode::unsupported, "join a lane", "this replica grants no lanes");
  AFI_TRY(session_, options_.table->find_for_lane(peer_, join_.session));
  return session_->join(join_, *this);
}

io::Task<SessionEnd> ServedLane::serve() {
  Status joined = join_session();
  if (!joined) {
    auto refusing = refuse(joined.error());
    co_await refusing;
    co_return SessionEnd{.kind = SessionEndKind::refused, .reason = std::move(joined).error()};
  }
  tasks_.spawn(watch_silence());
  auto carrying = carry();
  Error reason = co_await carrying;
  const bool was_left = !is_linked() || reason.code == ErrorCode::end_of_data;
  if (!was_left) {
    // The primary is not waited for: it has the same broken line, and connects anew.
    const std::string lane = "lane " + std::to_string(join_.lane) + ": ";
    session_->lane_broken({.code = reason.code, .what = "carry frames", .detail = lane + reason.text()});
  }
  unlink();
  stream_.close();
  scope_.cancel();
  auto joining = tasks_.join();
  co_await joining;
  co_return SessionEnd{.kind = was_left ? SessionEndKind::completed : SessionEndKind::failed,
                       .reason = std::move(reason)};
}

// Until the lane or its session ends: why. end_of_data if the primary ended its direction, after which nothing of what
// it sent is missing.
io::Task<Error> ServedLane::carry() {
  auto welcoming = stream_.write(scope_, message::Joined{});
  const Status welcomed = co_await welcoming;
  if (!welcomed) co_return welcomed.error();
  while (is_linked()) {
    auto reading = stream_.read(scope_);
    Result<Message> message = co_await reading;
    if (!message) co_return std::move(message).error();
    if (is_linked()) session_->received_on_lane(std::move(*message));
  }
  co_return Error{.code = ErrorCode::end_of_data, .what = "carry frames", .detail = "the session is over"};
}

io::Task<void> ServedLane::watch_silence() {
  io::Reactor& reactor = scope_.reactor();
  while (is_linked()) {
    const MonotonicTime deadline = stream_.last_received() + options_.timeouts.silence;
    if (deadline <= reactor.now()) {
      session_->lane_broken({.code = ErrorCode::timed_out,
                             .what = "carry frames",
                             .detail = "lane " + std::to_string(join_.lane) + ": the primary has said nothing on it"});
      break;
    }
    auto sleeping = io::sleep_for(scope_, deadline - reactor.now());
    const Status slept = co_await sleeping;
    if (!slept) break;
  }
}

io::Task<void> ServedLane::refuse(Error reason) {
  if (options_.log != nullptr) {
    options_.log->note(SessionNote{.kind = SessionNoteKind::lane_refused,
                                   .session = join_.session,
                                   .peer = peer_.name,
                                   .address = stream_.peer(),
                                   .reason = reason});
  }
  auto saying = say_refusal(std::move(reason));
  const Status said = co_await saying;
  (void)said;  // the other side has silence and the end of the connection to tell it
  stream_.close();
}

// The other side reads it and ends its direction: closing before that would reset the connection, and lose the reason.
io::Task<Status> ServedLane::say_refusal(Error reason) {
  io::Scope farewell(host_scope_, options_.timeouts.linger);
  AFI_CO_TRY_STATUS(stream_.write(farewell, message::Refusal{.code = reason.code, .reason = reason.text()}));
  AFI_CO_TRY_STATUS(stream_.finish_writing(farewell));
  while (true) {
    AFI_CO_TRY(const Message ignored, stream_.read(farewell));
    (void)ignored;
  }
}

}  // namespace afterimage::replication
