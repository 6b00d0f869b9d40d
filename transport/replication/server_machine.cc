// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/server_machine.h"

#include "io/base/check.h"

namespace afterimage::replication {
namespace {

// Credit is given back in steps, not frame by frame.
constexpr std::uint64_t ack_steps = 8;

std::string seconds_of(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

template <typename... T>
ServerActions actions_of(T... action) {
  ServerActions actions;
  actions.reserve(sizeof...(action));
  (actions.emplace_back(std::move(action)), ...);
  return actions;
}

void append_to(ServerActions& actions, ServerActions more) {
  for (ServerAction& action : more) actions.push_back(std::move(action));
}

// The message that carries a sink's value; none for a frame, which is acknowledged with others.
std::optional<Message> reply_to(MessageType request, PortValue& value) {
  switch (request) {
    case MessageType::open: return message::Opened{std::get<Welcome>(value)};
    case MessageType::begin: return message::Need{std::get<Need>(value)};
    case MessageType::commit: return message::Receipt{std::get<Receipt>(value)};
    case MessageType::hashes_request:
      return message::Hashes{std::move(std::get<std::vector<format::BlockHash>>(value))};
    case MessageType::remove: return message::Removed{};
    case MessageType::frame: return {};
    case MessageType::hello:
    case MessageType::welcome:
    case MessageType::refusal:
    case MessageType::opened:
    case MessageType::need:
    case MessageType::ack:
    case MessageType::receipt:
    case MessageType::hashes:
    case MessageType::declined:
    case MessageType::removed:
    case MessageType::heartbeat:
    case MessageType::failure:
    case MessageType::bye:
    case MessageType::join:
    case MessageType::joined:
    case MessageType::frames_sent: break;
  }
  AFI_CHECK(false);
  return {};
}

// In a time that does not tell how much of it fits.
bool is_equal(const LaneSecret& left, const LaneSecret& right) {
  std::byte difference{0};
  for (std::size_t i = 0; i < left.bytes.size(); ++i) difference |= left.bytes[i] ^ right.bytes[i];
  return difference == std::byte{0};
}

std::unexpected<Error> refuse_lane(ErrorCode code, std::string why) {
  return fail(code, "join a lane to a session", std::move(why));
}

}  // namespace

std::string_view name_of(ServerState state) noexcept {
  switch (state) {
    case ServerState::awaiting_hello: return "awaiting_hello";
    case ServerState::admitting: return "admitting";
    case ServerState::welcomed: return "welcomed";
    case ServerState::opened: return "opened";
    case ServerState::shipping: return "shipping";
    case ServerState::answering: return "answering";
    case ServerState::removed: return "removed";
    case ServerState::leaving: return "leaving";
    case ServerState::ended: return "ended";
  }
  return "unknown";
}

std::string_view name_of(SessionEndKind kind) noexcept {
  switch (kind) {
    case SessionEndKind::completed: return "completed";
    case SessionEndKind::refused: return "refused";
    case SessionEndKind::failed: return "failed";
  }
  return "unknown";
}

ServerMachine::ServerMachine(ServerOptions options, MonotonicTime now)
    : options_(std::move(options)),
      phase_deadline_(now + options_.timeouts.hello),
      order_(options_.window_bytes),
      last_moved_(now),
      last_received_(now),
      last_sent_(now) {
  AFI_CHECK(options_.window_bytes >= limits::message_bytes_max && options_.window_bytes <= UINT32_MAX);
  AFI_CHECK(options_.lanes >= 1 && options_.lanes <= limits::lanes_max);
}

bool ServerMachine::is_welcome() const {
  return state_ != ServerState::awaiting_hello && state_ != ServerState::admitting && state_ != ServerState::leaving &&
         state_ != ServerState::ended;
}

ServerActions ServerMachine::end_session(EndServing end, std::optional<Message> last_word) {
  if (state_ == ServerState::ended) return {};
  state_ = ServerState::ended;
  queue_.clear();
  parked_.reset();
  ServerActions actions;
  if (last_word) actions.emplace_back(std::move(*last_word));
  actions.emplace_back(std::move(end));
  return actions;
}

ServerActions ServerMachine::stop(Error reason) {
  const bool before_welcome = state_ == ServerState::awaiting_hello || state_ == ServerState::admitting;
  const bool nobody_listens = state_ == ServerState::leaving;
  std::optional<Message> last_word;
  if (before_welcome) {
    last_word = message::Refusal{.code = reason.code, .reason = reason.text()};
  } else if (!nobody_listens) {
    last_word = message::Failure{.code = reason.code, .reason = reason.text()};
  }
  const auto kind = before_welcome ? SessionEndKind::refused : SessionEndKind::failed;
  return end_session({.kind = kind, .reason = std::move(reason)}, std::move(last_word));
}

ServerActions ServerMachine::broken(Error reason) {
  if (state_ == ServerState::leaving) return {};  // it has said bye: what it sent before is still done
  const bool only_frames_wait = state_ == ServerState::shipping || parked_;
  if (only_frames_wait && (calling_ || !queue_.empty())) {  // what came whole need not come again
    state_ = ServerState::leaving;
    phase_deadline_.reset();
    parked_.reset();
    broken_by_ = std::move(reason);
    return pump();
  }
  const bool before_welcome = state_ == ServerState::awaiting_hello || state_ == ServerState::admitting;
  const auto kind = before_welcome ? SessionEndKind::refused : SessionEndKind::failed;
  return end_session({.kind = kind, .reason = std::move(reason)}, {});
}

ServerActions ServerMachine::unexpected(MessageType type) {
  return stop(Error{.code = ErrorCode::protocol,
                    .what = "receive a message",
                    .detail = "the primary sent '" + std::string(replication::name_of(type)) +
                              "', which has no place while the session is " + std::string(name_of(state_))});
}

// --- The greeting.

ServerActions ServerMachine::on_hello(const message::Hello& hello, MonotonicTime now) {
  Result<std::uint16_t> version = choose_version(hello.versions, options_.versions);
  if (!version) return stop(std::move(version).error());
  version_ = *version;
  state_ = ServerState::admitting;
  phase_deadline_ = now + options_.timeouts.hello;
  return actions_of(AskGate{});
}

ServerActions ServerMachine::admitted(Status verdict, MonotonicTime now) {
  if (state_ != ServerState::admitting) return {};
  if (!verdict) return stop(std::move(verdict).error());
  state_ = ServerState::welcomed;
  phase_deadline_ = now + options_.timeouts.open;
  last_sent_ = now;
  if (version_ >= lanes_version) granted_lanes_ = options_.lanes;
  return actions_of(Message(message::Welcome{.version = version_,
                                             .window_bytes = static_cast<std::uint32_t>(options_.window_bytes),
                                             .host_name = options_.host_name,
                                             .lanes = granted_lanes_,
                                             .lane_secret = options_.lane_secret}));
}

// --- Lanes.

Status ServerMachine::join(const message::Join& join) {
  if (!is_welcome()) return refuse_lane(ErrorCode::not_found, "the session is over");
  // The secret first: who does not know it learns nothing of the session.
  if (!orders_frames() || !is_equal(join.secret, options_.lane_secret)) {
    return refuse_lane(ErrorCode::permission_denied, "the session was given no such lane secret");
  }
  if (join.lane == 0 || join.lane >= granted_lanes_) {
    return refuse_lane(ErrorCode::limit_exceeded, "the session was granted " + std::to_string(granted_lanes_) +
                                                      " lanes, and " + std::to_string(join.lane) + " is none of them");
  }
  if (joined_[join.lane]) {
    return refuse_lane(ErrorCode::conflict, "lane " + std::to_string(join.lane) + " has joined already");
  }
  joined_.set(join.lane);
  return {};
}

ServerActions ServerMachine::received_on_lane(Message message, MonotonicTime now) {
  if (state_ == ServerState::leaving || state_ == ServerState::ended) return {};
  if (!calling_) sink_moved(now);
  if (std::holds_alternative<message::Heartbeat>(message)) return {};
  if (auto* frame = std::get_if<message::Frame>(&message); frame && takes_frames()) return on_frame(*frame);
  return unexpected(type_of(message));
}

// --- Requests.

ServerActions ServerMachine::on_frame(message::Frame& frame) {
  if (held_bytes() + frame.bytes.size() > options_.window_bytes) {
    return stop({.code = ErrorCode::protocol,
                 .what = "receive a frame",
                 .detail = "the primary sent more frames than the window it was given"});
  }
  received_bytes_ += frame.bytes.size();
  ++received_frames_;
  Status queued = queue_frame(frame);
  if (!queued) return stop(std::move(queued).error());
  if (parked_ && ordered_frames_ >= due_frames_) {
    queue_.push_back(*std::exchange(parked_, {}));
    phase_deadline_.reset();
  }
  return pump();
}

Status ServerMachine::queue_frame(message::Frame& frame) {
  if (!orders_frames()) {
    queue_.emplace_back(std::move(frame));
    return {};
  }
  AFI_TRY_STATUS(order_.put(std::move(frame.bytes)));
  while (std::optional<Bytes> next = order_.take()) {
    queue_.emplace_back(message::Frame{std::move(*next)});
    ++ordered_frames_;
  }
  return {};
}

ServerActions ServerMachine::on_frames_sent(const message::FramesSent& sent) {
  const std::uint64_t window_frames = options_.window_bytes / format::frame_header_bytes;
  if (sent.frames < received_frames_ || sent.frames - ordered_frames_ > window_frames) {
    return stop({.code = ErrorCode::protocol,
                 .what = "receive a message",
                 .detail = "the primary says that it sent " + std::to_string(sent.frames) + " frames, and " +
                           std::to_string(received_frames_) + " have come"});
  }
  due_frames_ = sent.frames;
  return {};
}

ServerActions ServerMachine::on_request(Message& message, MonotonicTime now) {
  const auto follows = [this, now](auto& request) -> ServerActions {
    resting_ = state_;
    state_ = ServerState::answering;
    phase_deadline_.reset();
    if (ordered_frames_ < due_frames_) {
      parked_ = std::move(request);
      phase_deadline_ = now + options_.timeouts.window;
      return {};
    }
    queue_.emplace_back(std::move(request));
    return pump();
  };
  const bool in_machine = state_ == ServerState::opened || state_ == ServerState::shipping;
  if (auto* open = std::get_if<message::Open>(&message); open && state_ == ServerState::welcomed) return follows(*open);
  if (auto* begin = std::get_if<message::Begin>(&message); begin && in_machine) return follows(*begin);
  if (auto* asked = std::get_if<message::HashesRequest>(&message); asked && in_machine) return follows(*asked);
  if (auto* remove = std::get_if<message::Remove>(&message); remove && in_machine) return follows(*remove);
  if (auto* commit = std::get_if<message::Commit>(&message); commit && state_ == ServerState::shipping) {
    return follows(*commit);
  }
  return unexpected(type_of(message));
}

ServerActions ServerMachine::pump() {
  if (calling_) return {};
  if (queue_.empty()) {
    if (state_ != ServerState::leaving) return {};
    if (broken_by_) return end_session({.kind = SessionEndKind::failed, .reason = std::move(*broken_by_)}, {});
    const Error bye{.code = ErrorCode::end_of_data, .what = "hear from the primary", .detail = "the primary said bye"};
    return end_session({.kind = SessionEndKind::completed, .reason = bye}, {});
  }
  SinkRequest request = std::move(queue_.front());
  queue_.pop_front();
  calling_ = std::visit([](const auto& body) { return body.type; }, request);
  const auto* frame = std::get_if<message::Frame>(&request);
  calling_bytes_ = frame == nullptr ? 0 : frame->bytes.size();
  if (const auto* begin = std::get_if<message::Begin>(&request)) beginning_ = begin->begin.epoch;
  return actions_of(CallSink{std::move(request)});
}

ServerActions ServerMachine::sink_failed(Error error) {
  if (state_ == ServerState::leaving) {
    return end_session({.kind = SessionEndKind::failed, .reason = std::move(error)}, {});
  }
  return stop(std::move(error));
}

ServerActions ServerMachine::sink_answered(PortAnswer answer) {
  AFI_CHECK(calling_.has_value());
  const MessageType request = *std::exchange(calling_, {});
  if (state_ == ServerState::ended) return {};
  const bool may_decline = request == MessageType::hashes_request;
  if (!answer && !may_decline) return sink_failed(std::move(answer).error());
  if (state_ == ServerState::leaving) {
    taken_bytes_ += calling_bytes_;
    return pump();
  }
  ServerActions actions;
  if (request == MessageType::frame) {
    taken_bytes_ += calling_bytes_;
    if (taken_bytes_ - acked_bytes_ >= options_.window_bytes / ack_steps) {
      acked_bytes_ = taken_bytes_;
      actions.emplace_back(Message(message::Ack{.frame_bytes = taken_bytes_}));
    }
    append_to(actions, pump());
    return actions;
  }
  if (answer && request == MessageType::hashes_request &&
      std::get<std::vector<format::BlockHash>>(*answer).size() > hashes_per_message_max) {
    return stop({.code = ErrorCode::internal, .what = "answer a request", .detail = "the sink gave too many hashes"});
  }
  // An answer acknowledges all frames before it.
  acked_bytes_ = taken_bytes_;
  state_ = resting_;
  if (request == MessageType::open || request == MessageType::commit) state_ = ServerState::opened;
  if (request == MessageType::begin) {
    state_ = ServerState::shipping;
    order_.begin(beginning_, std::get<Need>(*answer).first_frame);
  }
  if (request == MessageType::remove) state_ = ServerState::removed;
  if (!answer) {
    return actions_of(Message(message::Declined{.code = answer.error().code, .reason = answer.error().text()}));
  }
  return actions_of(std::move(*reply_to(request, *answer)));
}

// --- Everything else.

ServerActions ServerMachine::received(Message message, MonotonicTime now) {
  if (state_ == ServerState::leaving || state_ == ServerState::ended) return {};
  bytes_received(now);
  if (!calling_) sink_moved(now);
  const MessageType type = type_of(message);
  const bool before_welcome = state_ == ServerState::awaiting_hello || state_ == ServerState::admitting;
  if (auto* failure = std::get_if<message::Failure>(&message)) {
    return broken(error_of_peer(failure->code, std::move(failure->reason), "hear from the primary"));
  }
  if (type == MessageType::bye) {
    if (before_welcome) {
      return broken({.code = ErrorCode::unreachable, .what = "greet a primary", .detail = "it left before it was in"});
    }
    state_ = ServerState::leaving;
    phase_deadline_.reset();
    parked_.reset();  // nobody waits for its answer
    return pump();
  }
  if (auto* hello = std::get_if<message::Hello>(&message); hello && state_ == ServerState::awaiting_hello) {
    return on_hello(*hello, now);
  }
  if (const auto* join = std::get_if<message::Join>(&message); join && state_ == ServerState::awaiting_hello) {
    state_ = ServerState::ended;
    return actions_of(BecomeLane{*join});
  }
  if (before_welcome) return unexpected(type);
  if (type == MessageType::heartbeat) return {};
  if (auto* frame = std::get_if<message::Frame>(&message); frame && takes_frames()) return on_frame(*frame);
  const bool in_machine = state_ == ServerState::opened || state_ == ServerState::shipping;
  if (const auto* sent = std::get_if<message::FramesSent>(&message); sent && in_machine && orders_frames()) {
    return on_frames_sent(*sent);
  }
  return on_request(message, now);
}

ServerActions ServerMachine::time_passed(MonotonicTime now) {
  if (state_ == ServerState::leaving || state_ == ServerState::ended) return {};
  if (phase_deadline_ && now >= *phase_deadline_) {
    return stop({.code = ErrorCode::timed_out,
                 .what = "wait for a primary",
                 .detail = parked_
                               ? "frames that the primary says it sent did not come on any lane"
                               : "the session was still " + std::string(name_of(state_)) + " when its time was over"});
  }
  if (!is_welcome()) return {};
  if (now - last_received_ >= options_.timeouts.silence) {
    return stop({.code = ErrorCode::timed_out,
                 .what = "hear from the primary",
                 .detail = "the primary has said nothing for " + seconds_of(options_.timeouts.silence)});
  }
  if (calling_ && now - last_moved_ >= options_.timeouts.stall) {
    return stop({.code = ErrorCode::timed_out,
                 .what = "work for a primary",
                 .detail = "the replica is stuck in '" + std::string(replication::name_of(*calling_)) +
                           "': nothing has moved for " + seconds_of(options_.timeouts.stall) +
                           "; its status says what it waits for"});
  }
  if (now - last_sent_ >= options_.timeouts.heartbeat) {
    last_sent_ = now;
    return actions_of(Message(message::Heartbeat{}));
  }
  return {};
}

std::optional<MonotonicTime> ServerMachine::next_deadline() const {
  std::optional<MonotonicTime> next = phase_deadline_;
  if (state_ == ServerState::ended) return {};
  const auto consider = [&next](MonotonicTime when) {
    if (!next || when < *next) next = when;
  };
  if (is_welcome()) {
    consider(last_received_ + options_.timeouts.silence);
    if (calling_) consider(last_moved_ + options_.timeouts.stall);
    consider(last_sent_ + options_.timeouts.heartbeat);
  }
  return next;
}

}  // namespace afterimage::replication
