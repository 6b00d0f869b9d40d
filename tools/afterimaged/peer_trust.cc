// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/peer_trust.h"

#include <algorithm>
#include <utility>

#include "tools/afterimaged/peer_rows.h"

namespace afterimage::daemon {

using catalogue::PeerRow;
using catalogue::PeerState;

Result<std::unique_ptr<PeerTrust>> PeerTrust::create(tls::Identity identity, io::Clock& clock, Log& log) {
  std::unique_ptr<PeerTrust> trust(new PeerTrust(identity, clock, log));
  AFI_TRY_STATUS(trust->adopt(std::move(identity), {}));
  return trust;
}

Status PeerTrust::set_peers(std::vector<PeerRow> peers) { return adopt(identity_, std::move(peers)); }

Status PeerTrust::keep(PeerRow peer) {
  std::vector<PeerRow> peers = peers_;
  const auto known = std::ranges::find(peers, peer.id, &PeerRow::id);
  if (known == peers.end()) {
    peers.push_back(std::move(peer));
  } else {
    *known = std::move(peer);
  }
  return adopt(identity_, std::move(peers));
}

Status PeerTrust::revoke(const HostId& peer) {
  std::vector<PeerRow> peers = peers_;
  for (PeerRow& row : peers) {
    if (row.id == peer) row.state = PeerState::revoked;
  }
  return adopt(identity_, std::move(peers));
}

Status PeerTrust::set_identity(tls::Identity identity) {
  if (identity.host.id != identity_.host.id) {
    return fail(ErrorCode::refused, "change the identity",
                "the certificate is now of host " + identity.host.id.text() + ", and this daemon runs as host " +
                    identity_.host.id.text() + "; put the right files back, or restart");
  }
  return adopt(std::move(identity), peers_);
}

const PeerRow* PeerTrust::find(const HostId& peer) const {
  const auto found = std::ranges::find(peers_, peer, &PeerRow::id);
  return found == peers_.end() ? nullptr : &*found;
}

std::string PeerTrust::name_of(const HostId& peer) const {
  const PeerRow* row = find(peer);
  return row == nullptr || row->name.empty() ? peer.text() : row->name;
}

Status PeerTrust::check(const tls::PeerIdentity& peer) {
  const WallTime now = clock_.now();
  AFI_TRY_STATUS(tls::verify_again(policy_, peer, now));
  seen_[peer.id] = {.not_before = peer.not_before, .not_after = peer.not_after, .seen = now};
  return {};
}

std::vector<host::PeerInfo> PeerTrust::infos() const {
  std::vector<host::PeerInfo> infos;
  for (const PeerRow& peer : peers_) {
    host::PeerInfo& info = infos.emplace_back(info_of(peer));
    const auto anchor = std::ranges::find(policy_.anchors, peer.id, &tls::TrustAnchor::host);
    const auto seen = seen_.find(peer.id);
    judge_peer(info, anchor == policy_.anchors.end() ? nullptr : &anchor->root,
               seen == seen_.end() ? std::nullopt : std::optional(seen->second), clock_.now());
  }
  return infos;
}

void PeerTrust::review() {
  const std::size_t ended = sessions_.review(policy_, clock_.now());
  if (ended != 0) log_.warning("ended " + std::to_string(ended) + " session(s) of peers that are no longer trusted");
}

// A revoked host keeps its anchor, so that the reason of its refusal is the revocation.
tls::TrustPolicy PeerTrust::policy_of(const std::vector<PeerRow>& peers) const {
  tls::TrustPolicy policy;
  for (const PeerRow& peer : peers) {
    if (peer.state == PeerState::revoked) policy.revoked_hosts.insert(peer.id);
    auto root = tls::Certificate::from_pem(peer.root_pem);
    if (root) {
      policy.anchors.push_back({.host = peer.id, .root = std::move(*root)});
    } else {
      log_.error("the authority of peer '" + peer.name + "' (" + peer.id.text() +
                 ") cannot be read, so it is not trusted: " + root.error().text() + "; let it enrol again");
    }
  }
  return policy;
}

Result<PeerTrust::Contexts> PeerTrust::make_contexts(const tls::Identity& identity, const tls::TrustPolicy& policy) {
  Contexts contexts;
  AFI_TRY(contexts.replication_server,
          tls::TlsContext::create(
              {.side = tls::Side::server, .identity = identity, .trust = policy, .alpn = tls::replication_alpn}));
  AFI_TRY(contexts.control_server, tls::TlsContext::create({.side = tls::Side::server,
                                                            .identity = identity,
                                                            .trust = policy,
                                                            .alpn = tls::control_alpn,
                                                            .client_certificate = tls::ClientCertificate::optional,
                                                            .missing_alpn = tls::MissingAlpn::accepted}));
  AFI_TRY(contexts.client,
          tls::TlsContext::create(
              {.side = tls::Side::client, .identity = identity, .trust = policy, .alpn = tls::replication_alpn}));
  return contexts;
}

Result<PeerTrust::ContextPointer> PeerTrust::joining_client(const tls::AuthorityPin& pin) {
  tls::TrustPolicy policy;
  policy.pin = pin;
  return tls::TlsContext::create(
      {.side = tls::Side::client, .identity = std::nullopt, .trust = std::move(policy), .alpn = tls::control_alpn});
}

Status PeerTrust::adopt(tls::Identity identity, std::vector<PeerRow> peers) {
  tls::TrustPolicy policy = policy_of(peers);
  AFI_TRY(Contexts contexts, make_contexts(identity, policy));
  identity_ = std::move(identity);
  peers_ = std::move(peers);
  policy_ = std::move(policy);
  contexts_ = std::move(contexts);
  review();
  return {};
}

}  // namespace afterimage::daemon
