// SPDX-License-Identifier: Apache-2.0
// LoggedSessions: what replication sessions tell, as lines of the log. The number of a session is the same in the logs
// of both hosts. Refusals are limited as those of strangers are: an enrolled host that has gone bad fills no disk
// either.
#pragma once

#include <cstdint>

#include "tools/afterimaged/log.h"
#include "tools/afterimaged/refusal_log.h"
#include "transport/replication/session_log.h"

namespace afterimage::daemon {

enum class PeerSide : std::uint8_t { primary, replica };  // what the peer is in the session

class LoggedSessions final : public replication::SessionLog {
 public:
  LoggedSessions(io::Reactor& reactor, Log& log, PeerSide peer_side)
      : log_(log), refusals_(reactor, log), peer_side_(peer_side) {}
  void note(const replication::SessionNote& note) override;

 private:
  Log& log_;
  RefusalLog refusals_;
  PeerSide peer_side_;
};

}  // namespace afterimage::daemon
