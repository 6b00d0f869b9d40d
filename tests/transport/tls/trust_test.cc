// SPDX-License-Identifier: Apache-2.0
// The refusal matrix of the one function that judges certificates.
#include "transport/tls/trust.h"

#include <gtest/gtest.h>

#include "tests/transport/tls/expect.h"
#include "tests/transport/tls/forge.h"

namespace afterimage::tls {
namespace {

using forge::day;
using forge::noon;

class Trust : public testing::Test {
 protected:
  forge::Host alpha = forge::make_host(1, "alpha");
  forge::Host beta = forge::make_host(2, "beta");
  TrustPolicy policy = forge::trusting({alpha.anchor()});

  Result<PeerIdentity> verify(const Certificate& leaf, PeerRole role = PeerRole::server, HostId host = {},
                              WallTime now = noon) {
    return verify_peer(policy, leaf, {}, {.role = role, .host = host, .now = now});
  }
  // Alpha's own authority signs what the recipe says.
  Certificate leaf_of(const forge::Recipe& recipe) {
    return forge::forge(recipe, alpha.key, forge::issuer_of(alpha.authority));
  }
  forge::Recipe good() { return forge::good_recipe(alpha.label); }
};

TEST_F(Trust, AHostOfATrustedAuthorityIsWhoItIs) {
  for (const PeerRole role : {PeerRole::server, PeerRole::client}) {
    const auto peer = verify(alpha.certificate, role, alpha.label.id);
    ASSERT_GOOD(peer);
    EXPECT_EQ(peer->id, alpha.label.id);
    EXPECT_EQ(peer->name, "alpha");
    EXPECT_EQ(peer->fingerprint, alpha.key.fingerprint());
    EXPECT_EQ(peer->authority, alpha.authority.key().fingerprint());
    EXPECT_EQ(peer->not_after, alpha.certificate.not_after());
  }
  ASSERT_GOOD(verify(leaf_of(good())));
}

TEST_F(Trust, AnUnknownAuthorityIsRefused) {
  EXPECT_REFUSED(verify(beta.certificate), ErrorCode::authentication, "authority that this host does not trust");
}

TEST_F(Trust, NobodyIsTrustedByNobody) {
  policy.anchors.clear();
  EXPECT_REFUSED(verify(alpha.certificate), ErrorCode::authentication, "does not trust");
}

TEST_F(Trust, AnAuthorityOfTheSameNameIsRefused) {
  const PrivateKey key = forge::make_key();
  const Certificate impostor = forge::forge_self_signed(
      {.constraints = "critical,CA:TRUE", .key_usage = "keyCertSign", .extended_key_usage = ""}, key,
      X509_get_subject_name(alpha.authority.certificate().handle()));
  EXPECT_REFUSED(verify(forge::forge(good(), alpha.key, {key, impostor})), ErrorCode::authentication,
                 "not signed by its key");
}

TEST_F(Trust, ASelfSignedCertificateIsRefusedWhateverItsName) {
  EXPECT_REFUSED(verify(forge::forge_self_signed(good(), alpha.key)), ErrorCode::authentication, "self-signed");
  const Certificate same_name =
      forge::forge_self_signed(good(), beta.key, X509_get_subject_name(alpha.certificate.handle()));
  EXPECT_REFUSED(verify(same_name), ErrorCode::authentication, "self-signed");
}

TEST_F(Trust, AnIntermediateAuthorityIsRefused) {
  const PrivateKey key = forge::make_key();
  const Certificate middle = leaf_of({.common_name = "middle",
                                      .constraints = "critical,CA:TRUE",
                                      .key_usage = "critical,keyCertSign",
                                      .extended_key_usage = ""});
  const Certificate leaf = forge::forge(good(), key, {alpha.key, middle});
  const std::vector<Certificate> presented{middle, alpha.authority.certificate()};
  EXPECT_REFUSED(verify_peer(policy, leaf, presented, {.role = PeerRole::server, .host = {}, .now = noon}),
                 ErrorCode::authentication, "intermediate authority");
}

TEST_F(Trust, AnExpiredCertificateIsRefusedWithBothTimes) {
  const WallTime late = alpha.certificate.not_after();
  const auto verdict = verify(alpha.certificate, PeerRole::server, {}, late);
  EXPECT_REFUSED(verdict, ErrorCode::authentication, "has expired");
  EXPECT_REFUSED(verdict, ErrorCode::authentication, "until " + to_rfc3339(alpha.certificate.not_after()));
  EXPECT_REFUSED(verdict, ErrorCode::authentication, "clock says " + to_rfc3339(late));
  EXPECT_TRUE(verify(alpha.certificate, PeerRole::server, {}, late + -std::chrono::seconds(1)).has_value());
}

TEST_F(Trust, ACertificateOfTheFutureIsRefusedWithBothTimes) {
  const WallTime early = alpha.certificate.not_before() + -std::chrono::seconds(1);
  EXPECT_REFUSED(verify(alpha.certificate, PeerRole::server, {}, early), ErrorCode::authentication, "not valid yet");
  EXPECT_REFUSED(verify(alpha.certificate, PeerRole::server, {}, early), ErrorCode::authentication, to_rfc3339(early));
}

TEST_F(Trust, AnExpiredAuthorityVouchesForNobody) {
  const auto brief = Authority::create(alpha.label, noon + -10 * day, 5 * day);
  ASSERT_GOOD(brief);
  policy.anchors = {{.host = alpha.label.id, .root = brief->certificate()}};
  const Certificate leaf = forge::forge(good(), alpha.key, forge::issuer_of(*brief));
  EXPECT_REFUSED(verify(leaf), ErrorCode::authentication, "root certificate");
}

TEST_F(Trust, AnAuthorityIsNoHost) {
  EXPECT_REFUSED(verify(alpha.authority.certificate()), ErrorCode::authentication, "not of a host");
  forge::Recipe recipe = good();
  recipe.constraints = "critical,CA:TRUE";
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "not of a host");
}

TEST_F(Trust, TheKeyUsageMustBeThereAndFit) {
  forge::Recipe recipe = good();
  recipe.key_usage = "";
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "no key usage");
  recipe.key_usage = "critical,keyAgreement";
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "digitalSignature");
  recipe.key_usage = "critical,digitalSignature,keyCertSign";
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "authority");
}

