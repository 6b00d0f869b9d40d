// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/client_machine.h"

#include "io/base/check.h"

namespace afterimage::replication {
namespace {

std::string seconds_of(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

template <typename... T>
ClientActions actions_of(T... action) {
  ClientActions actions;
  actions.reserve(sizeof...(action));
  (actions.emplace_back(std::move(action)), ...);
  return actions;
}

void append_to(ClientActions& actions, ClientActions more) {
  for (ClientAction& action : more) actions.push_back(std::move(action));
}

}  // namespace

std::string_view name_of(ClientState state) noexcept {
  switch (state) {
    case ClientState::created: return "created";
    case ClientState::greeting: return "greeting";
    case ClientState::welcomed: return "welcomed";
    case ClientState::opening: return "opening";
    case ClientState::opened: return "opened";
    case ClientState::beginning: return "beginning";
    case ClientState::shipping: return "shipping";
    case ClientState::committing: return "committing";
    case ClientState::asking: return "asking";
    case ClientState::removing: return "removing";
    case ClientState::removed: return "removed";
    case ClientState::ended: return "ended";
  }
  return "unknown";
}

bool ClientMachine::is_welcome() const {
  return state_ != ClientState::created && state_ != ClientState::greeting && state_ != ClientState::ended;
}

std::string ClientMachine::awaited() const {
  if (state_ == ClientState::committing) {
    return "wait for the acknowledgement of point " + std::to_string(commits_.value());
  }
  if (state_ == ClientState::shipping) return "wait for room for a frame";
  return "wait for the answer to '" + std::string(waiting_for_) + "'";
}

// --- Calls.

std::optional<ClientActions> ClientMachine::refuse_call(bool allowed) const {
  if (state_ == ClientState::ended) return actions_of(CallDone{fail(*end_)});
  if (allowed && !call_open_) return {};
  return actions_of(CallDone{fail(ErrorCode::refused, "call a remote sink",
                                  "a call out of order: the session is " + std::string(name_of(state_)))});
}

ClientActions ClientMachine::request(Message message, ClientState next, Duration timeout, MonotonicTime now) {
  waiting_for_ = replication::name_of(type_of(message));
  state_ = next;
  call_open_ = true;
  call_deadline_ = now + timeout;
  if (has_lanes_ && told_frames_ < sent_frames_) {
    told_frames_ = sent_frames_;
    return actions_of(Message(message::FramesSent{.frames = sent_frames_}), std::move(message));
  }
  return actions_of(std::move(message));
}

ClientActions ClientMachine::start(MonotonicTime now) {
  if (auto refused = refuse_call(state_ == ClientState::created)) return std::move(*refused);
  last_received_ = last_sent_ = now;
  return request(
      message::Hello{.versions = options_.versions, .session = options_.session, .host_name = options_.host_name},
      ClientState::greeting, options_.timeouts.hello, now);
}

ClientActions ClientMachine::open(const MachineDescription& machine, SeedBy seed_by, MonotonicTime now) {
  if (auto refused = refuse_call(state_ == ClientState::welcomed)) return std::move(*refused);
  return request(message::Open{.machine = machine, .seed_by = seed_by}, ClientState::opening, options_.timeouts.opened,
                 now);
}

ClientActions ClientMachine::begin(const BeginEpoch& begin, MonotonicTime now) {
  const bool allowed = state_ == ClientState::opened || state_ == ClientState::shipping;
  if (auto refused = refuse_call(allowed)) return std::move(*refused);
  return request(message::Begin{.begin = begin}, ClientState::beginning, options_.timeouts.begin, now);
}

ClientActions ClientMachine::append(ByteCount frame, MonotonicTime now) {
  if (auto refused = refuse_call(state_ == ClientState::shipping)) return std::move(*refused);
  if (frame.value() > message_body_bytes_max) {
    return actions_of(
        CallDone{fail(ErrorCode::limit_exceeded, "append a frame", "the frame is larger than a message")});
  }
  call_open_ = true;
  frame_waiting_ = frame.value();
  waiting_for_ = "room for a frame";
  call_deadline_ = now + options_.timeouts.window;
  return send_frame_if_room();
}

ClientActions ClientMachine::send_frame_if_room() {
  if (!frame_waiting_ || unacknowledged_bytes() + *frame_waiting_ > window_bytes_) return {};
  sent_bytes_ += *frame_waiting_;
  ++sent_frames_;
  frame_waiting_.reset();
  frame_going_ = true;
  return actions_of(SendFrame{});
}

ClientActions ClientMachine::frame_sent() {
  if (!frame_going_ || state_ == ClientState::ended) return {};
  return answer(PortValue(Done{}), ClientState::shipping);
}

ClientActions ClientMachine::commit(const format::PointRecord& record, MonotonicTime now) {
  if (auto refused = refuse_call(state_ == ClientState::shipping)) return std::move(*refused);
  commits_ = record.sequence;
  commits_first_ = record.parent.is_none();
  const Duration timeout = commits_first_ ? options_.timeouts.commit_seed : options_.timeouts.commit;
  return request(message::Commit{.record = record}, ClientState::committing, timeout, now);
}

ClientActions ClientMachine::block_hashes(const DiskId& disk, const Extent& extent, MonotonicTime now) {
  const bool allowed = state_ == ClientState::opened || state_ == ClientState::shipping;
  if (auto refused = refuse_call(allowed)) return std::move(*refused);
  if (extent.count == BlockCount{} || extent.count.value() > hashes_per_message_max) {
    return actions_of(CallDone{fail(ErrorCode::invalid_argument, "ask for hashes of no blocks or of too many")});
  }
  resting_ = state_;
  hashes_asked_ = extent.count.value();
  return request(message::HashesRequest{.disk = disk, .extent = extent}, ClientState::asking, options_.timeouts.hashes,
                 now);
}

ClientActions ClientMachine::remove_machine(MonotonicTime now) {
  const bool allowed = state_ == ClientState::opened || state_ == ClientState::shipping;
  if (auto refused = refuse_call(allowed)) return std::move(*refused);
  return request(message::Remove{}, ClientState::removing, options_.timeouts.remove, now);
}

ClientActions ClientMachine::leave() {
  const Error reason{.code = ErrorCode::end_of_data, .what = "leave a session", .detail = "this host said bye"};
  if (!is_welcome()) return end_session(reason, {});
  return end_session(reason, message::Bye{});
}

// --- Events.

ClientActions ClientMachine::answer(PortAnswer value, ClientState next) {
  state_ = next;
  call_open_ = false;
  frame_going_ = false;
  call_deadline_.reset();
  return actions_of(CallDone{std::move(value)});
}

ClientActions ClientMachine::end_session(Error reason, std::optional<Message> last_word) {
  if (state_ == ClientState::ended) return {};
  ClientActions actions;
  if (last_word) actions.emplace_back(std::move(*last_word));
  end_ = reason;
  if (call_open_) append_to(actions, answer(fail(reason), ClientState::ended));
  state_ = ClientState::ended;
  frame_waiting_.reset();
  actions.emplace_back(EndSession{std::move(reason)});
  return actions;
}

ClientActions ClientMachine::violated(Error reason) {
  message::Failure failure{.code = reason.code, .reason = reason.text()};
  return end_session(std::move(reason), std::move(failure));
}

ClientActions ClientMachine::broken(Error reason) { return end_session(std::move(reason), {}); }

ClientActions ClientMachine::unexpected(MessageType type) {
  return violated(Error{.code = ErrorCode::protocol,
                        .what = "receive a message",
                        .detail = "the replica sent '" + std::string(replication::name_of(type)) +
                                  "', which has no place while the session is " + std::string(name_of(state_))});
}

ClientActions ClientMachine::on_welcome(message::Welcome& welcome, MonotonicTime now) {
  if (welcome.version < options_.versions.min || welcome.version > options_.versions.max) {
    return violated(Error{.code = ErrorCode::protocol,
                          .what = "agree on a version",
                          .detail = "the replica chose version " + std::to_string(welcome.version) +
                                    " of the replication protocol, which was not offered"});
  }
  window_bytes_ = std::min<std::uint64_t>(welcome.window_bytes, limits::session_window_bytes);
  lanes_granted_ = welcome.lanes;
  lane_secret_ = welcome.lane_secret;
  replica_name_ = std::move(welcome.host_name);
  last_received_ = std::max(last_received_, now);
  return answer(PortValue(Done{}), ClientState::welcomed);
}

ClientActions ClientMachine::on_ack(const message::Ack& ack) {
  if (ack.frame_bytes <= acked_bytes_ || ack.frame_bytes > sent_bytes_) {
    return violated(Error{.code = ErrorCode::protocol,
                          .what = "take an acknowledgement",
                          .detail = "the replica acknowledged " + std::to_string(ack.frame_bytes) + " bytes of the " +
                                    std::to_string(sent_bytes_) + " that were sent"});
  }
  acked_bytes_ = ack.frame_bytes;
  return send_frame_if_room();
}

ClientActions ClientMachine::on_answer(Message& message) {
  const MessageType type = type_of(message);
  const auto is_answer = [&](ClientState state, MessageType answer) { return state_ == state && type == answer; };
  if (is_answer(ClientState::opening, MessageType::opened)) {
    return answer(PortValue(std::get<message::Opened>(message).welcome), ClientState::opened);
  }
  if (is_answer(ClientState::beginning, MessageType::need)) {
    acked_bytes_ = sent_bytes_;
    return answer(PortValue(std::get<message::Need>(message).need), ClientState::shipping);
  }
  if (is_answer(ClientState::committing, MessageType::receipt)) {
    acked_bytes_ = sent_bytes_;
    return answer(PortValue(std::get<message::Receipt>(message).receipt), ClientState::opened);
  }
  if (is_answer(ClientState::asking, MessageType::hashes)) {
    auto& hashes = std::get<message::Hashes>(message).hashes;
    if (hashes.size() > hashes_asked_) return unexpected(type);
    acked_bytes_ = sent_bytes_;
    return answer(PortValue(std::move(hashes)), resting_);
  }
  if (is_answer(ClientState::asking, MessageType::declined)) {
    auto& declined = std::get<message::Declined>(message);
    acked_bytes_ = sent_bytes_;
    return answer(fail(error_of_peer(declined.code, std::move(declined.reason), "ask the replica for hashes")),
                  resting_);
  }
  if (is_answer(ClientState::removing, MessageType::removed)) {
    acked_bytes_ = sent_bytes_;
    return answer(PortValue(Done{}), ClientState::removed);
  }
  return unexpected(type);
}

ClientActions ClientMachine::received(Message message, MonotonicTime now) {
  if (state_ == ClientState::ended) return {};
  const MessageType type = type_of(message);
  if (state_ == ClientState::created) return unexpected(type);
  bytes_received(now);
  if (auto* failure = std::get_if<message::Failure>(&message)) {
    return end_session(error_of_peer(failure->code, std::move(failure->reason), "hear from the replica"), {});
  }
  if (type == MessageType::bye) {
    return end_session(
        {.code = ErrorCode::unreachable, .what = "hear from the replica", .detail = "the replica ended the session"},
        {});
  }
  if (state_ == ClientState::greeting) {
    if (auto* welcome = std::get_if<message::Welcome>(&message)) return on_welcome(*welcome, now);
    if (auto* refusal = std::get_if<message::Refusal>(&message)) {
      return end_session(error_of_peer(refusal->code, std::move(refusal->reason), "be admitted by the replica"), {});
    }
    return unexpected(type);
  }
  if (type == MessageType::heartbeat) return {};
  if (const auto* ack = std::get_if<message::Ack>(&message)) return on_ack(*ack);
  return on_answer(message);
}

ClientActions ClientMachine::time_passed(MonotonicTime now) {
  if (state_ == ClientState::created || state_ == ClientState::ended) return {};
  if (is_welcome() && now - last_received_ >= options_.timeouts.silence) {
    return violated({.code = ErrorCode::timed_out,
                     .what = "hear from the replica",
                     .detail = "the replica has said nothing for " + seconds_of(options_.timeouts.silence)});
  }
  if (call_deadline_ && now >= *call_deadline_ && !frame_going_) {
    return violated({.code = ErrorCode::timed_out,
                     .what = "wait for the replica",
                     .detail = "the replica did not answer in time: '" + std::string(waiting_for_) + "'"});
  }
  if (is_welcome() && now - last_sent_ >= options_.timeouts.heartbeat) {
    last_sent_ = now;
    return actions_of(Message(message::Heartbeat{}));
  }
  return {};
}

std::optional<MonotonicTime> ClientMachine::next_deadline() const {
  if (state_ == ClientState::created || state_ == ClientState::ended) return {};
  std::optional<MonotonicTime> next;
  const auto consider = [&next](MonotonicTime when) {
    if (!next || when < *next) next = when;
  };
  if (call_deadline_ && !frame_going_) consider(*call_deadline_);
  if (is_welcome()) {
    consider(last_received_ + options_.timeouts.silence);
    consider(last_sent_ + options_.timeouts.heartbeat);
  }
  return next;
}

}  // namespace afterimage::replication
