// SPDX-License-Identifier: Apache-2.0
// Replication sessions between two hosts that may or may not trust each other: who gets in, what the others are told,
// and what ends a session that stands.
#include <gtest/gtest.h>

#include "engine/format/frame.h"
#include "tests/tools/afterimaged/host_world.h"
#include "transport/tls/pki.h"

namespace afterimage::daemon {
namespace {

using test::TestHost;

class Sessions : public testing::Test {
 protected:
  Sessions() {
    auto made = io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1});
    AFI_CHECK(made.has_value());
    posix = std::move(*made);
    replica = make({.name = "chi", .stores = {"default"}});
    primary = make({.name = "alpha"});
  }
  std::unique_ptr<TestHost> make(TestHost::Options options) {
    return std::make_unique<TestHost>(*posix, clock, std::move(options));
  }
  void enrol() { AFI_CHECK(primary->join(replica->make_key()).has_value()); }
  // Runs the reactor until no session lives at the replica, or too long has passed.
  void wait_until_gone() {
    for (int turn = 0; turn < 500 && replica->gate.living != 0; ++turn) pause();
  }
  void wait_for_log(const TestHost& host, std::string_view part) {
    for (int turn = 0; turn < 500 && !host.log.has(part); ++turn) pause();
    EXPECT_TRUE(host.log.has(part)) << host.log.all();
  }
  // 256 KiB, sound as far as its header goes.
  static Bytes frame(std::uint32_t number) {
    Bytes bytes;
    const format::FrameHeader header{.identity = {.birth = Epoch(std::uint64_t{1}), .number = number},
                                     .codec = format::Codec::raw,
                                     .extents = 1,
                                     .raw_bytes = limits::seeding_frame_raw_bytes,
                                     .stored_bytes = limits::seeding_frame_raw_bytes};
    header.encode(bytes);
    bytes.resize(header.encoded_size());
    return bytes;
  }
  void pause() {
    const Status slept = primary->run(io::sleep_for(primary->scope, std::chrono::milliseconds(10)));
    AFI_CHECK(slept.has_value());
  }

  std::unique_ptr<io::posix::PosixPlatform> posix;
  test::TestClock clock;
  std::unique_ptr<TestHost> replica, primary;
};

TEST_F(Sessions, AnEnrolledPrimaryIsAdmittedAndBothLogsNameTheSession) {
  enrol();
  auto sink = primary->connect_to(*replica);
  ASSERT_TRUE(sink) << sink.error().text();
  EXPECT_EQ(replica->gate.admitted, std::vector<std::string>{"alpha"});
  EXPECT_TRUE(replica->log.has("of primary 'alpha'")) << replica->log.all();
  EXPECT_TRUE(primary->log.has("with replica 'chi'")) << primary->log.all();
  sink->reset();
  wait_until_gone();
  wait_for_log(*replica, "ended");
}

TEST_F(Sessions, AHostThatTheReplicaDoesNotKnowIsToldWhatToDo) {
  enrol();
  ASSERT_TRUE(replica->trust->set_peers({}));
  const auto refused = primary->connect_to(*replica);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::authentication);
  EXPECT_EQ(refused.error().text(), "replica " + replica->replication->local().text() +
                                        " does not know this host; run 'afterimage enrol join KEY' first");
  wait_for_log(*replica, "a connection is refused");
  EXPECT_TRUE(replica->gate.admitted.empty());
}

TEST_F(Sessions, AReplicaThatThisHostDoesNotKnowIsNotFound) {
  const auto refused = primary->connect_to(*replica);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::not_found);
}

TEST_F(Sessions, AReplicaThatIsDownIsUnreachable) {
  enrol();
  const std::string address = replica->replication->local().text();
  replica->stop();
  const auto refused = primary->connect_to(*replica);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unreachable);
  EXPECT_TRUE(refused.error().text().starts_with("replica " + address + " cannot be reached: "))
      << refused.error().text();
}

TEST_F(Sessions, AnotherHostAtTheReplicasAddressIsRefused) {
  enrol();
  const auto impostor = make({.name = "chi", .stores = {"default"}});
  auto row = *primary->trust->find(replica->label.id);
  row.address = impostor->replication->local().text();
  ASSERT_TRUE(primary->trust->keep(row));
  const auto refused = primary->connect_to(*replica);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::authentication);
}

TEST_F(Sessions, TheGatesReasonReachesThePrimary) {
  enrol();
  replica->gate.verdict = fail(ErrorCode::permission_denied, "admit", "host 'alpha' may not replicate here");
  const auto refused = primary->connect_to(*replica);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
  EXPECT_NE(refused.error().text().find("may not replicate here"), std::string::npos) << refused.error().text();
  EXPECT_TRUE(primary->log.has("refused: host 'alpha' may not replicate here")) << primary->log.all();
  wait_for_log(*replica, "refused: host 'alpha' may not replicate here");
}

TEST_F(Sessions, RevocationAtTheReplicaEndsTheSessionAtOnceAndSaysSo) {
  enrol();
  const auto sink = primary->connect_to(*replica);
  ASSERT_TRUE(sink);
  ASSERT_TRUE(primary->ask(**sink));
  ASSERT_TRUE(replica->revoke("alpha"));
  wait_until_gone();
  EXPECT_EQ(replica->gate.living, 0);
  wait_for_log(*replica, "revoked");
  const auto after = primary->run((*sink)->begin(primary->scope, {}));
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, ErrorCode::authentication) << after.error().text();
  const auto again = primary->connect_to(*replica);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::authentication);
}

