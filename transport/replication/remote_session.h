// SPDX-License-Identifier: Apache-2.0
// RemoteSession: a session of a primary, shared by the sink that is used and the tasks that keep it alive. For
// remote_sink.cc alone.
//
// Who writes: a call writes its request or frame under its own scope, so that lent bytes are never used after it; the
// keeper writes the last word; a task of its own writes a heartbeat, because a slow link may hold it up for longer than
// the keeper may look away. The reader only reads. Once a further lane has joined, frames are given to lanes, each with
// a task that writes them; requests stay with the calls. Every task holds the session: whatever the simulator destroys
// first, nothing dangles.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "transport/replication/client_machine.h"
#include "transport/replication/message_stream.h"
#include "transport/replication/remote_lane.h"
#include "transport/replication/remote_sink.h"

namespace afterimage::replication {

class RemoteSession {
 public:
  RemoteSession(io::Reactor& reactor, std::unique_ptr<io::Stream> stream, RemoteSinkOptions options);

  // Sends hello, starts the tasks, waits for the welcome.
  [[nodiscard]] static io::Task<Status> greet(std::shared_ptr<RemoteSession> self, io::Scope& scope);
  // Carries out what a call of the machine asked for, until it is answered. `frame` is what an append sends.
  [[nodiscard]] static io::Task<PortAnswer> finish_call(std::shared_ptr<RemoteSession> self, io::Scope& scope,
                                                        ClientActions actions, Bytes frame);
  // The sink is gone: the tasks say bye and end.
  void leave();

  [[nodiscard]] ClientMachine& machine() { return machine_; }
  [[nodiscard]] MonotonicTime now() const { return reactor_.now(); }
  [[nodiscard]] const TrafficCounters& traffic() const { return stream_.traffic(); }

 private:
  [[nodiscard]] static io::Task<void> read_messages(std::shared_ptr<RemoteSession> self);
  [[nodiscard]] static io::Task<void> keep(std::shared_ptr<RemoteSession> self);
  [[nodiscard]] static io::Task<void> write_heartbeat(std::shared_ptr<RemoteSession> self);
  [[nodiscard]] io::Task<Status> say_farewell();
  [[nodiscard]] io::Task<Status> write_pending(io::Scope& scope, Bytes& frame);
  [[nodiscard]] io::Task<Status> write_frame(io::Scope& scope, Bytes& frame);
  [[nodiscard]] io::Task<void> writing_failed(io::Scope& scope, Error error);
  // --- remote_lanes.cc.
  static void open_lanes_if_due(const std::shared_ptr<RemoteSession>& self);
  static RemoteLane& add_lane(const std::shared_ptr<RemoteSession>& self, std::unique_ptr<RemoteLane> added);
  [[nodiscard]] static io::Task<void> run_lane(std::shared_ptr<RemoteSession> self, std::size_t index);
  [[nodiscard]] static io::Task<void> carry_frames(std::shared_ptr<RemoteSession> self, RemoteLane& lane);
  [[nodiscard]] static io::Task<void> lane_failed(std::shared_ptr<RemoteSession> self, RemoteLane& lane, Error error);
  [[nodiscard]] io::Task<Result<std::unique_ptr<MessageStream>>> join_lane(std::size_t index);
  [[nodiscard]] RemoteLane* free_lane();

  void apply(ClientActions actions);
  void note(SessionNoteKind kind, const Error& reason);

  io::Reactor& reactor_;
  RemoteSinkOptions options_;
  io::Scope scope_;  // of the tasks; a call has its own
  MessageStream stream_;
  ClientMachine machine_;
  std::deque<Message> outbox_;
  std::vector<std::unique_ptr<RemoteLane>> lanes_;  // none: frames go on the one connection, by the call itself
  bool lanes_opened_ = false;
  bool frame_may_go_ = false;
  bool heartbeat_due_ = false;
  bool admission_noted_ = false;
  std::optional<PortAnswer> answer_;
  io::Event changed_;      // for the call: answered, a frame may go, a lane is free, or the end
  io::Event nudged_;       // for the keeper: the end, or an earlier deadline
  io::Event ended_;        // the session is over
  io::Event reader_done_;  // nothing more will be read
  MonotonicTime watch_until_;
};

}  // namespace afterimage::replication
