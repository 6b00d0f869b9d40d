// SPDX-License-Identifier: Apache-2.0
// The certificate of a host over time: renewed by its own authority, or put there by an operator; peers and sessions
// notice nothing.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/tools/afterimaged/host_world.h"
#include "tests/transport/tls/forge.h"
#include "transport/tls/pki_files.h"

namespace afterimage::daemon {
namespace {

using test::TestHost;
using tls::forge::day;

class Renewal : public testing::Test {
 protected:
  Renewal() {
    auto made = io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1});
    AFI_CHECK(made.has_value());
    posix = std::move(*made);
    replica = std::make_unique<TestHost>(*posix, clock, TestHost::Options{.name = "chi", .stores = {"default"}});
    primary = std::make_unique<TestHost>(*posix, clock, TestHost::Options{.name = "alpha"});
    AFI_CHECK(primary->join(replica->make_key()).has_value());
  }
  static void look(TestHost& host) { host.run(host.keeper->look(host.scope)); }
  static const tls::Certificate& leaf_of(const TestHost& host) { return host.trust->identity().certificate; }
  static void put(const TestHost& host, const std::string& file, const std::string& text) {
    const std::string path = host.folder + "/" + file;
    std::ofstream(path, std::ios::trunc) << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  // What an operator's own authority would issue: a new key and certificate of the same host, from the same root.
  tls::Renewal issue(TestHost& host) {
    const auto pki = host.run(host.platform.disk.open_directory(host.scope, host.folder));
    AFI_CHECK(pki.has_value());
    const auto authority = host.run(tls::read_authority(host.scope, **pki));
    AFI_CHECK(authority.has_value());
    auto renewal = tls::renew_identity(host.trust->identity(), *authority, clock.time);
    AFI_CHECK(renewal.has_value());
    return *renewal;
  }
  void make_own_pki(TestHost& host) {
    std::filesystem::rename(host.folder + "/authority.key", host.folder + "-authority.key");
    aside.push_back(host.folder + "-authority.key");
  }
  ~Renewal() override {
    for (const std::string& path : aside) std::filesystem::remove(path);
  }

  std::unique_ptr<io::posix::PosixPlatform> posix;
  test::TestClock clock;
  std::unique_ptr<TestHost> replica, primary;
  std::vector<std::string> aside;
};

TEST_F(Renewal, HappensAtTwoThirdsOfTheLifeAndNotBefore) {
  const tls::Certificate before = leaf_of(*replica);
  clock.time = clock.time + 59 * day;
  look(*replica);
  EXPECT_EQ(leaf_of(*replica), before);
  clock.time = clock.time + 2 * day;
  look(*replica);
  EXPECT_NE(leaf_of(*replica).fingerprint(), before.fingerprint()) << "a new key, too";
  EXPECT_EQ(replica->keeper->health().certificate.left_days, 90);
  EXPECT_TRUE(replica->log.has("this host has a new certificate; it ends at")) << replica->log.all();
  const auto pki = replica->run(replica->platform.disk.open_directory(replica->scope, replica->folder));
  const auto kept = replica->run(tls::read_identity(replica->scope, **pki));
  ASSERT_TRUE(kept) << kept.error().text();
  EXPECT_EQ(kept->certificate, leaf_of(*replica)) << "the files have it";
}

// Each session ends with the certificate that it began with, and no other one.
TEST_F(Renewal, TheEndOfTheOldCertificateIsThatOfItsOwnSession) {
  const auto old = primary->connect_to(*replica);
  ASSERT_TRUE(old);
  const WallTime end = leaf_of(*primary).not_after();
  clock.time = clock.time + 70 * day;
  look(*primary);
  const auto fresh = primary->connect_to(*replica);
  ASSERT_TRUE(fresh) << fresh.error().text();
  clock.time = end;
  replica->trust->review();
  EXPECT_NE(replica->trust->sessions().next_expiry(), end) << "whoever is ending is not waited for";
  EXPECT_FALSE(primary->ask(**old));
  EXPECT_TRUE(primary->ask(**fresh));
}

TEST_F(Renewal, OfEitherHostLeavesTheSessionAloneAndIsBelievedAtOnce) {
  const auto sink = primary->connect_to(*replica);
  ASSERT_TRUE(sink);
  clock.time = clock.time + 70 * day;
  look(*replica);
  look(*primary);
  EXPECT_TRUE(primary->ask(**sink)) << "the session stands";
  const auto again = primary->connect_to(*replica);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_TRUE(primary->ask(**again));
  EXPECT_EQ(replica->trust->infos()[0].certificate->left_days, 90);
  EXPECT_EQ(primary->trust->infos()[0].certificate->left_days, 90);
}

TEST_F(Renewal, OfACertificateThatEndedWhileTheHostWasDownComesWithTheFirstLook) {
  clock.time = clock.time + 200 * day;
  EXPECT_FALSE(primary->connect_to(*replica));
  look(*replica);
  look(*primary);
  EXPECT_TRUE(primary->connect_to(*replica));
}

TEST_F(Renewal, ReplacesACertificateOfTheFuture) {
  const WallTime right = clock.time;
  clock.time = clock.time + 400 * day;
  look(*replica);
  ASSERT_GT(leaf_of(*replica).not_before(), right);
  clock.time = right;
  look(*replica);
  EXPECT_LT(leaf_of(*replica).not_before(), right);
}

TEST_F(Renewal, StopsWhenTheRootItselfEnds) {
  clock.time = replica->trust->identity().root.not_after() + -day;
  look(*replica);
  const tls::Certificate last = leaf_of(*replica);
  EXPECT_EQ(last.not_after(), replica->trust->identity().root.not_after());
  clock.time = clock.time + day / 4 * 3;
  look(*replica);
  EXPECT_EQ(leaf_of(*replica), last) << "no certificate after another for nothing";
  EXPECT_EQ(replica->keeper->health().health, host::Health::critical);
}

TEST_F(Renewal, ThatFailsIsToldOnceAndTriedAgain) {
  const tls::Certificate before = leaf_of(*replica);
  put(*replica, "authority.key", "no key");
  clock.time = clock.time + 61 * day;
  look(*replica);
  look(*replica);
  EXPECT_EQ(leaf_of(*replica), before);
  int told = 0;
  for (const std::string& line : replica->log.lines) told += line.find("is not looked after") != std::string::npos;
  EXPECT_EQ(told, 1) << replica->log.all();
  const host::HostInfo info = replica->keeper->health();
  EXPECT_EQ(info.health, host::Health::warning);
  ASSERT_EQ(info.reasons.size(), 1U);
  EXPECT_NE(info.reasons[0].find("authority.key"), std::string::npos) << info.reasons[0];
  EXPECT_TRUE(primary->connect_to(*replica)) << "the old one is still good";
}

TEST_F(Renewal, IsTheOperatorsAffairWithoutAnAuthorityKey) {
  const tls::Certificate before = leaf_of(*replica);
  make_own_pki(*replica);
  clock.time = clock.time + 80 * day;
  look(*replica);
  EXPECT_EQ(leaf_of(*replica), before);
  EXPECT_EQ(replica->keeper->health().renewal, host::Renewal::by_operator);
  EXPECT_EQ(replica->keeper->health().health, host::Health::warning);
  EXPECT_TRUE(replica->log.has("put a new host.key and host.crt into the pki folder")) << replica->log.all();
}

TEST_F(Renewal, FilesOfTheOperatorAreTakenOverWithoutASignal) {
  const tls::Renewal fresh = issue(*replica);
  make_own_pki(*replica);
  const auto sink = primary->connect_to(*replica);
  ASSERT_TRUE(sink);
  const tls::Certificate before = leaf_of(*replica);
  put(*replica, "host.key", fresh.host_key);
  look(*replica);
  EXPECT_EQ(leaf_of(*replica), before) << "half of it is there yet";
  EXPECT_TRUE(replica->log.has("do not belong together")) << replica->log.all();
  put(*replica, "host.crt", fresh.host_certificate);
  look(*replica);
  EXPECT_NE(leaf_of(*replica), before);
  EXPECT_EQ(replica->keeper->health().health, host::Health::normal);
  EXPECT_TRUE(primary->ask(**sink));
  EXPECT_TRUE(primary->connect_to(*replica));
}

TEST_F(Renewal, AReloadSaysWhatIsWrongAndKeepsTheOldCertificate) {
  put(*replica, "host.crt", "nothing");
  const Status reloaded = replica->run(replica->keeper->reload(replica->scope));
  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().code, ErrorCode::refused);
  EXPECT_TRUE(primary->connect_to(*replica));
}

