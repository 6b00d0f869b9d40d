// SPDX-License-Identifier: Apache-2.0
// The small parts: the log's lines, places, attempts, rows of peers, the command line, the certificate's end.
#include <deque>

#include <gtest/gtest.h>

#include "io/posix/platform.h"
#include "tests/transport/tls/forge.h"
#include "tools/afterimaged/attempt_limiter.h"
#include "tools/afterimaged/certificate_health.h"
#include "tools/afterimaged/log.h"
#include "tools/afterimaged/logged_commands.h"
#include "tools/afterimaged/logged_sessions.h"
#include "tools/afterimaged/newcomers.h"
#include "tools/afterimaged/options.h"
#include "tools/afterimaged/peer_rows.h"
#include "tools/afterimaged/places.h"
#include "tools/afterimaged/refusal_log.h"
#include "tools/afterimaged/window_budget.h"

namespace afterimage::daemon {
namespace {

using catalogue::PeerRole;
using catalogue::PeerState;
using tls::forge::day;
using tls::forge::noon;

TEST(DaemonLog, TheJournalGetsAPriority) {
  EXPECT_EQ(journal_line(Severity::error, "no"), "<3>no");
  EXPECT_EQ(journal_line(Severity::warning, "hm"), "<4>hm");
  EXPECT_EQ(journal_line(Severity::info, "a\nb"), "<6>a\\x0ab");
}

TEST(Places, OneSourceCannotTakeTheOthersPlaces) {
  Places places({.of_all = 3, .of_one_source = 2});
  auto first = places.take("10.0.0.1");
  auto second = places.take("10.0.0.1");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(places.take("10.0.0.1"));
  auto other = places.take("10.0.0.2");
  EXPECT_TRUE(other);
  EXPECT_FALSE(places.take("10.0.0.3"));
  second.reset();
  EXPECT_TRUE(places.take("10.0.0.3"));
  EXPECT_EQ(places.taken(), 2U);
}

TEST(Places, ConnectionsCountUnderTheirAddressWithoutPort) {
  EXPECT_EQ(source_of("10.0.0.1:41000"), "10.0.0.1");
  EXPECT_EQ(source_of("[2001:db8::1]:41000"), "[2001:db8::1]");
  EXPECT_EQ(source_of("[2001:db8::1]"), "[2001:db8::1]");
}

class NewcomersOfAPort : public testing::Test {
 protected:
  NewcomersOfAPort() {
    auto made = io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1});
    AFI_CHECK(made.has_value());
    posix = std::move(*made);
    parent = std::make_unique<io::Scope>(posix->reactor());
  }
  Newcomers::Newcomer& arrive(std::string source) {
    return arrived.emplace_back(newcomers, *parent, std::move(source));
  }
  std::unique_ptr<io::posix::PosixPlatform> posix;
  std::unique_ptr<io::Scope> parent;
  Newcomers newcomers{{.of_all = 3, .of_one_source = 2}};
  std::deque<Newcomers::Newcomer> arrived;
};

TEST_F(NewcomersOfAPort, TheOldestOfAFullSourceGivesWay) {
  auto& other = arrive("10.0.0.2");
  auto& first = arrive("10.0.0.1");
  arrive("10.0.0.1");
  auto& third = arrive("10.0.0.1");
  EXPECT_TRUE(first.gave_way());
  EXPECT_TRUE(first.scope().is_interrupted());
  EXPECT_TRUE(third.is_admitted() && !third.gave_way() && !other.gave_way());
  EXPECT_EQ(newcomers.waiting(), 3U);
}

TEST_F(NewcomersOfAPort, TheGreediestSourceMakesRoomForOthers) {
  auto& lonely = arrive("10.0.0.1");
  auto& greedy = arrive("10.0.0.2");
  arrive("10.0.0.2");
  EXPECT_TRUE(arrive("10.0.0.3").is_admitted());
  EXPECT_TRUE(greedy.gave_way());
  EXPECT_FALSE(lonely.gave_way());
  EXPECT_TRUE(arrive("10.0.0.4").is_admitted());
  EXPECT_TRUE(lonely.gave_way()) << "all have one: the oldest";
}

TEST_F(NewcomersOfAPort, WhoHasProvenItselfGivesWayToNobody) {
  auto& proven = arrive("10.0.0.1");
  proven.leave();
  for (int i = 0; i < 5; ++i) arrive("10.0.0.1");
  EXPECT_FALSE(proven.gave_way());
  EXPECT_FALSE(proven.scope().is_interrupted());
}

