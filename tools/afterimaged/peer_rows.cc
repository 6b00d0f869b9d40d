// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/peer_rows.h"

#include <utility>

namespace afterimage::daemon {

using catalogue::PeerRole;
using catalogue::PeerRow;
using catalogue::PeerState;

namespace {

constexpr const char* what = "keep a peer";

// The root a host id belongs to does not change. One that cannot be read any more gives way to one that can.
Status check_root_stays(const PeerRow& known, const tls::Certificate& root) {
  const auto old_root = tls::Certificate::from_pem(known.root_pem);
  if (!old_root || old_root->fingerprint() == root.fingerprint()) return {};
  return fail(ErrorCode::conflict, what,
              "host " + known.id.text() + " ('" + known.name +
                  "') is known here with another authority; a host that was set up anew needs a new identity: run "
                  "'afterimage host init' in a new folder there");
}

std::string text_of_role(PeerRole role) {
  switch (role) {
    case PeerRole::primary: return "primary";
    case PeerRole::replica: return "replica";
    case PeerRole::both: return "both";
  }
  return "";
}

}  // namespace

Result<PeerRow> merge_peer(const PeerRow* known, const PeerChange& change) {
  PeerRow row{.id = change.anchor.host,
              .name = change.name,
              .role = change.role,
              .address = change.address,
              .root_pem = {},
              .state = PeerState::trusted,
              .joined = change.now};
  AFI_TRY(row.root_pem, change.anchor.root.to_pem());
  if (known == nullptr) return row;
  AFI_TRY_STATUS(check_root_stays(*known, change.anchor.root));
  if (known->state == PeerState::revoked && change.kind == tls::EnrolmentKind::repeated) {
    return fail(ErrorCode::authentication, what,
                "host '" + known->name +
                    "' has been revoked here; to let it in again, make a new key with "
                    "'afterimage enrol key'");
  }
  if (known->state == PeerState::trusted) {
    row.joined = known->joined;
    if (known->role != change.role) row.role = PeerRole::both;
  }
  if (row.address.empty()) row.address = known->address;
  row.last_seen = known->last_seen;
  return row;
}

host::PeerInfo info_of(const PeerRow& peer) {
  return {.id = peer.id,
          .name = peer.name,
          .address = peer.address,
          .role = text_of_role(peer.role),
          .revoked = peer.state == PeerState::revoked,
          .joined = peer.joined,
          .last_seen = peer.last_seen};
}

}  // namespace afterimage::daemon
