// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/live_sessions.h"

#include <algorithm>

namespace afterimage::daemon {

std::size_t LiveSessions::review(const tls::TrustPolicy& policy, WallTime now) {
  std::size_t ended = 0;
  for (LiveSession* session = sessions_.front(); session != nullptr;) {
    LiveSession* const next = sessions_.after(*session);
    const Status verdict = tls::verify_again(policy, session->identity(), now);
    if (!verdict && !session->is_ending()) {
      session->ask_to_end(verdict.error());
      ++ended;
    }
    session = next;
  }
  return ended;
}

void LiveSessions::end_all_of(const HostId& peer, const Error& reason) {
  for (LiveSession* session = sessions_.front(); session != nullptr;) {
    LiveSession* const next = sessions_.after(*session);
    if (session->identity().id == peer) session->ask_to_end(reason);
    session = next;
  }
}

std::optional<WallTime> LiveSessions::next_expiry() {
  std::optional<WallTime> first;
  for (LiveSession* session = sessions_.front(); session != nullptr; session = sessions_.after(*session)) {
    if (session->is_ending()) continue;  // it takes its time; nobody looks again because of it
    const WallTime ends = session->identity().not_after;
    first = first ? std::min(*first, ends) : ends;
  }
  return first;
}

std::size_t LiveSessions::count_of(const HostId& peer) {
  std::size_t count = 0;
  for (LiveSession* session = sessions_.front(); session != nullptr; session = sessions_.after(*session)) {
    if (session->identity().id == peer) ++count;
  }
  return count;
}

}  // namespace afterimage::daemon