TEST_F(NewcomersOfAPort, ThoseThatGiveWayAreBoundedToo) {
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(arrive("10.0.0." + std::to_string(i)).is_admitted());
  EXPECT_FALSE(arrive("10.0.0.9").is_admitted()) << "three wait, and three have not gone yet";
  arrived.pop_front();
  EXPECT_TRUE(arrive("10.0.0.9").is_admitted());
}

TEST(AttemptLimiter, OneAddressIsHeldBackAndAnotherIsNot) {
  AttemptLimiter limiter({.window = std::chrono::seconds(60), .of_one_source = 2, .of_all = 3});
  const MonotonicTime start{1'000'000'000};
  EXPECT_TRUE(limiter.admit("a", start));
  EXPECT_TRUE(limiter.admit("a", start));
  EXPECT_FALSE(limiter.admit("a", start));
  EXPECT_TRUE(limiter.admit("b", start));
  EXPECT_FALSE(limiter.admit("c", start)) << "all together are bounded, too";
  EXPECT_TRUE(limiter.admit("c", start + std::chrono::seconds(60)));
}

TEST(WindowBudget, AFewSessionsGetAllAndManyStayWithinTheBudget) {
  WindowBudget budget;
  std::deque<WindowBudget::Window> windows;
  std::uint64_t sum = 0;
  for (int i = 0; i < 100; ++i) sum += windows.emplace_back(budget).bytes();
  EXPECT_EQ(windows.front().bytes(), limits::session_window_bytes);
  EXPECT_EQ(windows.back().bytes(), WindowBudget::window_bytes_min);
  EXPECT_LE(sum, 2 * WindowBudget::budget_bytes);
  windows.clear();
  EXPECT_EQ(WindowBudget::Window(budget).bytes(), limits::session_window_bytes);
}

class Knocking : public testing::Test, public Log {
 protected:
  void write(Severity, std::string_view text) override { lines.emplace_back(text); }
  std::vector<std::string> lines;
};

TEST_F(Knocking, FillsNoLog) {
  const auto posix = io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1});
  ASSERT_TRUE(posix);
  RefusalLog refusals((*posix)->reactor(), *this, {.of_one_source = 2, .of_all = 10});
  for (int i = 0; i < 50; ++i) refusals.note("10.0.0.1:" + std::to_string(4000 + i), "refused");
  EXPECT_EQ(lines.size(), 3U);
  EXPECT_NE(lines.back().find("more connections are refused than are logged"), std::string::npos);
  refusals.note("10.0.0.2:4000", "refused");
  EXPECT_EQ(lines.back(), "refused") << "others are still told of";
}

// As of a host that is enrolled: it comes through TLS each time, and is refused behind it.
TEST_F(Knocking, OfAnEnrolledHostFillsNoLog) {
  const auto posix = io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1});
  ASSERT_TRUE(posix);
  LoggedSessions sessions((*posix)->reactor(), *this, PeerSide::primary);
  replication::SessionNote note;
  note.kind = replication::SessionNoteKind::refused;
  note.peer = "alpha";
  for (int i = 0; i < 500; ++i) {
    note.address = "10.0.0.1:" + std::to_string(4000 + i);
    sessions.note(note);
  }
  EXPECT_LT(lines.size(), 30U);
  EXPECT_NE(lines.back().find("more connections are refused than are logged"), std::string::npos);
}

class PeerRows : public testing::Test {
 protected:
  [[nodiscard]] PeerChange joins(PeerRole role, tls::EnrolmentKind kind = tls::EnrolmentKind::first) const {
    return {.anchor = host.anchor(), .name = "alpha", .role = role, .address = {}, .kind = kind, .now = noon};
  }
  tls::forge::Host host = tls::forge::make_host(1, "alpha");
};

TEST_F(PeerRows, ARootOfAnotherKeyNeverReplacesTheOneAHostCameWith) {
  auto row = merge_peer(nullptr, joins(PeerRole::primary));
  ASSERT_TRUE(row);
  const tls::forge::Host impostor = tls::forge::make_host(1, "alpha");
  PeerChange change = joins(PeerRole::primary);
  change.anchor = impostor.anchor();
  auto refused = merge_peer(&*row, change);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  row->state = PeerState::revoked;
  EXPECT_FALSE(merge_peer(&*row, change)) << "not even of a host that was revoked";
}

