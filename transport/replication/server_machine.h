// SPDX-License-Identifier: Apache-2.0
// ServerMachine: the replica's side of a session as a pure state machine. Messages, answers and time in; actions out.
// The state says what the primary may send next; what it has sent already waits in a bounded queue for the sink.
//
// | state          | message that leads on                        | then
// | awaiting_hello | hello                                        | admitting (the gate is asked)
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
// Memory: frames of at most `window_bytes` (the primary was told) and one request. More is a breach of the protocol.
// One call of the sink at a time, in the order of the messages. Externally serialised.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "io/base/time.h"
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
using ServerAction = std::variant<Message, AskGate, CallSink, EndServing>;
using ServerActions = std::vector<ServerAction>;

struct ServerOptions {
  std::string host_name;
  VersionRange versions = spoken_versions;
  std::uint64_t window_bytes = limits::session_window_bytes;  // at least limits::message_bytes_max
  SessionTimeouts timeouts = {};
};

class ServerMachine {
 public:
  // A connection was made, its peer authenticated.
  ServerMachine(ServerOptions options, MonotonicTime now);

  [[nodiscard]] ServerActions received(Message message, MonotonicTime now);
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

 private:
  [[nodiscard]] bool is_welcome() const;
  [[nodiscard]] ServerActions end_session(EndServing end, std::optional<Message> last_word);
  [[nodiscard]] ServerActions unexpected(MessageType type);
  [[nodiscard]] ServerActions on_hello(const message::Hello& hello, MonotonicTime now);
  [[nodiscard]] ServerActions on_request(Message& message);
  [[nodiscard]] ServerActions on_frame(message::Frame& frame);
  [[nodiscard]] ServerActions pump();
  [[nodiscard]] ServerActions sink_failed(Error error);

  ServerOptions options_;
  ServerState state_ = ServerState::awaiting_hello;
  ServerState resting_ = ServerState::opened;  // where a question was asked
  std::uint16_t version_ = 0;
  std::optional<MonotonicTime> phase_deadline_;
  std::deque<SinkRequest> queue_;
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
