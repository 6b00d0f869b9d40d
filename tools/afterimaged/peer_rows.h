// SPDX-License-Identifier: Apache-2.0
// What joining makes of a peer's row, old and new. Pure.
#pragma once

#include "engine/catalogue/rows.h"
#include "engine/host/commands.h"
#include "io/base/result.h"
#include "transport/tls/enrolment.h"

namespace afterimage::daemon {

// The row to keep for a host that joins in `role`; `known` is its row of before, or nullptr. The rules are those of
// daemon_trust.h. `address` empty: what was known stays.
struct PeerChange {
  tls::TrustAnchor anchor;
  std::string name;
  catalogue::PeerRole role = catalogue::PeerRole::primary;
  std::string address;
  tls::EnrolmentKind kind = tls::EnrolmentKind::first;
  WallTime now;
};
[[nodiscard]] Result<catalogue::PeerRow> merge_peer(const catalogue::PeerRow* known, const PeerChange& change);

[[nodiscard]] host::PeerInfo info_of(const catalogue::PeerRow& peer);

}  // namespace afterimage::daemon
