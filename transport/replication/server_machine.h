// SPDX-License-Identifier: Apache-2.0
// ServerMachine: the replica's side of a session as a pure state machine. Messages, answers and time in; actions out.
// The state says what the primary may send next; what it has sent already waits in a bounded queue for the sink.
//
// | state          | message that leads on                        | then
// | awaiting_hello | hello                                        | admitting (the gate is asked)
// |                | join                                         | ended: this is no session, but a lane of one
// | admitting      |                                              | gate: welcome is sent -> welcomed; refusal -> ended
// | welcomed       | open                                         | answering
// | opened         | begin, hashes_request, remove                | answering
// | shipping       | frame (stays), commit, begin,                | answering
// |                | hashes_request, remove                       |
// | answering      |                                              | sink: open, commit -> opened; begin -> shipping;
// |                |                                              | hashes -> as before; remove -> removed
// | removed        |                                              |
// | leaving        | everything is ignored                        | what is queued is done, then ended
// | ended          | everything is ignored                        |
//
// From welcomed on: heartbeat is taken. Always: failure ends the session; bye leads to leaving. Any other message:
// failure (protocol) is sent and the session ends. An error of the sink is sent as failure and ends the session; for
// hashes_request it is sent as declined, and the session goes on. A stream that breaks, or a failure that comes, while
// frames wait leads to leaving, too: what came whole need not come again.
//
// Lanes: further connections may join a session from the welcome on, and carry frames and heartbeats. A session that
// was granted any puts frames in order before the sink sees them. frames_sent tells, in opened and shipping, how many
// frames stand before the request that follows; a request waits, in answering, until they have come, and frames are
// taken until then, on any lane.
//
// Memory: frames of at most `window_bytes` (the primary was told) and one request. More is a breach of the protocol.
// One call of the sink at a time, in the order of the messages. Externally serialised.
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "io/base/time.h"
#include "transport/replication/frame_order.h"
#include "transport/replication/messages.h"
#include "transport/replication/session_timeouts.h"
#include "transport/replication/session_values.h"

namespace afterimage::replication {

enum class ServerState : std::uint8_t {
  awaiting_hello,
  admitting,
  welcomed,
  opened,
  shipping,
  answering,
  removed,
  leaving,
  ended
};
[[nodiscard]] std::string_view name_of(ServerState state) noexcept;

using SinkRequest = std::variant<message::Open, message::Begin, message::Frame, message::Commit, message::HashesRequest,
                                 message::Remove>;

enum class SessionEndKind : std::uint8_t {
  completed,  // the primary said bye
  refused,    // no welcome was given
  failed      // anything else
};
// "completed"
[[nodiscard]] std::string_view name_of(SessionEndKind kind) noexcept;

// --- Actions, to be done in order.
struct AskGate {};  // then admitted()
struct CallSink {   // then sink_answered()
  SinkRequest request;
};
struct EndServing {  // what stands before it is still sent, as far as the stream can; nothing after it
  SessionEndKind kind = SessionEndKind::failed;
  Error reason;
};
struct BecomeLane {  // the connection is not this machine's any more
  message::Join join;
};
using ServerAction = std::variant<Message, AskGate, CallSink, EndServing, BecomeLane>;
using ServerActions = std::vector<ServerAction>;

struct ServerOptions {
  std::string host_name;
  VersionRange versions = spoken_versions;
  std::uint64_t window_bytes = limits::session_window_bytes;  // at least limits::message_bytes_max
  std::uint8_t lanes = 1;                                     // connections that may be granted, 1 to limits::lanes_max
  LaneSecret lane_secret = {};                                // random, if lanes is more than 1
  SessionTimeouts timeouts = {};
};

class ServerMachine {
 public:
  // A connection was made, its peer authenticated.
  ServerMachine(ServerOptions options, MonotonicTime now);