TEST_F(PeerRows, ARevokedHostComesBackWithANewKeyOnly) {
  auto row = merge_peer(nullptr, joins(PeerRole::primary));
  ASSERT_TRUE(row);
  row->state = PeerState::revoked;
  const auto repeated = merge_peer(&*row, joins(PeerRole::primary, tls::EnrolmentKind::repeated));
  ASSERT_FALSE(repeated);
  EXPECT_EQ(repeated.error().code, ErrorCode::authentication);
  const auto again = merge_peer(&*row, joins(PeerRole::primary));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->state, PeerState::trusted);
}

TEST_F(PeerRows, AHostThatJoinsTheOtherWayRoundHasBothRoles) {
  auto row = merge_peer(nullptr, joins(PeerRole::primary));
  ASSERT_TRUE(row);
  PeerChange change = joins(PeerRole::replica);
  change.address = "chi.example:8084";
  change.now = noon + day;
  auto both = merge_peer(&*row, change);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->role, PeerRole::both);
  EXPECT_EQ(both->joined, noon);
  const auto later = merge_peer(&*both, joins(PeerRole::primary));
  ASSERT_TRUE(later);
  EXPECT_EQ(later->role, PeerRole::both);
  EXPECT_EQ(later->address, "chi.example:8084");
  EXPECT_EQ(info_of(*later).role, "both");
}

class CertificateHealth : public testing::Test {
 protected:
  [[nodiscard]] host::HostInfo at(Duration before_end, host::Renewal renewal, const std::string& trouble = {}) const {
    return judge_host(alpha.identity(), renewal, trouble, alpha.certificate.not_after() + -before_end);
  }
  [[nodiscard]] host::PeerInfo peer_at(Duration before_end) const {
    host::PeerInfo peer{.id = alpha.label.id, .name = "alpha"};
    const WallTime ends = alpha.certificate.not_after();
    judge_peer(peer, &alpha.authority.certificate(),
               SeenCertificate{.not_before = alpha.certificate.not_before(), .not_after = ends, .seen = noon},
               ends + -before_end);
    return peer;
  }
  static void expect(host::Health health, std::string_view words, const auto& info) {
    EXPECT_EQ(info.health, health);
    ASSERT_EQ(info.reasons.size(), words.empty() ? 0U : 1U);
    if (!words.empty()) {
      EXPECT_NE(info.reasons[0].find(words), std::string::npos) << info.reasons[0];
    }
  }
  tls::forge::Host alpha = tls::forge::make_host(1, "alpha");
};

TEST_F(CertificateHealth, AnOperatorIsToldAMonthBeforeTheEnd) {
  using host::Renewal;
  expect(host::Health::normal, "", at(31 * day, Renewal::by_operator));
  expect(host::Health::warning, "ends in 20 days", at(20 * day, Renewal::by_operator));
  expect(host::Health::critical, "ends in 2 days", at(2 * day, Renewal::by_operator));
  expect(host::Health::critical, "expired at", at(-day, Renewal::by_operator));
  EXPECT_EQ(at(-day / 2, Renewal::by_operator).certificate.left_days, -1);
  EXPECT_NE(at(20 * day, Renewal::by_operator).reasons[0].find("put a new host.key and host.crt"), std::string::npos);
}

TEST_F(CertificateHealth, WhatRenewsItselfIsNoWarningUntilThatHasFailed) {
  using host::Renewal;
  expect(host::Health::normal, "", at(20 * day, Renewal::automatic));
  expect(host::Health::warning, "renewing it failed: the disk is full",
         at(20 * day, Renewal::automatic, "the disk is full"));
  expect(host::Health::warning, "cannot be renewed: x", at(80 * day, Renewal::automatic, "x"));
  expect(host::Health::critical, "ends in 2 days", at(2 * day, Renewal::automatic));
}

TEST_F(CertificateHealth, ACertificateOfTheFutureIsAClockThatIsWrong) {
  const auto info = judge_host(alpha.identity(), host::Renewal::by_operator, "", alpha.certificate.not_before() + -day);
  EXPECT_EQ(info.health, host::Health::critical);
  EXPECT_NE(info.reasons[0].find("check the clock"), std::string::npos) << info.reasons[0];
}

