// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/tls_engine.h"

#include <array>

#include <gtest/gtest.h>

#include "tests/transport/tls/expect.h"
#include "tests/transport/tls/forge.h"
#include "tests/transport/tls/wire.h"

namespace afterimage::tls {
namespace {

using forge::noon;

class Engine : public testing::Test {
 protected:
  forge::Host replica = forge::make_host(1, "replica");
  forge::Host primary = forge::make_host(2, "primary");
  ContextOptions at_server = forge::server_options(replica, primary);
  ContextOptions at_client = forge::client_options(primary, replica);

  // The primary, played by OpenSSL alone.
  void meet(forge::RawPeer& peer, TlsEngine& server) const {
    peer.use(primary.certificate, primary.key);
    peer.offer(replication_alpn);
    ASSERT_GOOD(peer.meet(server));
  }
};

TEST_F(Engine, HostsThatEnrolledKnowEachOther) {
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client, replica.label.id);
  const auto ends = forge::shake(client, server);
  ASSERT_GOOD(ends.client);
  ASSERT_GOOD(ends.server);
  ASSERT_TRUE(client.peer().has_value() && server.peer().has_value());
  EXPECT_EQ(client.peer()->id, replica.label.id);
  EXPECT_EQ(server.peer()->id, primary.label.id);
  EXPECT_EQ(server.peer()->name, "primary");
}

TEST_F(Engine, PlaintextArrivesWholeAndInOrder) {
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  ASSERT_GOOD(forge::shake(client, server).server);
  Bytes sent(100'000);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::byte>(i * 7 / 3);
  ASSERT_GOOD(client.write(sent));
  forge::carry(client, server);
  Bytes received;
  std::array<std::byte, 999> part{};
  while (received.size() < sent.size()) {
    const auto outcome = server.read(part);
    ASSERT_GOOD(outcome);
    ASSERT_EQ(outcome->kind, ReadOutcome::Kind::bytes);
    received.insert(received.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(outcome->count));
  }
  EXPECT_EQ(received, sent);
}

TEST_F(Engine, AnEmptyWriteSendsNothing) {
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  ASSERT_GOOD(forge::shake(client, server).server);
  ASSERT_GOOD(client.write({}));
  EXPECT_FALSE(client.has_output());
  EXPECT_EQ(forge::read_text(server), "");
}

TEST_F(Engine, OneSideMaySayGoodbyeAndGoOnReading) {
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  ASSERT_GOOD(forge::shake(client, server).server);
  ASSERT_GOOD(client.write(view_of("last words")));
  ASSERT_GOOD(client.close_write());
  ASSERT_GOOD(client.close_write());
  forge::carry(client, server);
  EXPECT_EQ(forge::read_text(server), "last words");
  EXPECT_EQ(forge::read_text(server), "(end)");
  EXPECT_EQ(forge::read_text(server), "(end)");
  ASSERT_GOOD(server.write(view_of("answer")));
  forge::carry(server, client);
  EXPECT_EQ(forge::read_text(client), "answer");
  EXPECT_FALSE(client.write(view_of("more")).has_value());
}

TEST_F(Engine, AStreamThatEndsWithoutGoodbyeIsNoEnd) {
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  ASSERT_GOOD(forge::shake(client, server).server);
  ASSERT_GOOD(client.write(view_of("half of it")));
  forge::carry(client, server);
  server.feed_end();
  EXPECT_EQ(forge::read_text(server), "half of it");
  std::array<std::byte, 8> part{};
  EXPECT_REFUSED(server.read(part), ErrorCode::unreachable, "without a goodbye");
  EXPECT_REFUSED(server.read(part), ErrorCode::unreachable, "without a goodbye");
}

TEST_F(Engine, AStreamThatEndsInTheHandshakeIsUnreachable) {
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  ASSERT_GOOD(client.handshake());
  forge::carry(client, server);
  ASSERT_GOOD(server.handshake());
  server.feed_end();
  EXPECT_REFUSED(server.handshake(), ErrorCode::unreachable, "during the TLS handshake");
}

TEST_F(Engine, NothingIsReadOrWrittenBeforeTheHandshake) {
  TlsEngine client = forge::make_engine(at_client);
  std::array<std::byte, 8> part{};
  EXPECT_FALSE(client.read(part).has_value());
  EXPECT_FALSE(client.write(view_of("x")).has_value());
  EXPECT_FALSE(client.export_key("EXPORTER-x").has_value());
}

TEST_F(Engine, BothEndsExportOneKeyAndEveryConnectionAnother) {
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  ASSERT_GOOD(forge::shake(client, server).server);
  const auto here = client.export_key("EXPORTER-test");
  const auto there = server.export_key("EXPORTER-test");
  ASSERT_GOOD(here);
  ASSERT_GOOD(there);
  EXPECT_EQ(*here, *there);
  EXPECT_NE(*here, *client.export_key("EXPORTER-other"));
  TlsEngine server2 = forge::make_engine(at_server);
  TlsEngine client2 = forge::make_engine(at_client);
  ASSERT_GOOD(forge::shake(client2, server2).server);
  EXPECT_NE(*here, *client2.export_key("EXPORTER-test"));
}

TEST_F(Engine, AJoiningHostFindsTheReplicaByItsFingerprintAndShowsNoCertificate) {
  at_server.client_certificate = ClientCertificate::optional;
  at_server.alpn = at_client.alpn = control_alpn;
  at_client.identity.reset();
  at_client.trust = {};
  at_client.trust.pin = AuthorityPin{.host = replica.label.id, .fingerprint = replica.authority.key().fingerprint()};
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  const auto ends = forge::shake(client, server);
  ASSERT_GOOD(ends.client);
  ASSERT_GOOD(ends.server);
  EXPECT_EQ(client.peer()->id, replica.label.id);
  EXPECT_FALSE(server.peer().has_value());
  ASSERT_EQ(client.peer_chain().size(), 1U);
  EXPECT_EQ(client.peer_chain()[0], replica.authority.certificate());
}

TEST_F(Engine, AnIdentityInRsaWorks) {
  const PrivateKey key = forge::make_rsa_key(3072);
  const Certificate leaf = forge::forge(forge::good_recipe(primary.label), key, forge::issuer_of(primary.authority));
  at_client.identity =
      Identity{.host = primary.label, .key = key, .certificate = leaf, .root = primary.authority.certificate()};
  TlsEngine server = forge::make_engine(at_server);
  TlsEngine client = forge::make_engine(at_client);
  const auto ends = forge::shake(client, server);
  ASSERT_GOOD(ends.client);
  ASSERT_GOOD(ends.server);
}

TEST_F(Engine, ANewContextIsUsedByNewConnectionsOnly) {
  auto first = TlsContext::create(at_server);
  ASSERT_GOOD(first);
  CurrentContext current(*first);
  auto old = TlsEngine::create(current.get(), {.expected = {}, .now = noon});
  ASSERT_GOOD(old);
  at_server.trust.revoked_hosts.insert(primary.label.id);
  auto second = TlsContext::create(at_server);
  ASSERT_GOOD(second);
  current.replace(*second);
  auto fresh = TlsEngine::create(current.get(), {.expected = {}, .now = noon});
  ASSERT_GOOD(fresh);
  TlsEngine client = forge::make_engine(at_client);
  EXPECT_TRUE(forge::shake(client, *old).server.has_value());
  TlsEngine again = forge::make_engine(at_client);
  EXPECT_REFUSED(forge::shake(again, *fresh).server, ErrorCode::authentication, "revoked");
}

TEST_F(Engine, AContextWithoutWhatItNeedsIsNotMade) {
  ContextOptions options = at_server;
  options.identity.reset();
  EXPECT_REFUSED(TlsContext::create(options), ErrorCode::invalid_argument, "needs a certificate");
  options = at_client;
  options.alpn = "";
  EXPECT_REFUSED(TlsContext::create(options), ErrorCode::invalid_argument, "1 to 64");
  options = at_server;
  options.identity->key = forge::make_key();
  EXPECT_FALSE(TlsContext::create(options).has_value());
}

TEST_F(Engine, AKeyUpdateOfThePeerIsFollowedAndAnswered) {
  at_server.trust = forge::trusting({primary.anchor()});
  TlsEngine server = forge::make_engine(at_server);
  forge::RawPeer peer(forge::RawPeer::Role::client);
  meet(peer, server);
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_write(peer.ssl(), "hello", 5), 5);
    peer.carry_to(server);
    EXPECT_EQ(forge::read_text(server), "hello");
    ASSERT_GOOD(server.write(view_of("world")));
    peer.carry_from(server);
    std::array<char, 16> answer{};
    EXPECT_EQ(SSL_read(peer.ssl(), answer.data(), static_cast<int>(answer.size())), 5);
  }
}

