// SPDX-License-Identifier: Apache-2.0
// PeerTrust: whom this host believes at this moment, as TLS contexts and as a list. The catalogue is the authority and
// is written first; each change is then told here, and from that instant new connections meet the new policy and live
// ones that it does not let in are ended. Thread: the reactor's.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/catalogue/rows.h"
#include "engine/host/commands.h"
#include "io/base/result.h"
#include "io/platform.h"
#include "tools/afterimaged/certificate_health.h"
#include "tools/afterimaged/live_sessions.h"
#include "tools/afterimaged/log.h"
#include "transport/tls/pki.h"
#include "transport/tls/tls_context.h"

namespace afterimage::daemon {

class PeerTrust {
 public:
  using ContextPointer = std::shared_ptr<const tls::TlsContext>;

  // Trusts nobody yet. `clock` and `log` outlive it.
  [[nodiscard]] static Result<std::unique_ptr<PeerTrust>> create(tls::Identity identity, io::Clock& clock, Log& log);

  // What the catalogue knows, at start. A peer whose root cannot be read is logged and not trusted; others are.
  [[nodiscard]] Status set_peers(std::vector<catalogue::PeerRow> peers);
  // A peer that was just kept or changed in the catalogue.
  [[nodiscard]] Status keep(catalogue::PeerRow peer);
  // A peer that was just revoked there: its sessions end now.
  [[nodiscard]] Status revoke(const HostId& peer);
  // New key or certificate of this host. refused if it is another host's.
  [[nodiscard]] Status set_identity(tls::Identity identity);

  [[nodiscard]] const tls::Identity& identity() const { return identity_; }
  [[nodiscard]] const tls::TrustPolicy& policy() const { return policy_; }
  [[nodiscard]] const std::vector<catalogue::PeerRow>& peers() const { return peers_; }
  [[nodiscard]] const catalogue::PeerRow* find(const HostId& peer) const;
  // What this host calls the peer: the name it joined with, else its id.
  [[nodiscard]] std::string name_of(const HostId& peer) const;

  [[nodiscard]] ContextPointer replication_server() const { return contexts_.replication_server; }
  [[nodiscard]] ContextPointer control_server() const { return contexts_.control_server; }
  [[nodiscard]] ContextPointer client() const { return contexts_.client; }
  // A client that joins: it shows no certificate, because nobody there could check it, and believes the pin alone.
  [[nodiscard]] static Result<ContextPointer> joining_client(const tls::AuthorityPin& pin);

  [[nodiscard]] LiveSessions& sessions() { return sessions_; }
  // A handshake began under an older policy; this is today's word. Remembers what a trusted peer has shown.
  [[nodiscard]] Status check(const tls::PeerIdentity& peer);
  // What is known of the peers, with the health of their certificates.
  [[nodiscard]] std::vector<host::PeerInfo> infos() const;
  // Ends what has expired since.
  void review();

 private:
  struct Contexts {
    ContextPointer replication_server, control_server, client;
  };

  PeerTrust(tls::Identity identity, io::Clock& clock, Log& log)
      : identity_(std::move(identity)), clock_(clock), log_(log) {}
  [[nodiscard]] tls::TrustPolicy policy_of(const std::vector<catalogue::PeerRow>& peers) const;
  [[nodiscard]] static Result<Contexts> make_contexts(const tls::Identity& identity, const tls::TrustPolicy& policy);
  // Everything new is made before anything old is replaced.
  [[nodiscard]] Status adopt(tls::Identity identity, std::vector<catalogue::PeerRow> peers);

  tls::Identity identity_;
  io::Clock& clock_;
  Log& log_;
  std::vector<catalogue::PeerRow> peers_;
  tls::TrustPolicy policy_;
  Contexts contexts_;
  LiveSessions sessions_;
  std::map<HostId, SeenCertificate> seen_;  // of peers only
};

}  // namespace afterimage::daemon