TEST_F(CertificateHealth, ARootIsToldLongBefore) {
  const WallTime ends = alpha.authority.certificate().not_after();
  tls::Identity identity = alpha.identity();
  const auto leaf = alpha.authority.issue(alpha.key, {.host = alpha.label, .now = ends + -91 * day});
  ASSERT_TRUE(leaf);
  identity.certificate = *leaf;
  const auto info = judge_host(identity, host::Renewal::automatic, "", ends + -90 * day);
  expect(host::Health::warning, "the authority of this host ends in 90 days", info);
  EXPECT_EQ(judge_host(identity, host::Renewal::automatic, "", ends + -20 * day).health, host::Health::critical);
}

TEST_F(CertificateHealth, ShortCertificatesAreNoAlarmByThemselves) {
  const auto leaf =
      alpha.authority.issue(alpha.key, {.host = alpha.label, .now = noon, .life = std::chrono::hours(24)});
  ASSERT_TRUE(leaf);
  tls::Identity identity = alpha.identity_with(*leaf);
  expect(host::Health::normal, "", judge_host(identity, host::Renewal::by_operator, "", noon + std::chrono::hours(12)));
  expect(host::Health::warning, "ends in 0 days",
         judge_host(identity, host::Renewal::by_operator, "", noon + std::chrono::hours(18)));
}

TEST_F(CertificateHealth, OfAPeerIsWhatItShowedLast) {
  expect(host::Health::normal, "", peer_at(15 * day));
  expect(host::Health::warning, "ends in 13 days", peer_at(13 * day + day / 2));
  expect(host::Health::critical, "ends in 1 day (", peer_at(day + day / 2));
  EXPECT_EQ(peer_at(15 * day).certificate->left_days, 15);
  EXPECT_EQ(peer_at(15 * day).last_seen, noon);
}

TEST_F(CertificateHealth, AMachineIsNoHealthierThanItsHosts) {
  std::vector<host::MachineStatus> machines(2);
  machines[0].peer_id = alpha.label.id;
  const std::vector<host::PeerInfo> peers = {peer_at(2 * day)};
  judge_machines(machines, at(31 * day, host::Renewal::by_operator), peers);
  expect(host::Health::critical, "that host 'alpha' showed", machines[0]);
  expect(host::Health::normal, "", machines[1]);
  judge_machines(machines, at(20 * day, host::Renewal::by_operator), {});
  expect(host::Health::warning, "the certificate of this host", machines[1]);
}

TEST(DaemonOptions, AConfigurationIsNeeded) {
  const auto options = parse_options({});
  ASSERT_FALSE(options);
  EXPECT_EQ(exit_status_of(options.error()), ExitStatus::usage);
}

TEST(DaemonOptions, HelpAndVersionArePrinted) {
  const auto help = parse_options({"--help"});
  ASSERT_TRUE(help);
  EXPECT_EQ(help->action, Action::print);
  EXPECT_NE(help->text.find("--check-config"), std::string::npos);
  const auto version = parse_options({"--version"});
  ASSERT_TRUE(version);
  EXPECT_TRUE(version->text.starts_with("afterimaged "));
}

TEST(DaemonOptions, UnknownWordsAreUsageErrors) {
  const std::vector<std::vector<std::string>> wrong = {{"--config"}, {"--confg", "a"}, {"run", "--config", "a"}};
  for (const auto& words : wrong) {
    const auto options = parse_options(words);
    ASSERT_FALSE(options);
    EXPECT_EQ(exit_status_of(options.error()), ExitStatus::usage);
  }
}

TEST(DaemonOptions, TheConfigurationsPathBecomesAbsolute) {
  const auto options = parse_options({"--config", "/a/./b.toml", "--check-config"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->config, "/a/b.toml");
  EXPECT_EQ(options->action, Action::check_config);
}

TEST(LoggedCommands, TheEndOfAJobIsTold) {
  host::JobInfo job{.id = 7, .kind = "sync", .machine = "web1", .state = host::JobState::done};
  job.result = host::SyncResult{.machine = "web1", .sequence = Sequence(std::uint64_t{4})};
  EXPECT_EQ(describe_end(job), "job 7, sync of 'web1': done, point 4, 0 bytes changed, 0 sent");
  job.state = host::JobState::failed;
  job.error = Error{.code = ErrorCode::no_space, .what = "write", .detail = "the store is full"};
  EXPECT_EQ(describe_end(job), "job 7, sync of 'web1': failed: the store is full");
}

}  // namespace
}  // namespace afterimage::daemon
