// SPDX-License-Identifier: Apache-2.0
// LiveSessions: every connection whose other end was proven, in both directions. When trust changes or a certificate
// ends, those that would no longer be let in are ended. Thread: the reactor's.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "io/base/error.h"
#include "io/list.h"
#include "transport/tls/trust.h"

namespace afterimage::daemon {

struct LiveSessionTag;

// Leaves the list when it dies.
class LiveSession : public io::ListNode<LiveSessionTag> {
 public:
  // Asks it to end soon, for `reason`. Once: it may take its time.
  void ask_to_end(const Error& reason) {
    if (!std::exchange(is_ending_, true)) end(reason);
  }
  [[nodiscard]] bool is_ending() const { return is_ending_; }
  [[nodiscard]] const tls::PeerIdentity& identity() const { return identity_; }

 protected:
  explicit LiveSession(tls::PeerIdentity identity) : identity_(std::move(identity)) {}
  ~LiveSession() = default;

 private:
  // Must not destroy it at once.
  virtual void end(const Error& reason) = 0;

  bool is_ending_ = false;
  tls::PeerIdentity identity_;
};

class LiveSessions {
 public:
  void add(LiveSession& session) { sessions_.push_back(session); }
  // Ends the sessions that `policy` does not let in at `now`. How many there were.
  std::size_t review(const tls::TrustPolicy& policy, WallTime now);
  // Ends those of one peer, for `reason`.
  void end_all_of(const HostId& peer, const Error& reason);
  // When the first of them ends by its certificate.
  [[nodiscard]] std::optional<WallTime> next_expiry();
  [[nodiscard]] std::size_t count_of(const HostId& peer);

 private:
  io::List<LiveSession, LiveSessionTag> sessions_;
};

}  // namespace afterimage::daemon