TEST_F(Trust, TheExtendedKeyUsageMustBeThereAndFit) {
  forge::Recipe recipe = good();
  recipe.extended_key_usage = "";
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "no extended key usage");
  recipe.extended_key_usage = "serverAuth";
  EXPECT_TRUE(verify(leaf_of(recipe), PeerRole::server).has_value());
  EXPECT_REFUSED(verify(leaf_of(recipe), PeerRole::client), ErrorCode::authentication, "clientAuth");
  recipe.extended_key_usage = "clientAuth";
  EXPECT_TRUE(verify(leaf_of(recipe), PeerRole::client).has_value());
  EXPECT_REFUSED(verify(leaf_of(recipe), PeerRole::server), ErrorCode::authentication, "serverAuth");
  recipe.extended_key_usage = "anyExtendedKeyUsage";
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "serverAuth");
  recipe.extended_key_usage = "codeSigning";
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "serverAuth");
}

TEST_F(Trust, TheHostUriMustBeThereOnce) {
  forge::Recipe recipe = good();
  for (const char* none : {"", "DNS:alpha", "URI:https://alpha", "email:a@b"}) {
    recipe.alternative_names = none;
    EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "names no host");
  }
  recipe.alternative_names = "URI:afterimage:host:01";
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "32 hexadecimal");
  recipe.alternative_names = "URI:" + host_uri(alpha.label.id) + ",URI:" + host_uri(beta.label.id);
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "more than one host");
  recipe.alternative_names = "DNS:alpha,URI:" + host_uri(alpha.label.id);
  EXPECT_TRUE(verify(leaf_of(recipe)).has_value());
}

TEST_F(Trust, TheCommonNameIsNoIdentity) {
  forge::Recipe recipe = good();
  recipe.common_name = "alpha";
  recipe.alternative_names = "";
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "names no host");
  recipe = good();
  recipe.common_name = "../../etc";
  const auto peer = verify(leaf_of(recipe));
  ASSERT_GOOD(peer);
  EXPECT_EQ(peer->name, "");
}

TEST_F(Trust, AnAuthorityCannotSpeakForAnotherHost) {
  const Certificate leaf = forge::forge(forge::good_recipe(beta.label), alpha.key, forge::issuer_of(alpha.authority));
  EXPECT_REFUSED(verify(leaf), ErrorCode::authentication, "may speak for host " + alpha.label.id.text() + " only");
  policy.anchors[0].host = {};
  EXPECT_TRUE(verify(leaf).has_value());
}

TEST_F(Trust, AnotherHostThanExpectedIsRefused) {
  policy = forge::trusting({alpha.anchor(), beta.anchor()});
  EXPECT_REFUSED(verify(beta.certificate, PeerRole::server, alpha.label.id), ErrorCode::authentication,
                 "host " + alpha.label.id.text() + " was expected");
}

TEST_F(Trust, ARevokedHostIsRefused) {
  policy.revoked_hosts.insert(alpha.label.id);
  EXPECT_REFUSED(verify(alpha.certificate), ErrorCode::authentication, "has been revoked");
}