  [[nodiscard]] ServerActions received(Message message, MonotonicTime now);
  // A further connection of the same peer asks to carry frames. The session's answer; fine at most once a lane.
  [[nodiscard]] Status join(const message::Join& join);
  // What came on a lane that has joined.
  [[nodiscard]] ServerActions received_on_lane(Message message, MonotonicTime now);
  [[nodiscard]] ServerActions admitted(Status verdict, MonotonicTime now);
  // The answer to the CallSink that is open. Requires: the value is of the kind the request asks for.
  [[nodiscard]] ServerActions sink_answered(PortAnswer answer);
  // The sink was called, or its call progresses.
  void sink_moved(MonotonicTime at) { last_moved_ = std::max(last_moved_, at); }
  void bytes_received(MonotonicTime at) { last_received_ = std::max(last_received_, at); }
  void bytes_sent(MonotonicTime at) { last_sent_ = std::max(last_sent_, at); }
  [[nodiscard]] ServerActions time_passed(MonotonicTime now);
  // The stream broke or ended: over without a word, once the frames that came before are with the sink.
  [[nodiscard]] ServerActions broken(Error reason);
  // The peer sent what does not parse, or this host ends the session: the primary is told why.
  [[nodiscard]] ServerActions stop(Error reason);

  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const;
  [[nodiscard]] ServerState state() const { return state_; }
  [[nodiscard]] bool is_over() const { return state_ == ServerState::ended; }
  // Frames in the queue and in the sink's hands.
  [[nodiscard]] std::uint64_t held_bytes() const { return received_bytes_ - taken_bytes_; }
  // Frames that came, whatever became of them.
  [[nodiscard]] std::uint64_t frame_bytes() const { return received_bytes_; }
  // Connections that carried this session: the first one and those that joined.
  [[nodiscard]] std::size_t lanes_used() const { return 1 + joined_.count(); }

 private:
  [[nodiscard]] bool is_welcome() const;
  [[nodiscard]] ServerActions end_session(EndServing end, std::optional<Message> last_word);
  [[nodiscard]] ServerActions unexpected(MessageType type);
  [[nodiscard]] ServerActions on_hello(const message::Hello& hello, MonotonicTime now);
  [[nodiscard]] ServerActions on_request(Message& message, MonotonicTime now);
  [[nodiscard]] ServerActions on_frame(message::Frame& frame);
  [[nodiscard]] ServerActions on_frames_sent(const message::FramesSent& sent);
  [[nodiscard]] Status queue_frame(message::Frame& frame);
  [[nodiscard]] bool orders_frames() const { return granted_lanes_ > 1; }
  [[nodiscard]] bool takes_frames() const { return state_ == ServerState::shipping || parked_.has_value(); }
  [[nodiscard]] ServerActions pump();
  [[nodiscard]] ServerActions sink_failed(Error error);

  ServerOptions options_;
  ServerState state_ = ServerState::awaiting_hello;
  ServerState resting_ = ServerState::opened;  // where a question was asked
  std::uint16_t version_ = 0;
  std::optional<MonotonicTime> phase_deadline_;
  std::deque<SinkRequest> queue_;
  std::uint8_t granted_lanes_ = 1;
  std::bitset<limits::lanes_max> joined_;
  FrameOrder order_;                   // of frames that came before their turn
  std::optional<SinkRequest> parked_;  // waits for frames that stand before it
  std::uint64_t received_frames_ = 0;
  std::uint64_t ordered_frames_ = 0;    // that are, or were, in the queue
  std::uint64_t due_frames_ = 0;        // that stand before the next request
  Epoch beginning_;                     // what the sink was asked to begin
  std::optional<MessageType> calling_;  // what the sink is doing
  std::optional<Error> broken_by_;      // leaving without a bye
  std::uint64_t calling_bytes_ = 0;     // of the frame it is taking
  std::uint64_t received_bytes_ = 0;    // of frames
  std::uint64_t taken_bytes_ = 0;
  std::uint64_t acked_bytes_ = 0;
  MonotonicTime last_moved_;  // of the sink
  MonotonicTime last_received_;
  MonotonicTime last_sent_;
};

}  // namespace afterimage::replication
