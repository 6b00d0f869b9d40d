// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/pki.h"

#include <gtest/gtest.h>

#include "tests/transport/tls/expect.h"
#include "tests/transport/tls/forge.h"

namespace afterimage::tls {
namespace {

using forge::day;
using forge::noon;

const HostLabel label{.id = forge::id_of(5), .name = "gamma"};

Result<Identity> load(const PkiTexts& texts) {
  return load_identity(texts.host_key, texts.host_certificate, texts.authority_certificate);
}

TEST(Pki, ANewOneLoadsAsTheHostItWasMadeFor) {
  const auto texts = create_pki(label, noon);
  ASSERT_GOOD(texts);
  const auto identity = load(*texts);
  ASSERT_GOOD(identity);
  EXPECT_EQ(identity->host.id, label.id);
  EXPECT_EQ(identity->host.name, label.name);
  EXPECT_EQ(days_until(identity->certificate.not_after(), noon), 90);
}

TEST(Pki, PartsOfTwoHostsDoNotMix) {
  const auto one = create_pki(label, noon);
  const auto two = create_pki({.id = forge::id_of(6), .name = "delta"}, noon);
  ASSERT_GOOD(one);
  ASSERT_GOOD(two);
  EXPECT_REFUSED(load_identity(two->host_key, one->host_certificate, one->authority_certificate), ErrorCode::refused,
                 "host.key and host.crt do not belong together");
  EXPECT_REFUSED(load_identity(one->host_key, one->host_certificate, two->authority_certificate), ErrorCode::refused,
                 "host.crt:");
}

TEST(Pki, EveryTruncatedFileIsRefusedByName) {
  const auto texts = create_pki(label, noon);
  ASSERT_GOOD(texts);
  const auto half = [](const std::string& text) { return text.substr(0, text.size() / 2); };
  EXPECT_REFUSED(load_identity(half(texts->host_key), texts->host_certificate, texts->authority_certificate),
                 ErrorCode::refused, "host.key:");
  EXPECT_REFUSED(load_identity(texts->host_key, half(texts->host_certificate), texts->authority_certificate),
                 ErrorCode::refused, "host.crt:");
  EXPECT_REFUSED(load_identity(texts->host_key, texts->host_certificate, half(texts->authority_certificate)),
                 ErrorCode::refused, "authority.crt:");
  EXPECT_REFUSED(load_identity("", "", ""), ErrorCode::refused, "host.key:");
}

TEST(Pki, AnExpiredCertificateStillSaysWhoThisHostIsAndCanBeRenewed) {
  const auto texts = create_pki(label, noon + -200 * day);
  ASSERT_GOOD(texts);
  const auto identity = load(*texts);
  ASSERT_GOOD(identity);
  EXPECT_LT(days_until(identity->certificate.not_after(), noon), 0);
  auto key = PrivateKey::from_pem(texts->authority_key);
  auto root = Certificate::from_pem(texts->authority_certificate);
  ASSERT_GOOD(key);
  ASSERT_GOOD(root);
  const auto authority = Authority::from(std::move(*key), std::move(*root));
  ASSERT_GOOD(authority);
  const auto renewal = renew_identity(*identity, *authority, noon);
  ASSERT_GOOD(renewal);
  const auto renewed = load_identity(renewal->host_key, renewal->host_certificate, texts->authority_certificate);
  ASSERT_GOOD(renewed);
  EXPECT_EQ(renewed->host.id, label.id);
  EXPECT_EQ(days_until(renewed->certificate.not_after(), noon), 90);
  EXPECT_NE(renewed->key.fingerprint(), identity->key.fingerprint());
}

TEST(Pki, AForeignAuthorityRenewsNothing) {
  const auto identity = load(*create_pki(label, noon));
  ASSERT_GOOD(identity);
  const forge::Host other = forge::make_host(9, "other");
  EXPECT_REFUSED(renew_identity(*identity, other.authority, noon), ErrorCode::refused, "authority.key");
}

TEST(Pki, AnOperatorsCertificateIsHeldToTheRulesThatPeersHaveBeforeItIsUsed) {
  const forge::Host host = forge::make_host(1, "alpha");
  const std::string key = *host.key.to_pem();
  const std::string root = *host.authority.certificate().to_pem();
  const auto load_leaf = [&](const forge::Recipe& recipe) {
    return load_identity(key, *forge::forge(recipe, host.key, forge::issuer_of(host.authority)).to_pem(), root);
  };
  forge::Recipe recipe = forge::good_recipe(host.label);
  ASSERT_GOOD(load_leaf(recipe));
  recipe.extended_key_usage = "serverAuth";
  EXPECT_REFUSED(load_leaf(recipe), ErrorCode::refused, "clientAuth");
  recipe.extended_key_usage = "clientAuth";
  EXPECT_REFUSED(load_leaf(recipe), ErrorCode::refused, "serverAuth");
  recipe = forge::good_recipe(host.label);
  recipe.alternative_names = "DNS:alpha.example";
  EXPECT_REFUSED(load_leaf(recipe), ErrorCode::refused, "names no host");
  recipe = forge::good_recipe(host.label);
  recipe.key_usage = "critical,keyEncipherment";
  EXPECT_REFUSED(load_leaf(recipe), ErrorCode::refused, "digitalSignature");
  EXPECT_REFUSED(
      load_identity(key, *host.certificate.to_pem(), *forge::make_host(2, "b").authority.certificate().to_pem()),
      ErrorCode::refused, "host.crt:");
}

TEST(Pki, ANewCertificateIsWantedOnlyWhereItHelps) {
  const forge::Host host = forge::make_host(1, "alpha");
  const WallTime begins = host.certificate.not_before();
  const Duration life = host.certificate.not_after() - begins;
  EXPECT_FALSE(renewal_wanted(host.identity(), begins + life / 2));
  EXPECT_TRUE(renewal_wanted(host.identity(), begins + life / 10 * 7));
  const auto ahead = host.authority.issue(host.key, {.host = host.label, .now = noon + 100 * day});
  ASSERT_GOOD(ahead);
  EXPECT_TRUE(renewal_wanted(host.identity_with(*ahead), noon)) << "made by a clock that was ahead";
  EXPECT_FALSE(renewal_wanted(host.identity(), host.authority.certificate().not_after() + day)) << "no root, no help";
}

}  // namespace
}  // namespace afterimage::tls
