// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/trust.h"

#include <algorithm>

#include "transport/tls/authority.h"
#include "transport/tls/openssl.h"

namespace afterimage::tls {
namespace {

constexpr const char* what = "verify a certificate";
constexpr int strength_bits_min = 128;

std::string subject_of(const Certificate& leaf) {
  return "certificate '" + leaf.subject() + "' (serial " + leaf.serial() + ")";
}

std::unexpected<Error> refuse(const Certificate& leaf, const std::string& why) {
  return fail(ErrorCode::authentication, what, subject_of(leaf) + " is refused: " + why);
}

bool is_issued_by(const Certificate& certificate, const Certificate& issuer) {
  return X509_NAME_cmp(X509_get_issuer_name(certificate.handle()), X509_get_subject_name(issuer.handle())) == 0;
}

bool is_signed_by(const Certificate& certificate, const Certificate& issuer) {
  const bool is_signed = X509_verify(certificate.handle(), X509_get0_pubkey(issuer.handle())) == 1;
  ERR_clear_error();
  return is_signed;
}

// Why no anchor vouches for the leaf: the most telling reason of those that hold.
std::string explain_unknown_issuer(std::span<const TrustAnchor> anchors, const Certificate& leaf,
                                   std::span<const Certificate> presented) {
  const auto is_name_of_issuer = [&](const TrustAnchor& anchor) { return is_issued_by(leaf, anchor.root); };
  if (std::ranges::any_of(anchors, is_name_of_issuer)) {
    return "it names the trusted authority '" + leaf.issuer() + "' but was not signed by its key";
  }
  if (is_issued_by(leaf, leaf)) return "it is self-signed, and no authority that this host trusts vouches for it";
  for (const Certificate& middle : presented) {
    if (!is_issued_by(leaf, middle) || is_issued_by(middle, middle)) continue;
    return "it was issued by the intermediate authority '" + leaf.issuer() +
           "'; only certificates signed directly by a trusted root are accepted";
  }
  return "it was issued by '" + leaf.issuer() +
         "', an authority that this host does not trust; the two hosts have to enrol first";
}

// Whose anchor to look for first; none if the leaf does not say. Judged later, by host_of.
HostId claimed_host(const Certificate& leaf) {
  for (const std::string& uri : leaf.uris()) {
    if (const auto host = parse_host_uri(uri)) return *host;
  }
  return {};
}

// Hosts of an own PKI share a root: each has an anchor of its own, and the leaf says which of them is meant.
Result<TrustAnchor> find_anchor(const TrustPolicy& policy, const Certificate& leaf,
                                std::span<const Certificate> presented) {
  std::vector<TrustAnchor> anchors = policy.anchors;
  if (policy.pin.has_value()) {
    const auto pinned = std::ranges::find(presented, policy.pin->fingerprint, &Certificate::fingerprint);
    if (pinned == presented.end()) {
      return refuse(leaf, "the peer did not show the authority that the registration key names (SHA-256 " +
                              policy.pin->fingerprint.text() +
                              "); this is another host, or its identity was made anew");
    }
    anchors.push_back({.host = policy.pin->host, .root = *pinned});
  }
  const HostId claimed = claimed_host(leaf);
  const TrustAnchor* any = nullptr;  // it signed the leaf, and speaks for another host
  for (const TrustAnchor& anchor : anchors) {
    const bool is_known_to_sign = any != nullptr && any->root == anchor.root;
    if (!is_known_to_sign && !(is_issued_by(leaf, anchor.root) && is_signed_by(leaf, anchor.root))) continue;
    if (anchor.host.is_none() || anchor.host == claimed) return anchor;
    if (any == nullptr) any = &anchor;
  }
  if (any != nullptr) return *any;
  return refuse(leaf, explain_unknown_issuer(anchors, leaf, presented));
}

Status check_strength(const Certificate& leaf) {
  if (auto good = check_public_key(X509_get0_pubkey(leaf.handle())); !good) return refuse(leaf, good.error().detail);
  int bits = 0;
  const bool is_known = X509_get_signature_info(leaf.handle(), nullptr, nullptr, &bits, nullptr) == 1;
  ERR_clear_error();
  if (!is_known || bits < strength_bits_min)
    return refuse(leaf, "its signature is too weak; SHA-256 or better is needed");
  return {};
}

Status check_validity(const Certificate& leaf, WallTime now) {
  const std::string times = "it is valid from " + to_rfc3339(leaf.not_before()) + " until " +
                            to_rfc3339(leaf.not_after()) + ", and this host's clock says " + to_rfc3339(now);
  if (now < leaf.not_before())
    return refuse(leaf, "it is not valid yet: " + times + "; check the clocks of both hosts");
  if (now >= leaf.not_after()) {
    return refuse(leaf, "it has expired: " + times + "; renew it on its host, or check the clocks of both hosts");
  }
  return {};
}

Status check_purpose(const Certificate& leaf, PeerRole role) {
  X509* handle = leaf.handle();
  if (X509_get_version(handle) != X509_VERSION_3) return refuse(leaf, "it is not of version 3");
  // X509_check_ca alone lets a CA:TRUE pass whose key usage forbids signing.
  if ((X509_get_extension_flags(handle) & EXFLAG_CA) != 0 || X509_check_ca(handle) != 0) {
    return refuse(leaf, "it is the certificate of an authority, not of a host");
  }
  const std::uint32_t usage = X509_get_key_usage(handle);
  if (usage == UINT32_MAX) return refuse(leaf, "it has no key usage; digitalSignature is needed");
  if ((usage & KU_DIGITAL_SIGNATURE) == 0) return refuse(leaf, "its key usage does not include digitalSignature");
  if ((usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0) return refuse(leaf, "its key usage is that of an authority");
  const std::uint32_t extended = X509_get_extended_key_usage(handle);
  const char* needed = role == PeerRole::server ? "serverAuth" : "clientAuth";
  if (extended == UINT32_MAX)
    return refuse(leaf, std::string("it has no extended key usage; ") + needed + " is needed");
  if ((extended & (role == PeerRole::server ? XKU_SSL_SERVER : XKU_SSL_CLIENT)) == 0) {
    return refuse(leaf, std::string("its extended key usage does not include ") + needed);
  }
  if ((X509_get_extension_flags(handle) & EXFLAG_CRITICAL) != 0) {
    return refuse(leaf, "it has a critical extension that is not known here");
  }
  return {};
}

Result<HostId> host_of(const Certificate& leaf) {
  std::optional<HostId> found;
  for (const std::string& uri : leaf.uris()) {
    if (!uri.starts_with("afterimage:")) continue;
    auto host = parse_host_uri(uri);
    if (!host) return refuse(leaf, host.error().detail);
    if (found.has_value()) return refuse(leaf, "it names more than one host");
    found = *host;
  }
  if (!found.has_value()) {
    return refuse(leaf, "it names no host: a subject alternative name 'URI:afterimage:host:<id>' is needed");
  }
  return *found;
}

Status check_host(const Certificate& leaf, const HostId& host, const TrustAnchor& anchor, const HostId& expected) {
  if (!anchor.host.is_none() && anchor.host != host) {
    return refuse(leaf, "it says host " + host.text() + ", but the authority that signed it may speak for host " +
                            anchor.host.text() + " only");
  }
  if (!expected.is_none() && expected != host) {
    return refuse(leaf,
                  "it is of host " + host.text() + ", and host " + expected.text() + " was expected at this address");
  }
  return {};
}

Status check_revocation(const TrustPolicy& policy, const PeerIdentity& peer) {
  const std::string who = "host " + peer.id.text() + (peer.name.empty() ? "" : " ('" + peer.name + "')");
  if (policy.revoked_hosts.contains(peer.id)) {
    return fail(ErrorCode::authentication, what, who + " is refused: it has been revoked on this host");
  }
  if (policy.revoked_serials.contains({.authority = peer.authority, .serial = peer.serial})) {
    return fail(ErrorCode::authentication, what,
                who + " is refused: its certificate with serial " + peer.serial + " has been revoked on this host");
  }
  return {};
}

// OpenSSL's own verdict, over the one anchor and nothing else: what our rules forgot must not pass.
Status verify_with_openssl(const Certificate& leaf, const Certificate& root, const PeerExpectation& expectation) {
  const OpensslPtr<X509_STORE> store(X509_STORE_new());
  const OpensslPtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (!store || !context || X509_STORE_add_cert(store.get(), root.handle()) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), leaf.handle(), nullptr) != 1 ||
      X509_STORE_CTX_set_purpose(context.get(), expectation.role == PeerRole::server ? X509_PURPOSE_SSL_SERVER
                                                                                     : X509_PURPOSE_SSL_CLIENT) != 1) {
    return fail_openssl(what);
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(expectation.now.nanoseconds / 1'000'000'000));
  X509_VERIFY_PARAM_set_depth(parameters, 0);
  X509_VERIFY_PARAM_set_auth_level(parameters, 3);
  if (X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT) != 1) return fail_openssl(what);
  const bool is_good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (is_good) return {};
  return refuse(leaf, X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get())));
}

}  // namespace

