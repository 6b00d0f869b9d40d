// SPDX-License-Identifier: Apache-2.0
// Enrolment, peers and revocation, from one host to the other over TLS.
#include <gtest/gtest.h>

#include "tests/tools/afterimaged/host_world.h"
#include "transport/tls/registration_key.h"

namespace afterimage::daemon {
namespace {

using test::TestHost;

class Joining : public testing::Test {
 protected:
  Joining() {
    auto made = io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1});
    AFI_CHECK(made.has_value());
    posix = std::move(*made);
  }
  std::unique_ptr<TestHost> make(TestHost::Options options) {
    return std::make_unique<TestHost>(*posix, clock, std::move(options));
  }
  std::unique_ptr<TestHost> make_replica() { return make({.name = "chi", .stores = {"default"}}); }
  std::unique_ptr<TestHost> make_primary(std::string name = "alpha") { return make({.name = std::move(name)}); }

  std::unique_ptr<io::posix::PosixPlatform> posix;
  test::TestClock clock;
};

TEST_F(Joining, BothHostsKnowEachOtherAfterwards) {
  const auto replica = make_replica();
  const auto primary = make_primary();
  const auto joined = primary->join(replica->make_key());
  ASSERT_TRUE(joined) << joined.error().text();
  EXPECT_EQ(joined->name, "chi");
  EXPECT_EQ(joined->role, "replica");
  EXPECT_EQ(joined->id, replica->label.id);
  EXPECT_EQ(joined->address, replica->replication->local().text());
  const auto there = replica->run(replica->daemon_trust->peers(replica->scope));
  ASSERT_TRUE(there);
  ASSERT_EQ(there->size(), 1U);
  EXPECT_EQ(there->front().name, "alpha");
  EXPECT_EQ(there->front().role, "primary");
  const auto permission = replica->run(replica->catalogue->permission(replica->scope, primary->label.id));
  ASSERT_TRUE(permission && *permission);
  EXPECT_EQ((*permission)->store, "default");
  EXPECT_EQ((*permission)->removal, catalogue::MachineRemoval::forbidden);
  EXPECT_TRUE(replica->log.has("'alpha'")) << replica->log.all();
  EXPECT_TRUE(replica->log.has("127.0.0.1")) << "where it came from is logged";
}

TEST_F(Joining, TheSecretIsInNoLog) {
  const auto replica = make_replica();
  const auto primary = make_primary();
  const std::string text = replica->make_key();
  ASSERT_TRUE(primary->join(text));
  const auto key = tls::parse_registration_key(text);
  ASSERT_TRUE(key);
  for (const TestHost* host : {replica.get(), primary.get()}) {
    EXPECT_EQ(host->log.all().find(key->secret.text()), std::string::npos);
    EXPECT_EQ(host->log.all().find(text), std::string::npos);
  }
}

TEST_F(Joining, AKeyIsForOneHost) {
  const auto replica = make_replica();
  const auto first = make_primary("alpha");
  const auto second = make_primary("beta");
  const std::string key = replica->make_key();
  ASSERT_TRUE(first->join(key));
  const auto refused = second->join(key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::authentication);
  EXPECT_NE(refused.error().text().find("used by another host"), std::string::npos) << refused.error().text();
  EXPECT_TRUE(replica->log.has("not enrolled")) << replica->log.all();
  EXPECT_TRUE(second->log.has("joining a replica failed")) << second->log.all();
  EXPECT_TRUE(first->join(key)) << "the same host may ask again: its answer may have been lost";
}

TEST_F(Joining, AnExpiredKeyIsRefusedWithTheTime) {
  const auto replica = make_replica();
  const auto primary = make_primary();
  const std::string key = replica->make_key(std::chrono::minutes(5));
  clock.time = clock.time + std::chrono::minutes(6);
  const auto refused = primary->join(key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::authentication);
  EXPECT_NE(refused.error().text().find("expired at"), std::string::npos) << refused.error().text();
}

TEST_F(Joining, AnotherHostAtTheAddressIsNoticed) {
  const auto replica = make_replica();
  const auto other = make({.name = "evil", .stores = {"default"}});
  const auto primary = make_primary();
  auto key = tls::parse_registration_key(replica->make_key());
  ASSERT_TRUE(key);
  key->addresses.front().port = other->control->local().port;
  const auto refused = primary->join(*tls::encode_registration_key(*key));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::authentication);
  EXPECT_FALSE(primary->trust->find(replica->label.id));
}

TEST_F(Joining, TheNextAddressOfAKeyIsTried) {
  const auto replica = make_replica();
  const auto other = make({.name = "evil", .stores = {"default"}});
  const auto primary = make_primary();
  auto key = tls::parse_registration_key(replica->make_key());
  ASSERT_TRUE(key);
  key->addresses.insert(key->addresses.begin(), {{.host = "127.0.0.1", .port = 1},
                                                 {.host = "127.0.0.1", .port = other->control->local().port}});
  const auto joined = primary->join(*tls::encode_registration_key(*key));
  EXPECT_TRUE(joined) << joined.error().text();
}