// Each asks for an answer, and the answers stay here as long as nobody writes.
TEST_F(Engine, KeyUpdatesWithoutEndAreRefused) {
  at_server.trust = forge::trusting({primary.anchor()});
  TlsEngine server = forge::make_engine(at_server);
  forge::RawPeer peer(forge::RawPeer::Role::client);
  meet(peer, server);
  Bytes out(64);
  for (int round = 0; round < 2000; ++round) {
    ASSERT_EQ(SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(peer.ssl()), 1);
    peer.carry_to(server);
    const auto outcome = server.read(out);
    if (outcome) continue;
    EXPECT_EQ(outcome.error().code, ErrorCode::protocol);
    EXPECT_LT(server.take_output().size(), std::size_t{20} * 1024);
    return;
  }
  FAIL() << "2,000 key updates were answered";
}

TEST_F(Engine, NoTicketIsEverGiven) {
  TlsEngine server = forge::make_engine(at_server);
  forge::RawPeer peer(forge::RawPeer::Role::client);
  meet(peer, server);
  EXPECT_EQ(SSL_SESSION_has_ticket(SSL_get_session(peer.ssl())), 0);
  EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get_session(peer.ssl())), 0);
  EXPECT_EQ(SSL_SESSION_get_max_early_data(SSL_get_session(peer.ssl())), 0U);
}

}  // namespace
}  // namespace afterimage::tls
