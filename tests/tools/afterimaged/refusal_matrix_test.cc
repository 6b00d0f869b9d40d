// SPDX-License-Identifier: Apache-2.0
// Everything that must not get in, at every door where it can knock: both ports of a replica, the primary that dials,
// and two daemons with each other. Each case names the error, what the log of the host that refuses says, and what the
// other side is told.
#include <algorithm>
#include <ostream>

#include <gtest/gtest.h>

#include "tests/tools/afterimaged/refusal_cases.h"
#include "transport/tls/pki_files.h"

namespace afterimage::daemon {
namespace {

using test::Attack;
using test::Case;
using test::Door;
using test::TestHost;
using tls::forge::RawPeer;

struct Row {
  Case what;
  Door door;
};

std::string name_of(Door door) {
  switch (door) {
    case Door::enrolled: return "TwoDaemons";
    case Door::replication: return "ReplicationPort";
    case Door::control: return "ControlPort";
    case Door::dialled: return "Dialling";
  }
  return "";
}

void PrintTo(const Row& row, std::ostream* out) { *out << row.what.name << " at " << name_of(row.door); }

std::vector<Row> rows() {
  std::vector<Row> all;
  for (const auto& cases : {test::certificate_cases(), test::protocol_cases(), test::permission_cases(),
                            test::lane_cases(), test::request_cases()}) {
    for (const Case& one : cases) {
      for (const Door door : one.doors) all.push_back({one, door});
    }
  }
  return all;
}

tls::Authority authority_of(TestHost& host) {
  const auto pki = host.run(host.platform.disk.open_directory(host.scope, host.folder));
  AFI_CHECK(pki.has_value());
  auto authority = host.run(tls::read_authority(host.scope, **pki));
  AFI_CHECK(authority.has_value());
  return *authority;
}

class RefusalMatrix : public testing::TestWithParam<Row> {
 protected:
  RefusalMatrix() {
    auto made = io::posix::PosixPlatform::create({.disk_threads = 1, .workers_max = 1});
    AFI_CHECK(made.has_value());
    posix = std::move(*made);
    const Duration timeout = GetParam().what.handshake_timeout;
    replica = std::make_unique<TestHost>(
        *posix, clock, TestHost::Options{.name = "chi", .stores = {"default"}, .handshake_timeout = timeout});
    primary =
        std::make_unique<TestHost>(*posix, clock, TestHost::Options{.name = "alpha", .handshake_timeout = timeout});
    AFI_CHECK(primary->join(replica->make_key()).has_value());
    replica_root = authority_of(*replica);
    primary_root = authority_of(*primary);
    auto unknown = tls::Authority::create({.id = tls::forge::id_of(9), .name = "stranger"}, clock.time);
    AFI_CHECK(unknown.has_value());
    stranger = std::move(*unknown);
    hosts.emplace(test::Hosts{*replica, *primary, clock, *replica_root, *primary_root, *stranger});
  }
  Attack prepare() {
    const bool answers = GetParam().door == Door::dialled;
    const TestHost& played = answers ? *replica : *primary;
    Attack attack;
    GetParam().what.prepare(
        attack,
        {.host = played.label, .root = answers ? *replica_root : *primary_root, .key = played.trust->identity().key},
        *hosts);
    return attack;
  }
  void expect_in_log(const TestHost& host, std::string_view part) {
    for (int turn = 0; turn < 300 && !host.log.has(part); ++turn)
      AFI_CHECK(primary->run(io::sleep_for(primary->scope, std::chrono::milliseconds(10))).has_value());
    EXPECT_TRUE(host.log.has(part)) << "'" << part << "' is not in\n" << host.log.all();
  }
  static void expect_told(std::string_view told, std::string_view part) {
    EXPECT_NE(told.find(part), std::string_view::npos) << "'" << part << "' is not in: " << told;
  }

  void two_daemons();
  void attack_port();
  void attack_dialler();

