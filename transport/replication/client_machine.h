// SPDX-License-Identifier: Apache-2.0
// ClientMachine: the primary's side of a session as a pure state machine. Calls, messages and time in; actions out.
//
// | state      | call that leads on                    | message that leads on      | then
// | created    | start                                 |                            | greeting
// | greeting   |                                       | welcome                    | welcomed
// | welcomed   | open                                  |                            | opening
// | opening    |                                       | opened                     | opened
// | opened     | begin, block_hashes, remove_machine   |                            | beginning, asking, removing
// | beginning  |                                       | need                       | shipping
// | shipping   | append (stays), commit, begin,        |                            | committing, beginning,
// |            | block_hashes, remove_machine          |                            | asking, removing
// | committing |                                       | receipt                    | opened
// | asking     |                                       | hashes, declined           | as before the question
// | removing   |                                       | removed                    | removed
// | removed    |                                       |                            |
// | ended      |                                       | everything is ignored      |
//
// In every state from welcomed on: heartbeat is taken, ack gives credit (more than was acknowledged, at most what was
// sent). From greeting on: failure and bye end the session; refusal ends it in greeting. Any other message: failure
// (protocol) is sent and the session ends. leave() says bye from welcomed on. A call in a state that does not have it
// answers `refused` and changes nothing; a call after the end answers with the reason of the end.
//
// Every call is answered by exactly one CallDone, at once or later. At most one call is open.
// Lanes: whoever carries frames on further connections says lane_joined() before the first; from then on every request
// behind frames is preceded by frames_sent, because it may overtake them.
// Flow: at most `window` frame bytes are sent and not acknowledged; an answer to any later request acknowledges all.
// Deadlines: each call has one, silence is death, and a heartbeat goes out before the peer thinks so of us.
// Externally serialised.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
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

enum class ClientState : std::uint8_t {
  created,
  greeting,
  welcomed,
  opening,
  opened,
  beginning,
  shipping,
  committing,
  asking,
  removing,
  removed,
  ended
};
[[nodiscard]] std::string_view name_of(ClientState state) noexcept;

// --- Actions, to be done in order.
struct SendFrame {};  // the frame of the open append; then frame_sent()
struct CallDone {
  PortAnswer answer;
};
struct EndSession {  // what stands before it is still sent, as far as the stream can; nothing after it
  Error reason;      // end_of_data: a side said bye
};
using ClientAction = std::variant<Message, SendFrame, CallDone, EndSession>;
using ClientActions = std::vector<ClientAction>;

struct ClientOptions {
  std::string host_name;
  SessionId session;
  VersionRange versions = spoken_versions;
  SessionTimeouts timeouts = {};
};

class ClientMachine {
 public:
  explicit ClientMachine(ClientOptions options) : options_(std::move(options)) {}

  // --- Calls. start() is the first; its answer is Done once the replica has said welcome.
  [[nodiscard]] ClientActions start(MonotonicTime now);
  [[nodiscard]] ClientActions open(const MachineDescription& machine, SeedBy seed_by, MonotonicTime now);
  [[nodiscard]] ClientActions begin(const BeginEpoch& begin, MonotonicTime now);
  [[nodiscard]] ClientActions append(ByteCount frame, MonotonicTime now);
  [[nodiscard]] ClientActions commit(const format::PointRecord& record, MonotonicTime now);
  [[nodiscard]] ClientActions block_hashes(const DiskId& disk, const Extent& extent, MonotonicTime now);
  [[nodiscard]] ClientActions remove_machine(MonotonicTime now);
  // The caller wants nothing more.
  [[nodiscard]] ClientActions leave();

  // --- Events.
  [[nodiscard]] ClientActions received(Message message, MonotonicTime now);
  [[nodiscard]] ClientActions frame_sent();
  // From now on frames may go on more than one connection.
  void lane_joined() { has_lanes_ = true; }
  void bytes_received(MonotonicTime at) { last_received_ = std::max(last_received_, at); }
  void bytes_sent(MonotonicTime at) { last_sent_ = std::max(last_sent_, at); }
  [[nodiscard]] ClientActions time_passed(MonotonicTime now);
  // The stream broke or ended, or the caller of the open call was interrupted: over without a word.
  [[nodiscard]] ClientActions broken(Error reason);
  // The peer sent what does not parse: the replica is told why it is over.
  [[nodiscard]] ClientActions violated(Error reason);

  // When time_passed() is due; nothing before start() and after the end.
  [[nodiscard]] std::optional<MonotonicTime> next_deadline() const;
  [[nodiscard]] ClientState state() const { return state_; }
  [[nodiscard]] bool is_over() const { return state_ == ClientState::ended; }
  [[nodiscard]] const std::optional<Error>& end() const { return end_; }
  [[nodiscard]] bool was_admitted() const { return window_bytes_ != 0; }
  [[nodiscard]] const std::string& replica_name() const { return replica_name_; }  // after the welcome
  // What the open call waits for, for a watchdog: "wait for the acknowledgement of point 7".
  [[nodiscard]] std::string awaited() const;
  // It waits for the proof of a first point over every block.
  [[nodiscard]] bool awaits_proof() const { return state_ == ClientState::committing && commits_first_; }
  [[nodiscard]] std::size_t lanes_granted() const { return lanes_granted_; }  // after the welcome; 1: no further ones
  [[nodiscard]] const LaneSecret& lane_secret() const { return lane_secret_; }
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }  // of frames
  [[nodiscard]] std::uint64_t unacknowledged_bytes() const { return sent_bytes_ - acked_bytes_; }

 private:
  [[nodiscard]] bool is_welcome() const;
  [[nodiscard]] std::optional<ClientActions> refuse_call(bool allowed) const;
  [[nodiscard]] ClientActions request(Message message, ClientState next, Duration timeout, MonotonicTime now);
  [[nodiscard]] ClientActions answer(PortAnswer value, ClientState next);
  [[nodiscard]] ClientActions end_session(Error reason, std::optional<Message> last_word);
  [[nodiscard]] ClientActions unexpected(MessageType type);
  [[nodiscard]] ClientActions send_frame_if_room();
  [[nodiscard]] ClientActions on_welcome(message::Welcome& welcome, MonotonicTime now);
  [[nodiscard]] ClientActions on_ack(const message::Ack& ack);
  [[nodiscard]] ClientActions on_answer(Message& message);

  ClientOptions options_;
  ClientState state_ = ClientState::created;
  ClientState resting_ = ClientState::opened;  // where a question was asked
  bool call_open_ = false;
  std::optional<MonotonicTime> call_deadline_;
  std::string_view waiting_for_;  // a literal
  Sequence commits_;
  bool commits_first_ = false;
  std::optional<std::uint64_t> frame_waiting_;  // bytes of the frame that waits for room
  bool frame_going_ = false;                    // SendFrame was given out
  std::uint64_t window_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t acked_bytes_ = 0;
  std::uint64_t hashes_asked_ = 0;
  std::size_t lanes_granted_ = 1;
  LaneSecret lane_secret_;
  bool has_lanes_ = false;
  std::uint64_t sent_frames_ = 0;
  std::uint64_t told_frames_ = 0;  // in the last frames_sent
  MonotonicTime last_received_;
  MonotonicTime last_sent_;
  std::string replica_name_;
  std::optional<Error> end_;
};

}  // namespace afterimage::replication
