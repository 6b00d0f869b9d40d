// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/authority.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "tests/transport/tls/expect.h"
#include "tests/transport/tls/forge.h"

namespace afterimage::tls {
namespace {

using forge::day;
using forge::noon;

TEST(Authority, IsARootThatMayBeTrusted) {
  const forge::Host host = forge::make_host(1, "alpha");
  ASSERT_GOOD(check_root(host.authority.certificate(), noon));
  EXPECT_EQ(days_until(host.authority.certificate().not_after(), noon), 3652 - 1);
}

TEST(Authority, IssuesCertificatesThatNameTheHost) {
  const forge::Host host = forge::make_host(1, "Büro Süd 7");
  EXPECT_EQ(host.certificate.name(), "Büro Süd 7");
  ASSERT_EQ(host.certificate.uris().size(), 1U);
  EXPECT_EQ(host.certificate.uris()[0], "afterimage:host:01010101010101010101010101010101");
  EXPECT_EQ(days_until(host.certificate.not_after(), noon), 89);
  EXPECT_TRUE(host.certificate.matches(host.key));
  EXPECT_EQ(host.certificate.not_before(), noon + -day + -validity_backdate);
}

TEST(Authority, NeverIssuesBeyondItsOwnEnd) {
  const HostLabel label{.id = forge::id_of(1), .name = "alpha"};
  const auto authority = Authority::create(label, noon, 10 * day);
  ASSERT_GOOD(authority);
  const auto leaf = authority->issue(forge::make_key(), {.host = label, .now = noon});
  ASSERT_GOOD(leaf);
  EXPECT_EQ(leaf->not_after(), authority->certificate().not_after());
  EXPECT_REFUSED(authority->issue(forge::make_key(), {.host = label, .now = noon + 11 * day}), ErrorCode::refused,
                 "authority ended");
}

TEST(Authority, RefusesNamesAndIdsThatAreNone) {
  EXPECT_FALSE(Authority::create({.id = forge::id_of(1), .name = "a/b"}, noon).has_value());
  EXPECT_FALSE(Authority::create({.id = {}, .name = "alpha"}, noon).has_value());
}

TEST(Authority, SurvivesPem) {
  const forge::Host host = forge::make_host(1, "alpha");
  const auto key_pem = host.authority.key().to_pem();
  const auto certificate_pem = host.authority.certificate().to_pem();
  ASSERT_GOOD(key_pem);
  ASSERT_GOOD(certificate_pem);
  auto key = PrivateKey::from_pem(*key_pem);
  auto certificate = Certificate::from_pem(*certificate_pem);
  ASSERT_GOOD(key);
  ASSERT_GOOD(certificate);
  EXPECT_EQ(*certificate, host.authority.certificate());
  ASSERT_GOOD(Authority::from(std::move(*key), std::move(*certificate)));
}

TEST(Authority, RefusesTheKeyOfAnother) {
  const forge::Host host = forge::make_host(1, "alpha");
  EXPECT_REFUSED(Authority::from(forge::make_key(), host.authority.certificate()), ErrorCode::invalid_argument,
                 "do not belong together");
  EXPECT_REFUSED(Authority::from(host.key, host.certificate), ErrorCode::invalid_argument, "self-signed");
}

TEST(Authority, SignsARequestForItsKeyAndTakesNoNamesFromIt) {
  const forge::Host host = forge::make_host(1, "alpha");
  const PrivateKey key = forge::make_key();
  const auto request = make_request(key, {.id = forge::id_of(9), .name = "wishful"});
  ASSERT_GOOD(request);
  const auto leaf = host.authority.sign_request(*request, {.host = host.label, .now = noon});
  ASSERT_GOOD(leaf);
  EXPECT_TRUE(leaf->matches(key));
  EXPECT_EQ(leaf->name(), "alpha");
  EXPECT_EQ(leaf->uris(), std::vector<std::string>{host_uri(host.label.id)});
}

TEST(Authority, RefusesRequestsThatAreNone) {
  const forge::Host host = forge::make_host(1, "alpha");
  const IssueOptions options{.host = host.label, .now = noon};
  EXPECT_REFUSED(host.authority.sign_request("", options), ErrorCode::invalid_argument, "no certificate request");
  EXPECT_REFUSED(host.authority.sign_request(std::string(40'000, 'x'), options), ErrorCode::invalid_argument, "32 KiB");
  std::string request = *make_request(forge::make_key(), host.label);
  // The last characters of the body are the signature's.
  const std::size_t at = request.find("\n-----END") - 8;
  request[at] = request[at] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(host.authority.sign_request(request, options).has_value());
}

TEST(HostUri, ReadsBackAndRefusesEverythingElse) {
  const HostId id = forge::id_of(0xab);
  const auto parsed = parse_host_uri(host_uri(id));
  ASSERT_GOOD(parsed);
  EXPECT_EQ(*parsed, id);
  for (const char* bad :
       {"", "afterimage:host:", "afterimage:host:ab", "afterimage:host:ABABABABABABABABABABABABABABABAB",
        "afterimage:host:00000000000000000000000000000000", "afterimage:host:abababababababababababababababab0",
        "afterimage:hosts:abababababababababababababababab", "xafterimage:host:abababababababababababababababab"}) {
    EXPECT_REFUSED(parse_host_uri(bad), ErrorCode::authentication, "32 hexadecimal");
  }
}

TEST(Certificate, RefusesWhatIsNoneOrMoreThanOne) {
  const forge::Host host = forge::make_host(1, "alpha");
  const std::string pem = *host.certificate.to_pem();
  EXPECT_REFUSED(Certificate::from_pem(""), ErrorCode::invalid_argument, "no certificate");
  EXPECT_REFUSED(Certificate::from_pem(pem + pem), ErrorCode::invalid_argument, "more than one");
  EXPECT_REFUSED(Certificate::from_pem(std::string(40'000, 'x')), ErrorCode::invalid_argument, "32 KiB");
  EXPECT_FALSE(Certificate::from_pem(*host.key.to_pem()).has_value());
  Bytes der(host.certificate.der().begin(), host.certificate.der().end());
  der.push_back(std::byte{0});
  EXPECT_REFUSED(Certificate::from_der(der), ErrorCode::invalid_argument, "not one certificate");
  for (std::size_t size = 0; size < host.certificate.der().size(); size += 7) {
    EXPECT_FALSE(Certificate::from_der(host.certificate.der().first(size)).has_value());
  }
}

TEST(Certificate, RefusesAlternativeNamesWithControlCharacters) {
  const forge::Host host = forge::make_host(1, "alpha");
  const OpensslPtr<X509> copy(X509_dup(host.certificate.handle()));
  const OpensslPtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, "afterimage:host:01\0x", 20);
  GENERAL_NAME_set0_value(name, GEN_URI, text);
  sk_GENERAL_NAME_push(names.get(), name);
  ASSERT_EQ(X509_add1_ext_i2d(copy.get(), NID_subject_alt_name, names.get(), 0, X509V3_ADD_REPLACE), 1);
  ASSERT_NE(X509_sign(copy.get(), host.authority.key().handle(), EVP_sha256()), 0);
  EXPECT_REFUSED(Certificate::from_handle(copy.get()), ErrorCode::invalid_argument, "no URI has");
}

TEST(Certificate, CountsDaysAndKnowsWhenToRenew) {
  const forge::Host host = forge::make_host(1, "alpha");
  const WallTime end = host.certificate.not_after();
  EXPECT_EQ(days_until(host.certificate.not_after(), end), 0);
  EXPECT_EQ(days_until(host.certificate.not_after(), end + -day), 1);
  EXPECT_EQ(days_until(host.certificate.not_after(), end + std::chrono::nanoseconds(1)), -1);
  EXPECT_EQ(days_until(host.certificate.not_after(), end + 2 * day), -3);
  EXPECT_FALSE(renewal_due(host.certificate, noon + 58 * day));
  EXPECT_TRUE(renewal_due(host.certificate, noon + 60 * day));
}

TEST(PrivateKey, RefusesWhatIsNoneOrTooWeak) {
  EXPECT_REFUSED(PrivateKey::from_pem("hello"), ErrorCode::invalid_argument, "no private key");
  const OpensslPtr<EVP_PKEY> weak(EVP_RSA_gen(2048));
  const OpensslPtr<BIO> out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PrivateKey(out.get(), weak.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  EXPECT_REFUSED(PrivateKey::from_pem(std::string_view(data, static_cast<std::size_t>(size))),
                 ErrorCode::invalid_argument, "2048 bits");
}

TEST(PrivateKey, AKeyWithAPassphraseIsRefusedWithoutAsking) {
  const PrivateKey key = forge::make_key();
  const OpensslPtr<BIO> out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key.handle(), EVP_aes_128_cbc(), "word", 4, nullptr, nullptr), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  EXPECT_REFUSED(PrivateKey::from_pem(std::string_view(data, static_cast<std::size_t>(size))),
                 ErrorCode::invalid_argument, "without a passphrase");
}

TEST(PrivateKey, SignsForItsCertificateOnly) {
  const forge::Host alpha = forge::make_host(1, "alpha");
  const forge::Host beta = forge::make_host(2, "beta");
  const auto signature = alpha.key.sign(view_of("message"));
  ASSERT_GOOD(signature);
  EXPECT_TRUE(alpha.certificate.verify_signature(view_of("message"), *signature).has_value());
  EXPECT_REFUSED(alpha.certificate.verify_signature(view_of("massage"), *signature), ErrorCode::authentication,
                 "key of");
  EXPECT_REFUSED(beta.certificate.verify_signature(view_of("message"), *signature), ErrorCode::authentication,
                 "key of");
  EXPECT_REFUSED(alpha.certificate.verify_signature(view_of("message"), {}), ErrorCode::authentication, "key of");
}

TEST(CheckRoot, NamesTheRuleThatIsBroken) {
  const PrivateKey key = forge::make_key();
  const forge::Host host = forge::make_host(1, "alpha");
  const forge::Recipe good{
      .constraints = "critical,CA:TRUE", .key_usage = "critical,keyCertSign", .extended_key_usage = ""};
  ASSERT_GOOD(check_root(forge::forge_self_signed(good, key), noon));
  forge::Recipe bad = good;
  bad.constraints = "critical,CA:FALSE";
  EXPECT_REFUSED(check_root(forge::forge_self_signed(bad, key), noon), ErrorCode::authentication, "CA:TRUE");
  bad = good;
  bad.key_usage = "critical,digitalSignature";
  EXPECT_REFUSED(check_root(forge::forge_self_signed(bad, key), noon), ErrorCode::authentication, "");
  bad = good;
  bad.until = noon + -std::chrono::seconds(1);
  EXPECT_REFUSED(check_root(forge::forge_self_signed(bad, key), noon), ErrorCode::authentication,
                 "this host's clock says");
  EXPECT_REFUSED(check_root(host.certificate, noon), ErrorCode::authentication, "not self-signed");
  EXPECT_REFUSED(check_root(forge::forge(good, key, forge::issuer_of(host.authority)), noon), ErrorCode::authentication,
                 "not self-signed");
}

TEST(CheckRoot, AcceptsRsaOfEnoughBits) {
  const PrivateKey key = forge::make_rsa_key(3072);
  const forge::Recipe good{
      .constraints = "critical,CA:TRUE", .key_usage = "critical,keyCertSign", .extended_key_usage = ""};
  ASSERT_GOOD(check_root(forge::forge_self_signed(good, key), noon));
}

}  // namespace
}  // namespace afterimage::tls
