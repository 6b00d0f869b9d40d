// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/enrolment.h"

#include "transport/tls/openssl.h"

namespace afterimage::tls {
namespace {

constexpr const char* what = "enrol";

std::unexpected<Error> refuse(std::string why) { return fail(ErrorCode::authentication, what, std::move(why)); }

// Hosts of an own PKI share a root, so that the root alone is nobody.
Digest joiner_of(const Certificate& root, const HostId& host) {
  Bytes message;
  ByteWriter writer(message);
  writer.write_bytes(root.fingerprint().bytes);
  writer.write_bytes(host.bytes);
  return sha256(message);
}

Status check_proof(const EnrolmentRequest& request, const Certificate& root, const Digest& channel, WallTime now) {
  if (request.certificate_pem.empty()) {
    const Digest challenge = enrolment_challenge(channel, request.secret, request.host, root);
    if (root.verify_signature(challenge.bytes, request.proof)) return {};
    return refuse("the joining host did not prove that it holds the key of the root it sent");
  }
  AFI_TRY(const Certificate certificate, Certificate::from_pem(request.certificate_pem));
  const TrustPolicy policy{
      .anchors = {{.host = request.host.id, .root = root}}, .pin = {}, .revoked_hosts = {}, .revoked_serials = {}};
  AFI_TRY(const PeerIdentity peer,
          verify_peer(policy, certificate, {}, {.role = PeerRole::client, .host = request.host.id, .now = now}));
  const Digest challenge = enrolment_challenge(channel, request.secret, request.host, root, &certificate);
  if (peer.id == request.host.id && certificate.verify_signature(challenge.bytes, request.proof)) return {};
  return refuse("the joining host did not prove that it holds the key of the certificate it sent");
}

}  // namespace

// SHA-256 of: label | channel | SHA-256 of the secret | host id | SHA-256 of the name | SHA-256 of the root
// [ | SHA-256 of the certificate]. All of fixed length, so that no two requests have one challenge.
Digest enrolment_challenge(const Digest& channel, const JoinSecret& secret, const HostLabel& host,
                           const Certificate& root, const Certificate* certificate) {
  Bytes message;
  ByteWriter writer(message);
  writer.write_bytes(view_of("afterimage enrolment 1"));
  writer.write_bytes(channel.bytes);
  writer.write_bytes(secret.digest().bytes);
  writer.write_bytes(host.id.bytes);
  writer.write_bytes(sha256(view_of(host.name)).bytes);
  writer.write_bytes(sha256(root.der()).bytes);
  if (certificate != nullptr) writer.write_bytes(sha256(certificate->der()).bytes);
  return sha256(message);
}

Result<EnrolmentRequest> make_enrolment_request(const Digest& channel, const JoinSecret& secret, const HostLabel& host,
                                                const Authority& authority) {
  const Digest challenge = enrolment_challenge(channel, secret, host, authority.certificate());
  EnrolmentRequest request{.secret = secret, .host = host, .root_pem = {}, .certificate_pem = {}, .proof = {}};
  AFI_TRY(request.root_pem, authority.certificate().to_pem());
  AFI_TRY(request.proof, authority.key().sign(challenge.bytes));
  return request;
}

Result<EnrolmentRequest> make_enrolment_request(const Digest& channel, const JoinSecret& secret,
                                                const Identity& identity) {
  const Digest challenge = enrolment_challenge(channel, secret, identity.host, identity.root, &identity.certificate);
  EnrolmentRequest request{.secret = secret, .host = identity.host, .root_pem = {}, .certificate_pem = {}, .proof = {}};
  AFI_TRY(request.root_pem, identity.root.to_pem());
  AFI_TRY(request.certificate_pem, identity.certificate.to_pem());
  AFI_TRY(request.proof, identity.key.sign(challenge.bytes));
  return request;
}

Result<Enrolment> decide_enrolment(const EnrolmentRequest& request, const std::optional<KeyRecord>& record,
                                   const Digest& channel, const HostId& own, WallTime now) {
  // The key first: whoever has none learns nothing else.
  if (!record.has_value() || !request.secret.has_digest(record->secret_digest) || record->revoked) {
    return refuse("this registration key is not known here, or was withdrawn; make one with 'afterimage enrol key'");
  }
  AFI_TRY_STATUS(check_name("host", request.host.name));
  if (request.host.id.is_none()) return fail(ErrorCode::invalid_argument, what, "the joining host has no id");
  if (request.host.id == own) {
    return fail(ErrorCode::refused, what, "a host cannot join itself; run 'afterimage enrol join' on the other host");
  }
  if (request.proof.size() > proof_bytes_max) return fail(ErrorCode::invalid_argument, what, "the proof is too long");
  AFI_TRY(Certificate root, Certificate::from_pem(request.root_pem));
  const bool is_repeated = record->used_by.has_value();
  const Digest joiner = joiner_of(root, request.host.id);
  if (is_repeated && *record->used_by != joiner) {
    return refuse("this registration key was used by another host; make a new one with 'afterimage enrol key'");
  }
  // A host that joined in time may ask again later: only its answer was lost.
  if (!is_repeated && now >= record->expires) {
    return refuse("this registration key expired at " + to_rfc3339(record->expires) + "; this host's clock says " +
                  to_rfc3339(now) + "; make a new one with 'afterimage enrol key'");
  }
  AFI_TRY_STATUS(check_root(root, now));
  AFI_TRY_STATUS(check_proof(request, root, channel, now));
  return Enrolment{.anchor = {.host = request.host.id, .root = std::move(root)},
                   .name = request.host.name,
                   .joiner = joiner,
                   .kind = is_repeated ? EnrolmentKind::repeated : EnrolmentKind::first};
}

Result<TrustAnchor> accept_enrolment(const EnrolmentAnswer& answer, const RegistrationKey& key, WallTime now) {
  AFI_TRY_STATUS(check_name("host", answer.host.name));
  AFI_TRY(Certificate root, Certificate::from_pem(answer.root_pem));
  if (root.fingerprint() != key.authority || answer.host.id != key.host) {
    return refuse("the replica answered with an identity other than the one that the registration key names");
  }
  AFI_TRY_STATUS(check_root(root, now));
  return TrustAnchor{.host = answer.host.id, .root = std::move(root)};
}

}  // namespace afterimage::tls
