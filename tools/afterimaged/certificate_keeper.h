// SPDX-License-Identifier: Apache-2.0
// CertificateKeeper: the certificate of this host over the years. It takes over what an operator has put into the pki
// folder, and renews what the host's own authority has issued when two thirds of its life are over: a new key and a new
// certificate, durable first, then in use. Peers trust the root, so they take the new one at once; sessions that stand
// keep the one they began with. Without authority.key (an own PKI) nothing is renewed here.
//
// A failure leaves the old certificate in use, is tried again with the next look, and is told once in the log and as
// long as it lasts in the health. Thread: the reactor's.
#pragma once

#include <optional>
#include <string>

#include "engine/host/commands.h"
#include "io/lock.h"
#include "io/platform.h"
#include "tools/afterimaged/log.h"
#include "tools/afterimaged/peer_trust.h"

namespace afterimage::daemon {

class CertificateKeeper {
 public:
  // `trust` and `log` outlive it.
  CertificateKeeper(const io::Platform& platform, PeerTrust& trust, Log& log, std::string pki_dir)
      : platform_(platform), trust_(trust), log_(log), pki_dir_(std::move(pki_dir)) {}

  // Reads the files, renews where it is due, and says in the log what there is to say. Call it every now and then.
  [[nodiscard]] io::Task<void> look(io::Scope& scope);
  // The same because somebody asked: an error if the files cannot be used.
  [[nodiscard]] io::Task<Status> reload(io::Scope& scope);

  [[nodiscard]] host::HostInfo health() const;

 private:
  [[nodiscard]] io::Task<Status> take_over(io::Scope& scope, io::Directory& pki);
  [[nodiscard]] io::Task<Status> renew(io::Scope& scope, io::Directory& pki);
  [[nodiscard]] io::Task<Status> look_at_files(io::Scope& scope);
  void remind();

  io::Platform platform_;
  PeerTrust& trust_;
  Log& log_;
  std::string pki_dir_;
  io::Lock looking_;
  host::Renewal renewal_ = host::Renewal::automatic;
  std::string trouble_;  // of the last look; empty if it was well
  std::optional<MonotonicTime> reminded_;
};

}  // namespace afterimage::daemon