TEST_F(Renewal, OfThePeerIsSeenInItsHealth) {
  ASSERT_TRUE(primary->connect_to(*replica));
  clock.time = clock.time + 80 * day;
  const host::PeerInfo peer = replica->trust->infos()[0];
  EXPECT_EQ(peer.health, host::Health::warning);
  ASSERT_TRUE(peer.certificate);
  EXPECT_EQ(peer.certificate->left_days, 10);
  look(*primary);
  look(*replica);
  ASSERT_TRUE(primary->connect_to(*replica));
  EXPECT_EQ(replica->trust->infos()[0].health, host::Health::normal);
}

// Both hosts get certificates of one authority that neither of them has, before they know anybody.
TEST_F(Renewal, OwnPkiHostsEnrolReplicateAndAreRevokedOneByOne) {
  const auto corporate = tls::Authority::create({.id = tls::forge::id_of(9), .name = "corporate"}, clock.time);
  ASSERT_TRUE(corporate);
  const auto make = [&](const std::string& name, std::vector<std::string> stores) {
    auto host = std::make_unique<TestHost>(*posix, clock, TestHost::Options{.name = name, .stores = std::move(stores)});
    std::filesystem::remove(host->folder + "/authority.key");
    const tls::PrivateKey key = tls::forge::make_key();
    put(*host, "authority.crt", *corporate->certificate().to_pem());
    put(*host, "host.key", *key.to_pem());
    put(*host, "host.crt",
        *tls::forge::forge(tls::forge::good_recipe(host->label), key, tls::forge::issuer_of(*corporate)).to_pem());
    look(*host);
    EXPECT_TRUE(host->log.has("this host has a new authority")) << host->log.all();
    return host;
  };
  const auto store = make("psi", {"default"});
  const auto first = make("omega", {});
  const auto second = make("sigma", {});
  for (TestHost* host : {first.get(), second.get()}) {
    const auto joined = host->join(store->make_key());
    ASSERT_TRUE(joined) << joined.error().text();
    EXPECT_TRUE(host->connect_to(*store));
  }
  ASSERT_TRUE(store->revoke("omega"));
  EXPECT_FALSE(first->connect_to(*store));
  EXPECT_TRUE(second->connect_to(*store)) << "the root is shared, trust is not";
}

}  // namespace
}  // namespace afterimage::daemon
