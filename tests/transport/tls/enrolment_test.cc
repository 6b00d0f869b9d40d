// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/enrolment.h"

#include <gtest/gtest.h>

#include "tests/transport/tls/expect.h"
#include "tests/transport/tls/forge.h"

namespace afterimage::tls {
namespace {

using forge::day;
using forge::noon;

class EnrolmentOfAPrimary : public testing::Test {
 protected:
  forge::Host primary = forge::make_host(1, "primary");
  forge::Host replica = forge::make_host(2, "replica");
  JoinSecret secret = *JoinSecret::generate();
  Digest channel = secret.digest();  // any 32 bytes
  KeyRecord record{.secret_digest = secret.digest(), .expires = noon + 5 * day, .used_by = {}};
  EnrolmentRequest request = *make_enrolment_request(channel, secret, primary.label, primary.authority);

  Result<Enrolment> decide(WallTime now = noon) {
    return decide_enrolment(request, record, channel, replica.label.id, now);
  }
};

TEST_F(EnrolmentOfAPrimary, WithAGoodKeyItsRootBecomesAnAnchorForItAlone) {
  const auto enrolment = decide();
  ASSERT_GOOD(enrolment);
  EXPECT_EQ(enrolment->anchor.host, primary.label.id);
  EXPECT_EQ(enrolment->anchor.root, primary.authority.certificate());
  EXPECT_EQ(enrolment->name, "primary");
  EXPECT_EQ(enrolment->kind, EnrolmentKind::first);
}

TEST_F(EnrolmentOfAPrimary, AskingAgainWithTheSameRootIsAnsweredAgainEvenAfterExpiry) {
  record.used_by = decide()->joiner;
  const auto again = decide(noon + 9 * day);
  ASSERT_GOOD(again);
  EXPECT_EQ(again->kind, EnrolmentKind::repeated);
}

TEST_F(EnrolmentOfAPrimary, AUsedKeyAdmitsNobodyElse) {
  record.used_by = replica.authority.key().fingerprint();
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "used by another host");
}

TEST_F(EnrolmentOfAPrimary, AnUnknownRevokedOrWrongKeyIsRefusedAlike) {
  EXPECT_REFUSED(decide_enrolment(request, std::nullopt, channel, replica.label.id, noon), ErrorCode::authentication,
                 "not known here");
  record.revoked = true;
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "not known here");
  record.revoked = false;
  request.secret.bytes[31] ^= std::byte{1};
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "not known here");
}

TEST_F(EnrolmentOfAPrimary, AnExpiredKeyIsRefusedWithBothTimes) {
  EXPECT_REFUSED(decide(record.expires), ErrorCode::authentication, "expired at " + to_rfc3339(record.expires));
  EXPECT_TRUE(decide(record.expires + -std::chrono::seconds(1)).has_value());
}

TEST_F(EnrolmentOfAPrimary, AProofHoldsForItsConnectionHostAndRootOnly) {
  const EnrolmentRequest good = request;
  channel.bytes[0] ^= std::byte{1};
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "did not prove");
  channel.bytes[0] ^= std::byte{1};
  request.host.id = forge::id_of(3);
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "did not prove");
  request = good;
  request.host.name = "other";
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "did not prove");
  request = good;
  request.root_pem = *replica.authority.certificate().to_pem();
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "did not prove");
  request = good;
  request.proof.clear();
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "did not prove");
  request.proof.resize(proof_bytes_max + 1);
  EXPECT_REFUSED(decide(), ErrorCode::invalid_argument, "too long");
}

TEST_F(EnrolmentOfAPrimary, ARootThatIsNoneIsRefused) {
  request.root_pem = "hello";
  EXPECT_REFUSED(decide(), ErrorCode::invalid_argument, "no certificate");
  request.root_pem = *primary.certificate.to_pem();
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "not self-signed");
  const std::string pem = *primary.authority.certificate().to_pem();
  request.root_pem = pem + pem;
  EXPECT_REFUSED(decide(), ErrorCode::invalid_argument, "more than one");
}

