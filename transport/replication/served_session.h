// SPDX-License-Identifier: Apache-2.0
// ServedSession: one session of a replica over its stream. For server.cc alone.
//
// A connection whose first message is a join is none: serve() gives it back untouched.
//
// Three tasks: the serving one carries out the machine's actions in order, so that the sink has one call at a time and
// answers are written in order; the reader reads on while the sink works, so that a dead peer is noticed and the window
// is judged; the keeper watches the time. Heartbeats are written by a task of their own. The object lives in the frame
// of serve_session and dies after all of them. Memory: the machine's queue, bounded by the window.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "io/task_group.h"
#include "transport/replication/message_stream.h"
#include "transport/replication/served_lane.h"
#include "transport/replication/server.h"
#include "transport/replication/server_machine.h"

namespace afterimage::replication {

class ServedSession final : public SessionEntry {
 public:
  ServedSession(io::Scope& scope, MessageStream& stream, ReplicaGate& gate, Peer peer, ServeOptions options);

  // Either the end of the session, or the lane that the connection is.
  [[nodiscard]] io::Task<std::variant<SessionEnd, message::Join>> serve();

  void stop(Error reason) override;
  [[nodiscard]] TrafficCounters traffic() override;
  [[nodiscard]] std::string address() const override { return stream_.peer(); }
  [[nodiscard]] const SessionId& session() const override { return hello_.session; }
  [[nodiscard]] Status join(const message::Join& join, ServedLane& lane) override;
  [[nodiscard]] std::size_t further_lanes() override;
  void received_on_lane(Message message) override { apply(machine_.received_on_lane(std::move(message), now())); }
  void lane_broken(Error reason) override;

 private:
  [[nodiscard]] io::Task<void> read_messages();
  [[nodiscard]] io::Task<void> keep();
  [[nodiscard]] io::Task<void> write_heartbeat();
  [[nodiscard]] io::Task<void> tell_the_end();
  void look_at_sink();
  [[nodiscard]] io::Task<void> carry_out(ServerAction action);
  [[nodiscard]] io::Task<void> send(Message message);
  [[nodiscard]] io::Task<void> ask_gate();
  [[nodiscard]] io::Task<void> call_sink(SinkRequest request);
  [[nodiscard]] io::Task<PortAnswer> call(message::Open& open);
  [[nodiscard]] io::Task<PortAnswer> call(message::Begin& begin);
  [[nodiscard]] io::Task<PortAnswer> call(message::Frame& frame);
  [[nodiscard]] io::Task<PortAnswer> call(message::Commit& commit);
  [[nodiscard]] io::Task<PortAnswer> call(message::HashesRequest& request);
  [[nodiscard]] io::Task<PortAnswer> call(message::Remove& remove);
  [[nodiscard]] io::Task<Status> say_farewell();
  [[nodiscard]] io::Task<void> end_tasks();
  void apply(ServerActions actions);
  void stop_if_host_stops();
  void note(SessionNoteKind kind, const Error& reason);
  [[nodiscard]] MonotonicTime now() const { return reactor_.now(); }

  io::Reactor& reactor_;
  ReplicaGate& gate_;
  ServeOptions options_;
  io::Scope& host_scope_;  // of serve_session: interrupted when the host stops
  io::Scope call_scope_;   // of gate, sink and answers: cancelled with the session
  io::Scope pump_scope_;   // of reader, keeper and heartbeats: cancelled at the very end
  io::Scope last_scope_;   // of what is still sent after the end: outlives an interruption of the host's, by linger
  MessageStream& stream_;
  ServerMachine machine_;
  message::Hello hello_;
  std::unique_ptr<PointSink> sink_;
  std::deque<ServerAction> todo_;
  std::optional<EndServing> end_;
  std::optional<message::Join> lane_;  // this is no session
  io::List<ServedLane, ServedLaneTag> lanes_;
  bool heartbeat_due_ = false;
  bool is_admitted_ = false;
  bool is_in_sink_ = false;
  bool is_told_ = false;  // the end, by the keeper
  std::uint64_t sink_steps_ = 0;
  io::Event changed_;      // for the serving task: something to do
  io::Event nudged_;       // for the keeper: the end
  io::Event reader_done_;  // nothing more will be read
  io::TaskGroup tasks_;    // last: its tasks use all of the above
};

}  // namespace afterimage::replication
