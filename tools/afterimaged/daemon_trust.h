// SPDX-License-Identifier: Apache-2.0
// DaemonTrust: keys, joining, peers and revocation, as the control API asks for them. It decides nothing about
// certificates (transport/tls does) and keeps nothing (the catalogue does): it joins the two, and tells PeerTrust.
//
// What may change a peer that is known already:
//   the same root, trusted here        joining again: address, store and role are renewed
//   the same root, revoked here        only with a key that nobody has used; the used one was what the host came with
//   another root                       never: a host id belongs to the root it first came with
// Order of writes: catalogue (durable), then PeerTrust. One change at a time. Thread: the reactor's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "io/lock.h"
#include "io/platform.h"
#include "tools/afterimaged/certificate_keeper.h"
#include "tools/afterimaged/log.h"
#include "tools/afterimaged/peer_trust.h"
#include "transport/control/trust_port.h"

namespace afterimage::daemon {

struct DaemonTrustOptions {
  tls::HostLabel host;  // this one
  std::string pki_dir;
  std::vector<std::string> stores;  // by name; none: this host is no replica
  std::string key_address;          // what keys name when the operator names nothing: address or host name
  std::uint16_t control_port = 0;   // the two ports as they are listened on
  std::uint16_t replication_port = 0;
  // Told after a peer's trust has ended, or what it may do has changed.
  std::function<void(const HostId&)> restricted = [](const HostId&) {};
  Duration connect_timeout = std::chrono::seconds(15);
  Duration enrol_timeout = std::chrono::seconds(30);
};

class DaemonTrust final : public control::TrustPort {
 public:
  // All references outlive it.
  DaemonTrust(const io::Platform& platform, catalogue::Catalogue& catalogue, PeerTrust& trust,
              const CertificateKeeper& keeper, Log& log, DaemonTrustOptions options);

  [[nodiscard]] host::HostInfo this_host() const override { return keeper_.health(); }

  [[nodiscard]] io::Task<Result<std::variant<control::IssuedKey, host::Plan>>> make_key(
      io::Scope& scope, control::MakeKey command) override;
  [[nodiscard]] io::Task<Result<std::variant<host::PeerInfo, host::Plan>>> join(io::Scope& scope,
                                                                                control::Join command) override;
  [[nodiscard]] io::Task<Result<std::vector<host::PeerInfo>>> peers(io::Scope& scope) override;
  [[nodiscard]] io::Task<Result<std::optional<host::Plan>>> revoke(io::Scope& scope, control::Revoke command) override;
  [[nodiscard]] io::Task<Result<tls::EnrolmentAnswer>> enrol(io::Scope& scope, tls::EnrolmentRequest request,
                                                             Digest channel) override;

 private:
  struct Joined {
    tls::EnrolmentAnswer answer;
    tls::TrustAnchor anchor;
    std::string host;  // where the replica was reached
  };
  [[nodiscard]] Result<std::string> choose_store(const std::string& wanted) const;
  [[nodiscard]] Result<std::vector<tls::KeyAddress>> key_addresses(const std::vector<std::string>& wanted) const;
  [[nodiscard]] io::Task<Result<Joined>> ask_replica(io::Scope& scope, tls::RegistrationKey key,
                                                     std::vector<io::Endpoint> places);
  [[nodiscard]] io::Task<Result<tls::EnrolmentRequest>> make_request(io::Scope& scope, Digest channel,
                                                                     tls::JoinSecret secret);
  [[nodiscard]] io::Task<Result<Joined>> ask_at(io::Scope& scope, tls::RegistrationKey key, io::Endpoint place);
  [[nodiscard]] io::Task<Result<catalogue::PeerRow>> keep_replica(io::Scope& scope, Joined joined);
  [[nodiscard]] io::Task<Result<tls::EnrolmentAnswer>> let_in(io::Scope& scope, tls::EnrolmentRequest request,
                                                              Digest channel);
  void end_sessions_under_old_permission(const HostId& peer);
  [[nodiscard]] Result<catalogue::PeerRow> find_peer(const std::string& name) const;

  io::Platform platform_;
  catalogue::Catalogue& catalogue_;
  PeerTrust& trust_;
  const CertificateKeeper& keeper_;
  Log& log_;
  DaemonTrustOptions options_;
  io::Lock changing_;
};

}  // namespace afterimage::daemon
