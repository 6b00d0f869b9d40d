// SPDX-License-Identifier: Apache-2.0
// How the certificates of this host and of its peers stand, as health and as sentences. Pure.
//
//                                    warning, when less is left than          critical, when less is left than
//   own certificate, renewed by us   a third of its life (renewal has failed)  3 days
//   own certificate, by the operator a third of its life, at most 30 days      3 days
//   a peer's, as it showed it last   14 days                                   3 days
//   a root                           180 days                                  30 days
// Nothing is warned of while more than a third of its life is left, and nothing critical while more than a ninth is:
// short certificates are no alarm by themselves.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/host/commands.h"
#include "transport/tls/pki.h"

namespace afterimage::daemon {

// `trouble`: why the last renewal failed; empty if it did not.
[[nodiscard]] host::HostInfo judge_host(const tls::Identity& identity, host::Renewal renewal,
                                        const std::string& trouble, WallTime now);

// What a peer showed in the last handshake.
struct SeenCertificate {
  WallTime not_before;
  WallTime not_after;
  WallTime seen;
};
// Fills in certificate, authority, health, reasons and last_seen. `root` is nullptr where it cannot be read. A revoked
// peer is left as it is.
void judge_peer(host::PeerInfo& peer, const tls::Certificate* root, const std::optional<SeenCertificate>& certificate,
                WallTime now);

// A machine is no healthier than the certificates of the two hosts that replicate it.
void judge_machines(std::vector<host::MachineStatus>& machines, const host::HostInfo& own,
                    std::span<const host::PeerInfo> peers);

}  // namespace afterimage::daemon
