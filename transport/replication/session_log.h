// SPDX-License-Identifier: Apache-2.0
// What a session tells its host: notes for the log of either side, and counters for status.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/base/result.h"
#include "transport/replication/messages.h"

namespace afterimage::replication {

enum class SessionNoteKind : std::uint8_t {
  admitted,     // the welcome was sent, or received
  refused,      // a refusal was sent, or received, or no welcome came
  ended,        // after a welcome; `reason` is end_of_data where a side said bye
  lane_refused  // a further connection could not join the session, which goes on without it
};
// "admitted"
[[nodiscard]] std::string_view name_of(SessionNoteKind kind) noexcept;

struct SessionNote {
  SessionNoteKind kind = SessionNoteKind::ended;
  SessionId session;              // the same in the logs of both sides; none if not even a hello came
  std::string peer;               // the other host's name
  std::string address;            // as its stream says
  Error reason = {};              // not of admitted
  std::uint64_t frame_bytes = 0;  // of frames that came, at the replica; ended only
  std::size_t lanes = 1;          // connections that carried frames; ended only
};

// Given by a host, outlives all its sessions. Called on the reactor's thread, once for the verdict and, after an
// admission, once for the end; in between once for each lane that is refused.
class SessionLog {
 public:
  virtual ~SessionLog() = default;
  virtual void note(const SessionNote& note) = 0;
};

// Bytes on the stream, headers and heartbeats included, TLS not. Only grows. Thread: the reactor's.
struct TrafficCounters {
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

}  // namespace afterimage::replication
