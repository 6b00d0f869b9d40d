// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/pki.h"

#include <algorithm>

#include "transport/tls/trust.h"

namespace afterimage::tls {
namespace {

std::unexpected<Error> refuse(std::string why) {
  return fail(
      ErrorCode::refused, "load this host's identity",
      std::move(why) + "; put back the files of DIR/pki from a backup, or make the identity anew and enrol again");
}

}  // namespace

Result<PkiTexts> create_pki(const HostLabel& host, WallTime now, Duration life) {
  AFI_TRY(const Authority authority, Authority::create(host, now));
  AFI_TRY(const PrivateKey key, PrivateKey::generate());
  AFI_TRY(const Certificate certificate, authority.issue(key, {.host = host, .now = now, .life = life}));
  PkiTexts texts;
  AFI_TRY(texts.authority_key, authority.key().to_pem());
  AFI_TRY(texts.authority_certificate, authority.certificate().to_pem());
  AFI_TRY(texts.host_key, key.to_pem());
  AFI_TRY(texts.host_certificate, certificate.to_pem());
  return texts;
}

Result<Identity> load_identity(std::string_view key_pem, std::string_view certificate_pem, std::string_view root_pem) {
  auto key = PrivateKey::from_pem(key_pem);
  if (!key) return refuse("host.key: " + key.error().detail);
  auto certificate = Certificate::from_pem(certificate_pem);
  if (!certificate) return refuse("host.crt: " + certificate.error().detail);
  auto root = Certificate::from_pem(root_pem);
  if (!root) return refuse("authority.crt: " + root.error().detail);
  if (!certificate->matches(*key)) return refuse("host.key and host.crt do not belong together");

  // Checked as a peer would, at a moment when it was valid: an expired certificate still says who this host is.
  const WallTime then{std::max(certificate->not_before().nanoseconds, root->not_before().nanoseconds)};
  const TrustPolicy own{
      .anchors = {{.host = {}, .root = *root}}, .pin = {}, .revoked_hosts = {}, .revoked_serials = {}};
  auto self = verify_peer(own, *certificate, {}, {.role = PeerRole::server, .host = {}, .now = then});
  if (!self) return refuse("host.crt: " + self.error().detail);
  auto dialling = verify_peer(own, *certificate, {}, {.role = PeerRole::client, .host = {}, .now = then});
  if (!dialling) return refuse("host.crt: " + dialling.error().detail);
  if (self->name.empty()) return refuse("host.crt has no usable common name");
  return Identity{.host = {.id = self->id, .name = self->name},
                  .key = std::move(*key),
                  .certificate = std::move(*certificate),
                  .root = std::move(*root)};
}

bool renewal_wanted(const Identity& identity, WallTime now, Duration life) {
  const Certificate& certificate = identity.certificate;
  if (now < identity.root.not_before() || now >= identity.root.not_after()) return false;
  if (now < certificate.not_before()) return true;
  const WallTime would_end = std::min(now + life, identity.root.not_after());
  return renewal_due(certificate, now) && would_end > certificate.not_after();
}

Result<Renewal> renew_identity(const Identity& identity, const Authority& authority, WallTime now, Duration life) {
  if (authority.certificate() != identity.root) {
    return fail(ErrorCode::refused, "renew this host's certificate",
                "authority.key is not of the root that signed host.crt");
  }
  AFI_TRY(const PrivateKey key, PrivateKey::generate());
  AFI_TRY(const Certificate certificate, authority.issue(key, {.host = identity.host, .now = now, .life = life}));
  Renewal renewal;
  AFI_TRY(renewal.host_key, key.to_pem());
  AFI_TRY(renewal.host_certificate, certificate.to_pem());
  return renewal;
}

}  // namespace afterimage::tls