Result<PeerIdentity> verify_peer(const TrustPolicy& policy, const Certificate& leaf,
                                 std::span<const Certificate> presented, const PeerExpectation& expectation) {
  AFI_TRY(const TrustAnchor anchor, find_anchor(policy, leaf, presented));
  AFI_TRY_STATUS(check_strength(leaf));
  AFI_TRY_STATUS(check_validity(leaf, expectation.now));
  AFI_TRY_STATUS(check_root(anchor.root, expectation.now));
  AFI_TRY_STATUS(check_purpose(leaf, expectation.role));
  AFI_TRY(const HostId host, host_of(leaf));
  AFI_TRY_STATUS(check_host(leaf, host, anchor, expectation.host));
  PeerIdentity peer{.id = host,
                    .name = leaf.name(),
                    .fingerprint = leaf.fingerprint(),
                    .serial = leaf.serial(),
                    .authority = anchor.root.fingerprint(),
                    .not_before = leaf.not_before(),
                    .not_after = std::min(leaf.not_after(), anchor.root.not_after())};
  AFI_TRY_STATUS(check_revocation(policy, peer));
  AFI_TRY_STATUS(verify_with_openssl(leaf, anchor.root, expectation));
  return peer;
}

Status verify_again(const TrustPolicy& policy, const PeerIdentity& peer, WallTime now) {
  AFI_TRY_STATUS(check_revocation(policy, peer));
  if (now >= peer.not_after) {
    return fail(ErrorCode::authentication, what,
                "the certificate of host " + peer.id.text() + " expired at " + to_rfc3339(peer.not_after) +
                    "; this host's clock says " + to_rfc3339(now));
  }
  const auto vouches = [&](const TrustAnchor& anchor) {
    return anchor.root.fingerprint() == peer.authority && (anchor.host.is_none() || anchor.host == peer.id);
  };
  if (std::ranges::any_of(policy.anchors, vouches)) return {};
  return fail(ErrorCode::authentication, what, "this host no longer trusts the authority of host " + peer.id.text());
}

}  // namespace afterimage::tls
