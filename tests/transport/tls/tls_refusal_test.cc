// SPDX-License-Identifier: Apache-2.0
// Whoever must not get in, does not, on either side; and the side that refuses knows exactly why.
#include <string>

#include <gtest/gtest.h>

#include "tests/transport/tls/expect.h"
#include "tests/transport/tls/forge.h"
#include "tests/transport/tls/wire.h"
#include "transport/tls/tls_engine.h"

namespace afterimage::tls {
namespace {

using forge::day;
using forge::noon;
using forge::RawPeer;

class Refusal : public testing::Test {
 protected:
  forge::Host replica = forge::make_host(1, "replica");
  forge::Host primary = forge::make_host(2, "primary");
  forge::Host stranger = forge::make_host(3, "stranger");
  ContextOptions at_server = forge::server_options(replica, primary);
  ContextOptions at_client = forge::client_options(primary, replica);

  // The client shows this leaf (key: the primary's); the server must refuse with these words, and the client must hear
  // of it.
  void expect_client_refused(const Certificate& leaf, const std::string& words, WallTime now = noon) {
    at_client.identity = primary.identity_with(leaf);
    TlsEngine server = forge::make_engine(at_server, {}, now);
    TlsEngine client = forge::make_engine(at_client);
    const auto ends = forge::shake(client, server);
    EXPECT_REFUSED(ends.server, ErrorCode::authentication, words);
    EXPECT_REFUSED(ends.client, ErrorCode::authentication, "refused the certificate of this host");
    EXPECT_FALSE(server.peer().has_value());
  }
  // The server shows this leaf (key: the replica's); the client must refuse.
  void expect_server_refused(const Certificate& leaf, const std::string& words, WallTime now = noon,
                             HostId expected = {}) {
    at_server.identity = replica.identity_with(leaf);
    TlsEngine server = forge::make_engine(at_server);
    TlsEngine client = forge::make_engine(at_client, expected, now);
    const auto ends = forge::shake(client, server);
    EXPECT_REFUSED(ends.client, ErrorCode::authentication, words);
    EXPECT_REFUSED(ends.server, ErrorCode::authentication, "refused the certificate of this host");
  }
  void expect_both_refused(const forge::Recipe& change, const std::string& words) {
    forge::Recipe recipe = change;
    recipe.alternative_names = "URI:" + host_uri(primary.label.id);
    expect_client_refused(forge::forge(recipe, primary.key, forge::issuer_of(primary.authority)), words);
    at_client = forge::client_options(primary, replica);
    recipe.alternative_names = "URI:" + host_uri(replica.label.id);
    expect_server_refused(forge::forge(recipe, replica.key, forge::issuer_of(replica.authority)), words);
  }
};

TEST_F(Refusal, OfAnotherAuthority) {
  expect_client_refused(
      forge::forge(forge::good_recipe(primary.label), primary.key, forge::issuer_of(stranger.authority)),
      "authority that this host does not trust");
  at_client = forge::client_options(primary, replica);
  expect_server_refused(
      forge::forge(forge::good_recipe(replica.label), replica.key, forge::issuer_of(stranger.authority)),
      "authority that this host does not trust");
}

TEST_F(Refusal, OfAnExpiredCertificate) {
  expect_both_refused({.from = noon + -9 * day, .until = noon + -day}, "has expired");
}

TEST_F(Refusal, OfACertificateThatIsNotYetValid) { expect_both_refused({.from = noon + day}, "not valid yet"); }

TEST_F(Refusal, OfAWrongKeyUsage) {
  expect_both_refused({.key_usage = "critical,keyEncipherment"}, "digitalSignature");
}

TEST_F(Refusal, OfAWrongExtendedKeyUsage) {
  expect_client_refused(
      forge::forge({.alternative_names = "URI:" + host_uri(primary.label.id), .extended_key_usage = "serverAuth"},
                   primary.key, forge::issuer_of(primary.authority)),
      "clientAuth");
  at_client = forge::client_options(primary, replica);
  expect_server_refused(
      forge::forge({.alternative_names = "URI:" + host_uri(replica.label.id), .extended_key_usage = "clientAuth"},
                   replica.key, forge::issuer_of(replica.authority)),
      "serverAuth");
}

TEST_F(Refusal, OfAnAuthorityAsAHost) {
  expect_both_refused({.constraints = "critical,CA:TRUE", .key_usage = "critical,digitalSignature,keyCertSign"},
                      "not of a host");
}

TEST_F(Refusal, OfACertificateWithoutAHost) {
  expect_client_refused(
      forge::forge({.alternative_names = "DNS:primary"}, primary.key, forge::issuer_of(primary.authority)),
      "names no host");
  at_client = forge::client_options(primary, replica);
  expect_server_refused(
      forge::forge({.alternative_names = "DNS:replica"}, replica.key, forge::issuer_of(replica.authority)),
      "names no host");
}

TEST_F(Refusal, OfAHostThatItsAuthorityMayNotSpeakFor) {
  expect_client_refused(
      forge::forge(forge::good_recipe(stranger.label), primary.key, forge::issuer_of(primary.authority)),
      "may speak for host");
}

TEST_F(Refusal, OfAServerOtherThanTheExpectedOne) {
  expect_server_refused(replica.certificate, "host " + stranger.label.id.text() + " was expected", noon,
                        stranger.label.id);
}

TEST_F(Refusal, OfASelfSignedCertificateOfTheSameName) {
  const auto same = [](const forge::Host& host) {
    return forge::forge_self_signed(forge::good_recipe(host.label), host.key,
                                    X509_get_subject_name(host.certificate.handle()));
  };
  expect_client_refused(same(primary), "self-signed");
  at_client = forge::client_options(primary, replica);
  expect_server_refused(same(replica), "self-signed");
}

TEST_F(Refusal, OfAChainThroughAnIntermediate) {
  const PrivateKey middle_key = forge::make_key();
  const Certificate middle = forge::forge({.common_name = "middle",
                                           .constraints = "critical,CA:TRUE",
                                           .key_usage = "critical,keyCertSign",
                                           .extended_key_usage = ""},
                                          middle_key, forge::issuer_of(primary.authority));
  const Certificate leaf = forge::forge(forge::good_recipe(primary.label), primary.key, {middle_key, middle});
  TlsEngine server = forge::make_engine(at_server);
  RawPeer peer(RawPeer::Role::client);
  peer.use(leaf, primary.key);
  SSL_CTX_add1_chain_cert(peer.context(), middle.handle());
  peer.offer(replication_alpn);
  EXPECT_REFUSED(peer.meet(server), ErrorCode::authentication, "intermediate authority");
}

TEST_F(Refusal, OfARevokedHost) {
  at_server.trust.revoked_hosts.insert(primary.label.id);
  expect_client_refused(primary.certificate, "has been revoked");
  at_client = forge::client_options(primary, replica);
  at_client.trust.revoked_hosts.insert(replica.label.id);
  expect_server_refused(replica.certificate, "has been revoked");
}

TEST_F(Refusal, OfAClientWithoutACertificate) {
  at_client.identity.reset();
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  const auto ends = forge::shake(client, server);
  EXPECT_REFUSED(ends.server, ErrorCode::authentication, "showed no certificate");
  EXPECT_REFUSED(ends.client, ErrorCode::authentication, "requires a certificate");
}

TEST_F(Refusal, OfABadCertificateEvenWhereNoneIsNeeded) {
  at_server.client_certificate = ClientCertificate::optional;
  at_client.identity = stranger.identity();
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  EXPECT_REFUSED(forge::shake(client, server).server, ErrorCode::authentication, "does not trust");
}

TEST_F(Refusal, OfAPinThatAnotherHostCannotMeet) {
  at_server.client_certificate = ClientCertificate::optional;
  at_client.identity.reset();
  at_client.trust = {};
  at_client.trust.pin = AuthorityPin{.host = stranger.label.id, .fingerprint = stranger.authority.key().fingerprint()};
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  EXPECT_REFUSED(forge::shake(client, server).client, ErrorCode::authentication, "registration key names");
}

TEST_F(Refusal, OfAClientOfTls12) {
  TlsEngine server = forge::make_engine(at_server);
  RawPeer peer(RawPeer::Role::client);
  peer.use(primary.certificate, primary.key);
  peer.offer(replication_alpn);
  SSL_CTX_set_max_proto_version(peer.context(), TLS1_2_VERSION);
  EXPECT_REFUSED(peer.meet(server), ErrorCode::protocol, "TLS 1.3");
}

TEST_F(Refusal, OfAServerOfTls12) {
  TlsEngine client = forge::make_engine(at_client);
  RawPeer peer(RawPeer::Role::server);
  peer.use(replica.certificate, replica.key);
  SSL_CTX_set_max_proto_version(peer.context(), TLS1_2_VERSION);
  EXPECT_REFUSED(peer.meet(client), ErrorCode::protocol, "TLS 1.3");
}

TEST_F(Refusal, OfAClientThatOffersAnotherProtocol) {
  TlsEngine server = forge::make_engine(at_server);
  RawPeer peer(RawPeer::Role::client);
  peer.use(primary.certificate, primary.key);
  peer.offer("h2");
  EXPECT_REFUSED(peer.meet(server), ErrorCode::protocol, "speaks 'h2'");
}

TEST_F(Refusal, OfAClientThatOffersNoProtocol) {
  TlsEngine server = forge::make_engine(at_server);
  RawPeer peer(RawPeer::Role::client);
  peer.use(primary.certificate, primary.key);
  EXPECT_REFUSED(peer.meet(server), ErrorCode::protocol, "no named protocol");
  at_server.missing_alpn = MissingAlpn::accepted;
  TlsEngine lenient = forge::make_engine(at_server);
  RawPeer again(RawPeer::Role::client);
  again.use(primary.certificate, primary.key);
  ASSERT_GOOD(again.meet(lenient));
}

TEST_F(Refusal, OfAServerThatAgreesToNoProtocol) {
  TlsEngine client = forge::make_engine(at_client);
  RawPeer peer(RawPeer::Role::server);
  peer.use(replica.certificate, replica.key);
  EXPECT_REFUSED(peer.meet(client), ErrorCode::protocol, "agreed to no protocol");
}

TEST_F(Refusal, OfAPeerThatDoesNotHoldItsKey) {
  // A certificate that is right in everything, shown by somebody who has copied it.
  TlsEngine server = forge::make_engine(at_server);
  RawPeer peer(RawPeer::Role::client);
  peer.use(primary.certificate, primary.key);
  peer.offer(replication_alpn);
  SSL_CTX_set_cert_cb(
      peer.context(),
      [](SSL* ssl, void* key) {
        SSL_CTX_set_security_level(SSL_get_SSL_CTX(ssl), 0);
        return SSL_use_PrivateKey(ssl, static_cast<EVP_PKEY*>(key));
      },
      stranger.key.handle());
  EXPECT_FALSE(peer.meet(server).has_value());
}

TEST_F(Refusal, OfPlaintext) {
  for (const std::string& said :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("SSH-2.0-OpenSSH_9\r\n"), std::string(512, '\0'),
        std::string("NBDMAGICIHAVEOPT"), std::string(100'000, 'x')}) {
    TlsEngine server = forge::make_engine(at_server);
    ASSERT_GOOD(server.feed(view_of(said)));
    EXPECT_REFUSED(server.handshake(), ErrorCode::protocol, "not TLS");
    TlsEngine client = forge::make_engine(at_client);
    ASSERT_GOOD(client.handshake());
    ASSERT_GOOD(client.feed(view_of(said)));
    EXPECT_REFUSED(client.handshake(), ErrorCode::protocol, "not TLS");
  }
}

TEST_F(Refusal, OfAnyFlippedByteOfTheHandshake) {
  TlsEngine first = forge::make_engine(at_client);
  ASSERT_GOOD(first.handshake());
  const Bytes hello = first.take_output();
  for (std::size_t at = 0; at < hello.size(); at += 3) {
    TlsEngine client = forge::make_engine(at_client);
    TlsEngine server = forge::make_engine(at_server);
    ASSERT_GOOD(client.handshake());
    Bytes bytes = client.take_output();
    if (at >= bytes.size()) break;
    bytes[at] ^= std::byte{0x10};
    ASSERT_GOOD(server.feed(bytes));
    static_cast<void>(server.handshake());
    forge::carry(server, client);
    const auto ends = forge::shake(client, server);
    EXPECT_FALSE(ends.client.has_value() && ends.server.has_value() && server.peer().has_value()) << "byte " << at;
  }
}

TEST_F(Refusal, OfABitFlippedInData) {
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  ASSERT_GOOD(forge::shake(client, server).server);
  ASSERT_GOOD(client.write(view_of("precious")));
  Bytes bytes = client.take_output();
  bytes.back() ^= std::byte{1};
  ASSERT_GOOD(server.feed(bytes));
  EXPECT_EQ(forge::read_text(server), "(error)");
  EXPECT_EQ(forge::read_text(server), "(error)");
  EXPECT_TRUE(server.has_output());
  EXPECT_FALSE(server.write(view_of("x")).has_value());
}

}  // namespace
}  // namespace afterimage::tls
