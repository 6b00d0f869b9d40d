// SPDX-License-Identifier: Apache-2.0
// Enrolment: how two hosts come to trust each other. The pure part; the control API carries it as JSON.
//
//   1. The primary connects to the replica's control port. Its TLS policy has one pin: the host id and the fingerprint
//   of
//      the registration key; the replica shows its leaf and its root. Nobody else can answer.
//   2. The primary posts EnrolmentRequest: the secret, its id and name, its own root, and a proof that it holds the
//   root's
//      key: a signature over enrolment_challenge(), which covers this TLS connection (exporter), the secret and all
//      fields. A proof cannot be carried to another connection, host or key. A host whose root is elsewhere (an own
//      PKI) sends its certificate too, and signs with that one's key.
//   3. The replica decides (decide_enrolment), keeps {root, host id, name} as a trust anchor bound to that id, marks
//   the key as
//      used by that host with that root in the same transaction, and answers EnrolmentAnswer. The same host and root
//      with the same secret are answered again: the first answer may have been lost. Others are refused for ever.
//   4. The primary keeps the replica's root, which TLS has proven, as an anchor bound to the replica's id.
// From then on both sides show certificates issued by their own roots. No private key ever travels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "transport/tls/authority.h"
#include "transport/tls/certificate.h"
#include "transport/tls/pki.h"
#include "transport/tls/registration_key.h"
#include "transport/tls/trust.h"

namespace afterimage::tls {

inline constexpr std::size_t proof_bytes_max = 1024;
inline constexpr std::string_view enrolment_exporter_label = "EXPORTER-afterimage-enrolment-1";

struct EnrolmentRequest {
  JoinSecret secret;
  HostLabel host;                    // of the primary
  std::string root_pem;              // of the primary
  std::string certificate_pem = {};  // of the primary, where it does not hold its root's key; else empty
  Bytes proof;  // signature over enrolment_challenge(), by the key of the certificate, else the root
};

struct EnrolmentAnswer {
  HostLabel host;        // of the replica
  std::string root_pem;  // of the replica
  std::uint16_t replication_port = 0;
  std::string store;  // where this primary's machines will lie
};

// What the replica keeps of a registration key (host.db).
struct KeyRecord {
  Digest secret_digest;
  WallTime expires;
  std::optional<Digest> used_by;  // Enrolment::joiner of who joined with it
  bool revoked = false;
};

enum class EnrolmentKind { first, repeated };

struct Enrolment {
  TrustAnchor anchor;  // to keep
  std::string name;    // of the primary
  Digest joiner;       // root and host, as one value: who has used the key
  EnrolmentKind kind = EnrolmentKind::first;
};

// `channel` is the exporter value (enrolment_exporter_label, 32 bytes) of the connection.
[[nodiscard]] Digest enrolment_challenge(const Digest& channel, const JoinSecret& secret, const HostLabel& host,
                                         const Certificate& root, const Certificate* certificate = nullptr);

// The primary's request, signed. `authority` is the primary's own.
[[nodiscard]] Result<EnrolmentRequest> make_enrolment_request(const Digest& channel, const JoinSecret& secret,
                                                              const HostLabel& host, const Authority& authority);
// The same without the root's key.
[[nodiscard]] Result<EnrolmentRequest> make_enrolment_request(const Digest& channel, const JoinSecret& secret,
                                                              const Identity& identity);

// The replica's decision; changes nothing. `record` is the one whose digest has the request's secret (the caller looks
// it up by digest). authentication: unknown, expired or revoked key, key used by another host, bad root,
// bad certificate, bad proof.
// invalid_argument: a name or id that cannot be; refused: the id is the replica's own.
[[nodiscard]] Result<Enrolment> decide_enrolment(const EnrolmentRequest& request,
                                                 const std::optional<KeyRecord>& record, const Digest& channel,
                                                 const HostId& own, WallTime now);

// The primary's last check: the root of the answer is the one the key named, for the host the key named.
[[nodiscard]] Result<TrustAnchor> accept_enrolment(const EnrolmentAnswer& answer, const RegistrationKey& key,
                                                   WallTime now);

}  // namespace afterimage::tls