TEST_F(Trust, ARevokedSerialIsRefusedOfItsAuthorityOnly) {
  policy.revoked_serials.insert(
      {.authority = beta.authority.key().fingerprint(), .serial = alpha.certificate.serial()});
  EXPECT_TRUE(verify(alpha.certificate).has_value());
  policy.revoked_serials.insert(
      {.authority = alpha.authority.key().fingerprint(), .serial = alpha.certificate.serial()});
  EXPECT_REFUSED(verify(alpha.certificate), ErrorCode::authentication, "serial " + alpha.certificate.serial());
}

TEST_F(Trust, WeakSignaturesAndKeysAreRefused) {
  forge::Recipe recipe = good();
  recipe.digest = EVP_sha1();
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "too weak");
}

TEST_F(Trust, AnUnknownCriticalExtensionIsRefused) {
  forge::Recipe recipe = good();
  recipe.others = {{NID_netscape_comment, "critical,hello"}};
  EXPECT_REFUSED(verify(leaf_of(recipe)), ErrorCode::authentication, "critical extension");
  recipe.others = {{NID_netscape_comment, "hello"}};
  EXPECT_TRUE(verify(leaf_of(recipe)).has_value());
}

TEST_F(Trust, AChangedCertificateIsRefused) {
  // Every byte of the signed part counts; the outcome may be that it no longer parses.
  const ByteView der = alpha.certificate.der();
  for (std::size_t at = 0; at < der.size(); at += 5) {
    Bytes changed(der.begin(), der.end());
    changed[at] ^= std::byte{1};
    const auto leaf = Certificate::from_der(changed);
    const bool is_accepted = leaf.has_value() && verify(*leaf).has_value();
    EXPECT_FALSE(is_accepted) << "byte " << at;
  }
}

TEST_F(Trust, APinnedAuthorityIsFoundAmongWhatThePeerShows) {
  policy.anchors.clear();
  policy.pin = AuthorityPin{.host = alpha.label.id, .fingerprint = alpha.authority.key().fingerprint()};
  const PeerExpectation expectation{.role = PeerRole::server, .host = {}, .now = noon};
  const std::vector<Certificate> shown{alpha.authority.certificate()};
  ASSERT_GOOD(verify_peer(policy, alpha.certificate, shown, expectation));
  EXPECT_REFUSED(verify_peer(policy, alpha.certificate, {}, expectation), ErrorCode::authentication,
                 "registration key");
  const std::vector<Certificate> other{beta.authority.certificate()};
  EXPECT_REFUSED(verify_peer(policy, beta.certificate, other, expectation), ErrorCode::authentication,
                 "registration key");
  // The right root, shown beside a leaf that it did not sign.
  const std::vector<Certificate> both{beta.authority.certificate(), alpha.authority.certificate()};
  EXPECT_REFUSED(verify_peer(policy, beta.certificate, both, expectation), ErrorCode::authentication, "does not trust");
  policy.pin->host = beta.label.id;
  EXPECT_REFUSED(verify_peer(policy, alpha.certificate, shown, expectation), ErrorCode::authentication,
                 "may speak for");
}

TEST_F(Trust, ASessionIsJudgedAgainWhenThingsChange) {
  const auto peer = verify(alpha.certificate);
  ASSERT_GOOD(peer);
  EXPECT_TRUE(verify_again(policy, *peer, noon).has_value());
  EXPECT_REFUSED(verify_again(policy, *peer, peer->not_after), ErrorCode::authentication, "expired");
  TrustPolicy changed = policy;
  changed.revoked_hosts.insert(alpha.label.id);
  EXPECT_REFUSED(verify_again(changed, *peer, noon), ErrorCode::authentication, "revoked");
  changed = policy;
  changed.anchors.clear();
  EXPECT_REFUSED(verify_again(changed, *peer, noon), ErrorCode::authentication, "no longer trusts");
}

TEST(TrustOfAnOwnPki, HostsThatShareARootEachHaveTheirOwnAnchor) {
  const forge::Host alpha = forge::make_host(1, "alpha");
  const forge::Host beta = forge::make_host(2, "beta");
  const Certificate leaf = forge::forge(forge::good_recipe(beta.label), beta.key, forge::issuer_of(alpha.authority));
  const TrustAnchor of_alpha = alpha.anchor();
  const TrustAnchor of_beta{.host = beta.label.id, .root = alpha.authority.certificate()};
  const PeerExpectation expectation{.role = PeerRole::client, .host = {}, .now = noon};
  const auto peer = verify_peer(forge::trusting({of_alpha, of_beta}), leaf, {}, expectation);
  ASSERT_GOOD(peer);
  EXPECT_EQ(peer->id, beta.label.id);
  EXPECT_REFUSED(verify_peer(forge::trusting({of_alpha}), leaf, {}, expectation), ErrorCode::authentication,
                 "may speak for host");
}

}  // namespace
}  // namespace afterimage::tls
