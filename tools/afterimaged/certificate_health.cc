// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/certificate_health.h"

#include <algorithm>
#include <utility>

namespace afterimage::daemon {

using host::CertificateInfo;
using host::Health;
using host::Renewal;

namespace {

constexpr Duration day = std::chrono::hours(24);

struct Span {
  WallTime not_before;
  WallTime not_after;
};

struct Limits {
  Duration warning;
  Duration critical;
};
constexpr Limits own_limits = {.warning = 30 * day, .critical = 3 * day};
constexpr Limits peer_limits = {.warning = 14 * day, .critical = 3 * day};
constexpr Limits root_limits = {.warning = 180 * day, .critical = 30 * day};

Span span_of(const tls::Certificate& certificate) {
  return {.not_before = certificate.not_before(), .not_after = certificate.not_after()};
}

Health judge(const Span& span, const Limits& limits, WallTime now) {
  const Duration life = span.not_after - span.not_before;
  const Duration left = span.not_after - now;
  if (now < span.not_before || left <= Duration{} || left < std::min(limits.critical, life / 9))
    return Health::critical;
  return left < std::min(limits.warning, life / 3) ? Health::warning : Health::normal;
}

// "ends in 5 days (at …)", "expired at …", "is not valid before …"
std::string fate(const Span& span, WallTime now) {
  if (now < span.not_before) return "is not valid before " + to_rfc3339(span.not_before) + "; check the clock";
  const std::string ends = to_rfc3339(span.not_after);
  if (now >= span.not_after) return "expired at " + ends;
  const int days = tls::days_until(span.not_after, now);
  return "ends in " + std::to_string(days) + (days == 1 ? " day (at " : " days (at ") + ends + ")";
}

CertificateInfo info_of(const Span& span, WallTime now) {
  return {.ends = span.not_after, .left_days = tls::days_until(span.not_after, now)};
}

template <typename Info>
void worsen(Info& info, Health health, std::string reason) {
  if (health == Health::normal) return;
  info.health = std::max(info.health, health);
  info.reasons.push_back(std::move(reason));
}

std::string way_out(Renewal renewal, const std::string& trouble) {
  if (renewal == Renewal::by_operator)
    return "; put a new host.key and host.crt into the pki folder (they are taken over within a minute)";
  return trouble.empty() ? "; it will be renewed within a minute" : "; renewing it failed: " + trouble;
}

}  // namespace

host::HostInfo judge_host(const tls::Identity& identity, Renewal renewal, const std::string& trouble, WallTime now) {
  const Span leaf = span_of(identity.certificate);
  const Span root = span_of(identity.root);
  host::HostInfo info{.id = identity.host.id,
                      .name = identity.host.name,
                      .health = Health::normal,
                      .reasons = {},
                      .certificate = info_of(leaf, now),
                      .authority = info_of(root, now),
                      .renewal = renewal};
  // Where we renew there is nothing to say until that has failed, or cannot help.
  Limits limits = own_limits;
  if (renewal == Renewal::automatic && trouble.empty()) limits.warning = limits.critical;
  const bool ends_with_root = leaf.not_after >= root.not_after;
  worsen(info, judge(leaf, limits, now),
         "the certificate of this host " + fate(leaf, now) +
             (ends_with_root && renewal == Renewal::automatic ? ", with its authority" : way_out(renewal, trouble)));
  worsen(info, judge(root, root_limits, now),
         "the authority of this host " + fate(root, now) +
             (renewal == Renewal::automatic
                  ? "; nothing outlives it: make the identity anew with 'afterimage host init' in a new folder and "
                    "enrol again"
                  : "; get certificates of a new one and enrol again"));
  if (!trouble.empty() && info.health == Health::normal)
    worsen(info, Health::warning, "the certificate of this host cannot be renewed: " + trouble);
  return info;
}

void judge_peer(host::PeerInfo& peer, const tls::Certificate* root, const std::optional<SeenCertificate>& certificate,
                WallTime now) {
  if (certificate) peer.last_seen = std::max(certificate->seen, peer.last_seen.value_or(certificate->seen));
  if (peer.revoked) return;
  if (certificate) {
    const Span leaf{.not_before = certificate->not_before, .not_after = certificate->not_after};
    peer.certificate = info_of(leaf, now);
    worsen(peer, judge(leaf, peer_limits, now),
           "the certificate that host '" + peer.name + "' showed at " + to_rfc3339(certificate->seen) + " " +
               fate(leaf, now) + "; see to it on that host");
  }
  if (root == nullptr) return;
  peer.authority = info_of(span_of(*root), now);
  worsen(peer, judge(span_of(*root), root_limits, now),
         "the authority of host '" + peer.name + "' " + fate(span_of(*root), now) +
             "; before that it needs a new identity and has to enrol again");
}

void judge_machines(std::vector<host::MachineStatus>& machines, const host::HostInfo& own,
                    std::span<const host::PeerInfo> peers) {
  for (host::MachineStatus& machine : machines) {
    for (const std::string& reason : own.reasons) worsen(machine, own.health, reason);
    const auto peer = std::ranges::find(peers, machine.peer_id, &host::PeerInfo::id);
    if (peer == peers.end()) continue;
    for (const std::string& reason : peer->reasons) worsen(machine, peer->health, reason);
  }
}

}  // namespace afterimage::daemon