TEST_F(Sessions, ALaneIsASessionsOfTheVeryPeerAndARevocationEndsThemAll) {
  const auto wide = make({.name = "wide", .lanes = 3});
  ASSERT_TRUE(wide->join(replica->make_key()));
  auto sink = wide->connect_to(*replica);
  ASSERT_TRUE(sink);
  ASSERT_TRUE(primary->ask(**sink));
  ASSERT_TRUE(wide->run((*sink)->begin(wide->scope, {.epoch = Epoch(std::uint64_t{1})})));
  const auto connections = [&] { return replica->trust->sessions().count_of(wide->label.id); };
  for (std::uint32_t number = 0; number < 500 && connections() < 3; ++number) {
    ASSERT_TRUE(wide->run((*sink)->append(wide->scope, frame(number))));
  }
  EXPECT_EQ(connections(), 3U);
  EXPECT_EQ(replica->gate.living, 1);
  ASSERT_TRUE(replica->revoke("wide"));
  for (int turn = 0; turn < 500 && connections() != 0; ++turn) pause();
  EXPECT_EQ(connections(), 0U);
  EXPECT_TRUE(replica->log.has(" on 3 lanes")) << replica->log.all();
  const auto after = wide->run((*sink)->append(wide->scope, frame(1000)));
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, ErrorCode::authentication) << after.error().text();
  sink->reset();  // the primary's end of its connections is the sink's
  const auto dialled = [&] { return wide->trust->sessions().count_of(replica->label.id); };
  for (int turn = 0; turn < 500 && dialled() != 0; ++turn) pause();
  EXPECT_EQ(dialled(), 0U);
}

TEST_F(Sessions, RevocationAtThePrimaryEndsTheSessionToo) {
  enrol();
  const auto sink = primary->connect_to(*replica);
  ASSERT_TRUE(sink);
  ASSERT_TRUE(primary->revoke("chi"));
  wait_until_gone();
  EXPECT_EQ(replica->gate.living, 0);
  const Status after = primary->ask(**sink);
  ASSERT_FALSE(after);
  const auto again = primary->connect_to(*replica);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::authentication);
  EXPECT_NE(again.error().text().find("has been revoked on this host"), std::string::npos);
}

TEST_F(Sessions, AnotherPermissionEndsTheSessionAtOnceAndTheNextOneHasIt) {
  const auto large = make({.name = "large", .stores = {"fast", "slow"}});
  ASSERT_TRUE(primary->join(large->make_key(std::chrono::hours(1), "slow")));
  const auto sink = primary->connect_to(*large);
  ASSERT_TRUE(sink);
  ASSERT_TRUE(primary->ask(**sink));
  ASSERT_TRUE(primary->join(large->make_key(std::chrono::hours(1), "slow"))) << "the same permission";
  EXPECT_EQ(large->gate.living, 1);
  ASSERT_TRUE(primary->join(large->make_key(std::chrono::hours(1), "fast")));
  for (int turn = 0; turn < 500 && large->gate.living != 0; ++turn) pause();
  EXPECT_EQ(large->gate.living, 0);
  const Status after = primary->ask(**sink);
  ASSERT_FALSE(after);
  EXPECT_NE(after.error().text().find("has changed"), std::string::npos) << after.error().text();
  EXPECT_TRUE(primary->connect_to(*large));
}

TEST_F(Sessions, ASessionEndsWithTheCertificateOfItsPeer) {
  enrol();
  const auto sink = primary->connect_to(*replica);
  ASSERT_TRUE(sink);
  clock.time = primary->trust->identity().certificate.not_after();
  replica->trust->review();
  wait_until_gone();
  EXPECT_EQ(replica->gate.living, 0);
  wait_for_log(*replica, "expired");
}

TEST_F(Sessions, ACertificateThatHasEndedIsTheReasonThatIsGiven) {
  enrol();
  clock.time = replica->trust->identity().certificate.not_after();
  const auto refused = primary->connect_to(*replica);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::authentication);
  EXPECT_NE(refused.error().text().find("expired"), std::string::npos) << refused.error().text();
}

TEST_F(Sessions, AnIdentityOfAnotherHostIsNotTakenOver) {
  auto texts = tls::create_pki({.id = primary->label.id, .name = "chi"}, clock.time);
  ASSERT_TRUE(texts);
  auto identity = tls::load_identity(texts->host_key, texts->host_certificate, texts->authority_certificate);
  ASSERT_TRUE(identity);
  const Status refused = replica->trust->set_identity(std::move(*identity));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
}

TEST_F(Sessions, WhoSaysNothingIsSentAwayAndHoldsNobodyUp) {
  const auto hasty = make({.name = "hasty",
                           .stores = {"default"},
                           .handshake_timeout = std::chrono::milliseconds(200),
                           .newcomers = {.of_all = 2, .of_one_source = 2}});
  ASSERT_TRUE(primary->join(hasty->make_key()));
  std::vector<std::unique_ptr<io::Stream>> silent;
  for (int i = 0; i < 3; ++i) {
    auto stream = primary->run(primary->platform.network.connect(primary->scope, hasty->replication->local()));
    ASSERT_TRUE(stream);
    silent.push_back(std::move(*stream));
  }
  wait_for_log(*hasty, "too many connections are not authenticated yet");
  wait_for_log(*hasty, "was not finished within");
  const auto sink = primary->connect_to(*hasty);
  EXPECT_TRUE(sink) << sink.error().text();
}

TEST_F(Sessions, AReplicaThatStopsTellsItsPrimaries) {
  enrol();
  const auto sink = primary->connect_to(*replica);
  ASSERT_TRUE(sink);
  replica->stop();
  const Status after = primary->ask(**sink);
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, ErrorCode::unreachable);
  EXPECT_NE(after.error().text().find("stopping"), std::string::npos) << after.error().text();
}

}  // namespace
}  // namespace afterimage::daemon
