// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/session_table.h"

#include "io/base/check.h"

namespace afterimage::replication {

Status SessionTable::add(SessionEntry& entry) {
  AFI_CHECK(!entry.is_linked());
  if (count_of(entry.peer().id) >= limits::sessions_per_peer_max) {
    return fail(ErrorCode::busy, "admit a session",
                "this primary has " + std::to_string(limits::sessions_per_peer_max) +
                    " sessions at this replica already, which is the limit; wait until one ends");
  }
  entries_.push_back(entry);
  return {};
}

Result<SessionEntry*> SessionTable::find_for_lane(const Peer& peer, const SessionId& session) {
  SessionEntry* found = nullptr;
  std::size_t lanes = 0;
  for (SessionEntry* entry = entries_.front(); entry != nullptr; entry = entries_.after(*entry)) {
    if (entry->peer().id != peer.id) continue;
    lanes += entry->further_lanes();
    if (entry->session() == session) found = entry;
  }
  if (found == nullptr) {
    return fail(ErrorCode::not_found, "join a lane", "this primary has no session " + session.text() + " here");
  }
  if (lanes >= limits::lanes_per_peer_max) {
    return fail(ErrorCode::busy, "join a lane",
                "the sessions of this primary have " + std::to_string(limits::lanes_per_peer_max) +
                    " further lanes already, which is the limit");
  }
  return found;
}

bool SessionTable::stop_session(const HostId& peer, std::string_view address, const Error& reason) {
  for (SessionEntry* entry = entries_.front(); entry != nullptr; entry = entries_.after(*entry)) {
    if (entry->peer().id != peer || entry->address() != address) continue;
    entry->stop(reason);  // only asks: the entry leaves the table later
    return true;
  }
  return false;
}

std::vector<SessionFacts> SessionTable::list() {
  std::vector<SessionFacts> facts;
  for (SessionEntry* entry = entries_.front(); entry != nullptr; entry = entries_.after(*entry)) {
    facts.push_back({.peer = entry->peer(), .address = entry->address(), .traffic = entry->traffic()});
  }
  return facts;
}

std::size_t SessionTable::count_of(const HostId& peer) {
  std::size_t count = 0;
  for (SessionEntry* entry = entries_.front(); entry != nullptr; entry = entries_.after(*entry)) {
    if (entry->peer().id == peer) ++count;
  }
  return count;
}

}  // namespace afterimage::replication
