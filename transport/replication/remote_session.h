// SPDX-License-Identifier: Apache-2.0
// RemoteSession: a session of a primary, shared by the sink that is used and the tasks that keep it alive. For
// remote_sink.cc alone.
//
// Who writes: a call writes its request or frame under its own scope, so that lent bytes are never used after it; the
// keeper writes the last word; a task of its own writes a heartbeat, because a slow link may hold it up for longer than
// the keeper may look away. The reader only reads. Every task holds the session: whatever the simulator destroys first,
// nothing dangles.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "transport/replication/client_machine.h"
#include "transport/replication/message_stream.h"
#include "transport/replication/remote_sink.h"

namespace afterimage::replication {

class RemoteSession {
 public:
  RemoteSession(io::Reactor& reactor, std::unique_ptr<io::Stream> stream, RemoteSinkOptions options);

  // Sends hello, starts the tasks, waits for the welcome.
  [[nodiscard]] static io::Task<Status> greet(std::shared_ptr<RemoteSession> self, io::Scope& scope);
  // Carries out what a call of the machine asked for, until it is answered. `frame` is what an append sends.
  [[nodiscard]] static io::Task<PortAnswer> finish_call(std::shared_ptr<RemoteSession> self, io::Scope& scope,
                                                        ClientActions actions, ByteView frame);
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
  [[nodiscard]] io::Task<Status> write_pending(io::Scope& scope, ByteView frame);
  [[nodiscard]] io::Task<void> writing_failed(io::Scope& scope, Error error);
  void apply(ClientActions actions);
  void note(SessionNoteKind kind, const Error& reason);

  io::Reactor& reactor_;
  RemoteSinkOptions options_;
  io::Scope scope_;  // of the tasks; a call has its own
  MessageStream stream_;
  ClientMachine machine_;
  std::deque<Message> outbox_;
  bool frame_may_go_ = false;
  bool heartbeat_due_ = false;
  bool admission_noted_ = false;
  std::optional<PortAnswer> answer_;
  io::Event changed_;      // for the call: answered, a frame may go, or the end
  io::Event nudged_;       // for the keeper: the end, or an earlier deadline
  io::Event reader_done_;  // nothing more will be read
  MonotonicTime watch_until_;
};

}  // namespace afterimage::replication
