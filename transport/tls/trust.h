// SPDX-License-Identifier: Apache-2.0
// Whom to believe. One pure function decides about every certificate that a peer shows, on both sides of a connection;
// the TLS handshake calls it, and so do sessions when the policy changes under them.
//
// Rules, in the order in which they are checked and reported:
//   1. the certificate is signed directly by one trust anchor (never the system's store, never through an
//   intermediate),
//      with keys and hashes of at least 128 bits of strength
//   2. it is within its validity, and so is the anchor: the reason names both times
//   3. it is no authority itself; its key usage is there and has digitalSignature; its extended key usage is there and
//      has serverAuth (it answers) or clientAuth (it dials); it has no critical extension that is not understood
//   4. exactly one subject alternative name is a host URI; that is the identity. The common name is never one.
//   5. the anchor may speak for that host; it is the host that was expected
//   6. neither the host nor the certificate is revoked
// A refusal is ErrorCode::authentication; its detail says the rule, the subject and the times. The peer is told none of
// it.
#pragma once

#include <compare>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "transport/tls/certificate.h"

namespace afterimage::tls {

// A root, and the one host it may speak for; a none id: any host (an operator's own PKI).
struct TrustAnchor {
  HostId host;
  Certificate root;
};

// The root that a registration key names, known by its fingerprint only: the peer shows the root itself.
struct AuthorityPin {
  HostId host;
  Digest fingerprint;  // SHA-256 of the root's SubjectPublicKeyInfo
};

// A serial number is unique only within its authority.
struct RevokedSerial {
  Digest authority;    // fingerprint of the root
  std::string serial;  // Certificate::serial
  auto operator<=>(const RevokedSerial&) const = default;
};

struct TrustPolicy {
  std::vector<TrustAnchor> anchors;
  std::optional<AuthorityPin> pin;  // during enrolment only
  std::set<HostId> revoked_hosts;
  std::set<RevokedSerial> revoked_serials;
};

enum class PeerRole { server, client };  // what the peer is on this connection

struct PeerExpectation {
  PeerRole role = PeerRole::server;
  HostId host;  // none: any host that the anchors vouch for
  WallTime now;
};

// Who the peer is, proven.
struct PeerIdentity {
  HostId id;
  std::string name;    // the peer's word; a label for messages, never a key
  Digest fingerprint;  // of its own key
  std::string serial;
  Digest authority;  // fingerprint of the root that vouches for it
  WallTime not_before;
  WallTime not_after;  // a session ends here at the latest
};

// `presented` is what the peer sent beside its leaf, in any order; it is used to find a pinned root and to explain
// refusals.
[[nodiscard]] Result<PeerIdentity> verify_peer(const TrustPolicy& policy, const Certificate& leaf,
                                               std::span<const Certificate> presented,
                                               const PeerExpectation& expectation);

// Revocation and end of life of a peer that was let in before: for sessions, when the policy or the time has changed.
// A host whose anchor has gone is refused too.
[[nodiscard]] Status verify_again(const TrustPolicy& policy, const PeerIdentity& peer, WallTime now);

}  // namespace afterimage::tls
