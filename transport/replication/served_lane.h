// SPDX-License-Identifier: Apache-2.0
// ServedLane: a further connection of a session, at the replica: admitted by the session, then read for it. For
// server.cc alone.
//
// Two tasks: one reads and hands over, one watches for silence. The lane ends with its session; a lane that breaks ends
// the session. It lives in the frame of serve_session, in its session's list while it carries.
#pragma once

#include "io/list.h"
#include "io/task_group.h"
#include "transport/replication/message_stream.h"
#include "transport/replication/server.h"

namespace afterimage::replication {

class ServedLane final : public io::ListNode<ServedLaneTag> {
 public:
  // All references outlive it.
  ServedLane(io::Scope& scope, MessageStream& stream, const Peer& peer, const ServeOptions& options,
             message::Join join);

  [[nodiscard]] io::Task<SessionEnd> serve();
  // The session has had its last word.
  void session_over() { scope_.cancel(); }
  [[nodiscard]] const TrafficCounters& traffic() const { return stream_.traffic(); }

 private:
  [[nodiscard]] Status join_session();
  [[nodiscard]] io::Task<Error> carry();
  [[nodiscard]] io::Task<void> watch_silence();
  [[nodiscard]] io::Task<void> refuse(Error reason);
  [[nodiscard]] io::Task<Status> say_refusal(Error reason);

  io::Scope& host_scope_;
  io::Scope scope_;
  MessageStream& stream_;
  const Peer& peer_;
  const ServeOptions& options_;
  message::Join join_;
  SessionEntry* session_ = nullptr;  // lives while this lane is linked
  io::TaskGroup tasks_;              // last: its task uses all of the above
};

}  // namespace afterimage::replication
