// SPDX-License-Identifier: Apache-2.0
// SessionTable: the sessions that a replica serves right now. Bounds how many a primary may have, and ends them when
// its permission ends. Thread: the reactor's.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/port/replica_gate.h"
#include "io/base/limits.h"
#include "io/list.h"
#include "transport/replication/messages.h"
#include "transport/replication/session_log.h"

namespace afterimage::replication {

struct SessionEntryTag;
struct ServedLaneTag;
class ServedLane;

// A served session, as the table and its lanes see it; leaves the table when it dies, and its lanes with it.
class SessionEntry : public io::ListNode<SessionEntryTag> {
 public:
  virtual void stop(Error reason) = 0;                  // the primary is told, the session ends soon
  [[nodiscard]] virtual TrafficCounters traffic() = 0;  // of all its lanes
  [[nodiscard]] virtual std::string address() const = 0;
  [[nodiscard]] virtual const SessionId& session() const = 0;  // as its primary calls it

  // --- Lanes: further connections that stand in the session's list from a fine join() on.
  [[nodiscard]] virtual Status join(const message::Join& join, ServedLane& lane) = 0;
  [[nodiscard]] virtual std::size_t further_lanes() = 0;  // that are there now
  virtual void received_on_lane(Message message) = 0;
  virtual void lane_broken(Error reason) = 0;
  [[nodiscard]] const Peer& peer() const { return peer_; }

 protected:
  explicit SessionEntry(Peer peer) : peer_(std::move(peer)) {}
  ~SessionEntry() = default;

 private:
  Peer peer_;
};

struct SessionFacts {
  Peer peer;
  std::string address;
  TrafficCounters traffic;
};

class SessionTable {
 public:
  // `busy`, with the reason, if that peer has sessions_per_peer_max already.
  [[nodiscard]] Status add(SessionEntry& entry);
  // The session of that peer that a lane asks for. not_found: it has none of that id. busy: all its sessions together
  // have lanes_per_peer_max further lanes.
  [[nodiscard]] Result<SessionEntry*> find_for_lane(const Peer& peer, const SessionId& session);
  // Ends the session of that peer whose first connection comes from `address`, for `reason`. Whether there is one.
  bool stop_session(const HostId& peer, std::string_view address, const Error& reason);
  [[nodiscard]] std::vector<SessionFacts> list();
  [[nodiscard]] std::size_t count_of(const HostId& peer);

 private:
  io::List<SessionEntry, SessionEntryTag> entries_;
};

}  // namespace afterimage::replication