TEST_F(EnrolmentOfAPrimary, BadNamesIdsAndOneselfAreRefused) {
  request.host.name = "../x";
  EXPECT_REFUSED(decide(), ErrorCode::invalid_argument, "host name");
  request.host.name = "primary";
  request.host.id = {};
  EXPECT_REFUSED(decide(), ErrorCode::invalid_argument, "no id");
  request.host.id = replica.label.id;
  EXPECT_REFUSED(decide(), ErrorCode::refused, "cannot join itself");
}

TEST_F(EnrolmentOfAPrimary, TheAnswerMustComeFromTheHostThatTheKeyNames) {
  const RegistrationKey key{.addresses = {{.host = "r", .port = 1}},
                            .host = replica.label.id,
                            .authority = replica.authority.key().fingerprint(),
                            .secret = secret,
                            .expires = record.expires};
  EnrolmentAnswer answer{.host = replica.label,
                         .root_pem = *replica.authority.certificate().to_pem(),
                         .replication_port = 8084,
                         .store = "default"};
  const auto anchor = accept_enrolment(answer, key, noon);
  ASSERT_GOOD(anchor);
  EXPECT_EQ(anchor->host, replica.label.id);
  answer.host.id = primary.label.id;
  EXPECT_REFUSED(accept_enrolment(answer, key, noon), ErrorCode::authentication, "other than");
  answer.host.id = replica.label.id;
  answer.root_pem = *primary.authority.certificate().to_pem();
  EXPECT_REFUSED(accept_enrolment(answer, key, noon), ErrorCode::authentication, "other than");
}

// Two hosts whose certificates come from one authority that neither of them holds.
class EnrolmentWithAnOwnPki : public EnrolmentOfAPrimary {
 protected:
  [[nodiscard]] forge::Host host_of_pki(unsigned char number, std::string name) const {
    forge::Host host = forge::make_host(number, std::move(name));
    host.certificate = forge::forge(forge::good_recipe(host.label), host.key, forge::issuer_of(primary.authority));
    return {host.label, primary.authority, host.key, host.certificate};
  }
  forge::Host alpha = host_of_pki(5, "alpha");
  forge::Host beta = host_of_pki(6, "beta");
};

TEST_F(EnrolmentWithAnOwnPki, TheCertificatesKeyProvesTheHost) {
  request = *make_enrolment_request(channel, secret, alpha.identity());
  const auto enrolment = decide();
  ASSERT_GOOD(enrolment);
  EXPECT_EQ(enrolment->anchor.host, alpha.label.id);
  EXPECT_EQ(enrolment->anchor.root, primary.authority.certificate());
}

TEST_F(EnrolmentWithAnOwnPki, AKeyThatOneHostHasUsedIsNotTheOthers) {
  request = *make_enrolment_request(channel, secret, alpha.identity());
  record.used_by = decide()->joiner;
  EXPECT_EQ(decide()->kind, EnrolmentKind::repeated);
  request = *make_enrolment_request(channel, secret, beta.identity());
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "used by another host");
}

TEST_F(EnrolmentWithAnOwnPki, NobodyEnrolsAnotherHostOfThePki) {
  request = *make_enrolment_request(channel, secret, alpha.identity());
  const EnrolmentRequest good = request;
  request.host.id = beta.label.id;
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "may speak for host");
  request = good;
  request.certificate_pem = *beta.certificate.to_pem();
  request.host = beta.label;
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "key of the certificate it sent");
  request = good;
  request.certificate_pem.clear();
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "key of the root it sent");
  request = good;
  channel.bytes[0] ^= std::byte{1};
  EXPECT_REFUSED(decide(), ErrorCode::authentication, "key of the certificate it sent");
}

}  // namespace
}  // namespace afterimage::tls
