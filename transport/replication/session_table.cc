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

std::size_t SessionTable::stop_sessions_of(const HostId& peer, const Error& reason) {
  std::size_t stopped = 0;
  for (SessionEntry* entry = entries_.front(); entry != nullptr; entry = entries_.after(*entry)) {
    if (entry->peer().id != peer) continue;
    entry->stop(reason);  // only asks: the entry leaves the table later
    ++stopped;
  }
  return stopped;
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