  std::unique_ptr<io::posix::PosixPlatform> posix;
  test::TestClock clock;
  std::unique_ptr<TestHost> replica, primary;
  std::optional<tls::Authority> replica_root, primary_root, stranger;
  std::optional<test::Hosts> hosts;
};

void RefusalMatrix::two_daemons() {
  const Case& what = GetParam().what;
  const tls::Identity good = primary->trust->identity();
  const Attack attack = prepare();
  if (attack.leaf) {
    tls::Identity shown = good;
    shown.certificate = *attack.leaf;
    AFI_CHECK(primary->trust->set_identity(shown).has_value());
  }
  auto sink = primary->connect_to(*replica);
  Status outcome = sink ? Status{} : std::unexpected(sink.error());
  if (sink && what.between) what.between(*hosts);
  if (sink) outcome = primary->ask(**sink);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, what.code) << outcome.error().text();
  if (attack.leaf || what.there == "bad certificate") {
    EXPECT_TRUE(outcome.error().text().find("does not know this host") != std::string::npos ||
                outcome.error().text().find("which expired at") != std::string::npos)
        << outcome.error().text();
    expect_in_log(*replica, "replication: a connection is refused (" + std::string(name_of(what.code)) + "): ");
  } else {
    expect_told(outcome.error().text(), what.there);
  }
  expect_in_log(*replica, what.here);
  EXPECT_TRUE(replica->gate.living == 0 || sink.has_value());
}

void RefusalMatrix::attack_port() {
  const Case& what = GetParam().what;
  const bool at_control = GetParam().door == Door::control;
  Attack attack = prepare();
  if (!attack.alpn) attack.alpn = at_control ? tls::control_alpn : tls::replication_alpn;
  const io::Endpoint place = at_control ? replica->control->local() : replica->replication->local();
  auto stream = primary->run(primary->platform.network.connect(primary->scope, place));
  ASSERT_TRUE(stream);
  const std::string told = primary->run(test::play(primary->scope, std::move(*stream), attack, RawPeer::Role::client));
  expect_told(told, what.there);
  if (attack.request.empty()) {
    expect_in_log(*replica, std::string(at_control ? "control" : "replication") + ": a connection is refused (" +
                                std::string(name_of(what.code)) + "): ");
  } else {
    expect_told(told, name_of(what.code));
  }
  expect_in_log(*replica, what.here);
  EXPECT_TRUE(replica->gate.admitted.empty());
}

io::Task<void> answer_once(io::Scope& scope, io::Listener& listener, const Attack& attack, std::string& told) {
  auto accepting = listener.accept(scope);
  auto stream = co_await accepting;
  if (!stream) co_return;
  auto playing = test::play(scope, std::move(*stream), attack, RawPeer::Role::server);
  told = co_await playing;
}

void RefusalMatrix::attack_dialler() {
  const Case& what = GetParam().what;
  const Attack attack = prepare();
  auto listener =
      primary->run(primary->platform.network.listen(primary->scope, io::Endpoint{.host = "127.0.0.1", .port = 0}));
  ASSERT_TRUE(listener);
  auto row = *primary->trust->find(replica->label.id);
  row.address = (*listener)->local().text();
  ASSERT_TRUE(primary->trust->keep(row));
  std::string told;
  io::Scope answering(posix->reactor());
  io::TaskGroup group(posix->reactor());
  group.spawn(answer_once(answering, **listener, attack, told));
  const auto refused = primary->connect_to(*replica);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, what.code) << refused.error().text();
  expect_told(refused.error().text(), what.here);
  for (int turn = 0; turn < 500 && group.size() != 0 && !what.there.empty(); ++turn)
    AFI_CHECK(primary->run(io::sleep_for(primary->scope, std::chrono::milliseconds(10))).has_value());
  answering.cancel();
  primary->run(group.join());
  expect_told(told, what.there);
  EXPECT_TRUE(replica->gate.admitted.empty());
}

TEST_P(RefusalMatrix, NeitherSideIsInDoubt) {
  switch (GetParam().door) {
    case Door::enrolled: return two_daemons();
    case Door::replication:
    case Door::control: return attack_port();
    case Door::dialled: return attack_dialler();
  }
}

INSTANTIATE_TEST_SUITE_P(All, RefusalMatrix, testing::ValuesIn(rows()), [](const testing::TestParamInfo<Row>& one) {
  return one.param.what.name + name_of(one.param.door);
});

TEST(RefusalMatrixItself, HasFortyRowsAndMoreAndEveryDoor) {
  const std::vector<Row> all = rows();
  EXPECT_GE(all.size(), 40U);
  for (const Door door : {Door::enrolled, Door::replication, Door::control, Door::dialled})
    EXPECT_GE(std::ranges::count(all, door, &Row::door), 10) << name_of(door);
}

}  // namespace
}  // namespace afterimage::daemon