TEST_F(Joining, AReplicaThatIsNotThereIsUnreachable) {
  const auto replica = make_replica();
  const auto primary = make_primary();
  const std::string key = replica->make_key();
  replica->stop();
  const auto refused = primary->join(key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unreachable);
  EXPECT_NE(refused.error().text().find("replica 127.0.0.1:"), std::string::npos) << refused.error().text();
}

TEST_F(Joining, AHostDoesNotJoinItself) {
  const auto replica = make_replica();
  const auto refused = replica->join(replica->make_key());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
}

TEST_F(Joining, AHostWithoutAStoreMakesNoKeys) {
  const auto primary = make_primary();
  const auto refused = primary->run(primary->daemon_trust->make_key(primary->scope, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
}

TEST_F(Joining, AKeyNamesOneOfSeveralStores) {
  const auto replica = make({.name = "chi", .stores = {"fast", "big"}});
  const auto unnamed = replica->run(replica->daemon_trust->make_key(replica->scope, {}));
  ASSERT_FALSE(unnamed);
  EXPECT_EQ(unnamed.error().code, ErrorCode::invalid_argument);
  const auto unknown = replica->run(replica->daemon_trust->make_key(replica->scope, {.store = "slow"}));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  const auto primary = make_primary();
  ASSERT_TRUE(primary->join(replica->make_key(std::chrono::hours(1), "big")));
  const auto permission = replica->run(replica->catalogue->permission(replica->scope, primary->label.id));
  ASSERT_TRUE(permission && *permission);
  EXPECT_EQ((*permission)->store, "big");
}

TEST_F(Joining, TooManyAttemptsAreTurnedAway) {
  const auto replica = make({.name = "chi", .stores = {"default"}, .enrolments = {.of_one_source = 2, .of_all = 10}});
  const auto primary = make_primary();
  const std::string key = replica->make_key();
  ASSERT_TRUE(primary->join(key));
  ASSERT_TRUE(primary->join(key));
  const auto refused = primary->join(key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::limit_exceeded) << refused.error().text();
}

TEST_F(Joining, DryRunsChangeNothing) {
  const auto replica = make_replica();
  const auto primary = make_primary();
  const std::string key = replica->make_key();
  const auto planned = primary->run(primary->daemon_trust->join(
      primary->scope, {.key = key, .address = std::nullopt, .execution = host::Execution::dry_run}));
  ASSERT_TRUE(planned);
  EXPECT_FALSE(std::get<host::Plan>(*planned).steps.empty());
  EXPECT_TRUE(primary->trust->peers().empty());
  ASSERT_TRUE(primary->join(key));
  const auto revocation = primary->run(
      primary->daemon_trust->revoke(primary->scope, {.peer = "chi", .execution = host::Execution::dry_run}));
  ASSERT_TRUE(revocation && *revocation);
  EXPECT_EQ(primary->trust->peers().front().state, catalogue::PeerState::trusted);
}

TEST_F(Joining, ARevokedHostDoesNotComeBackWithItsOldKey) {
  const auto replica = make_replica();
  const auto primary = make_primary();
  const std::string key = replica->make_key();
  ASSERT_TRUE(primary->join(key));
  ASSERT_TRUE(replica->revoke("alpha"));
  const auto refused = primary->join(key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::authentication);
  const auto again = primary->join(replica->make_key());
  EXPECT_TRUE(again) << again.error().text();
}

TEST_F(Joining, ASecondReplicaOfTheSameNameIsRefusedUntilTheFirstIsRevoked) {
  const auto first = make_replica();
  const auto second = make_replica();
  const auto primary = make_primary();
  ASSERT_TRUE(primary->join(first->make_key()));
  const std::string key = second->make_key();
  const auto refused = primary->join(key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  ASSERT_TRUE(primary->revoke(first->label.id.text()));
  EXPECT_TRUE(primary->join(key));
}

TEST_F(Joining, RevokingANameThatTwoPeersHaveAsksForTheId) {
  const auto replica = make_replica();
  const auto first = make_primary("same");
  const auto second = make_primary("same");
  ASSERT_TRUE(first->join(replica->make_key()));
  ASSERT_TRUE(second->join(replica->make_key()));
  const Status unclear = replica->revoke("same");
  ASSERT_FALSE(unclear);
  EXPECT_NE(unclear.error().text().find(first->label.id.text()), std::string::npos);
  EXPECT_TRUE(replica->revoke(second->label.id.text()));
  EXPECT_EQ(replica->trust->find(first->label.id)->state, catalogue::PeerState::trusted);
  const Status nobody = replica->revoke("nobody");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace afterimage::daemon
