// SPDX-License-Identifier: Apache-2.0
// How long what a host does may take without progress before the watchdog says so: every number in one place. Waits for
// a peer have deadlines of their own (transport/replication/session_timeouts.h), which end the session; a job opens
// another one.
#pragma once

#include <chrono>

#include "io/base/time.h"

namespace afterimage::host {

// What has waited for `warning` is told, and again when it has waited for `critical`.
struct Deadline {
  Duration warning;
  Duration critical;
};

struct Deadlines {
  Duration look_every = std::chrono::seconds(5);
  // One operation on a disk. It is never given up: only the kernel ends it.
  Deadline disk{.warning = std::chrono::seconds(30), .critical = std::chrono::minutes(5)};
  // One piece of work on a worker: a window, a batch of frames, a call of SQLite, which may wait for a disk.
  Deadline work{.warning = std::chrono::seconds(30), .critical = std::chrono::minutes(5)};
  // One wait for a peer; and one before whose end the peer has much to do: to prove a first point over every block, to
  // read a disk of zeros of which nothing is sent.
  Deadline peer{.warning = std::chrono::seconds(60), .critical = std::chrono::minutes(30)};
  Deadline slow_peer{.warning = std::chrono::minutes(10), .critical = std::chrono::hours(1)};
  // A job whose phase and count of bytes stay as they are, and one that has moved all its bytes and waits for the other
  // side to prove them.
  Duration job_warning = std::chrono::seconds(60);
  Duration job_answer_warning = std::chrono::minutes(5);
  Duration job_critical = std::chrono::minutes(30);
};

}  // namespace afterimage::host
