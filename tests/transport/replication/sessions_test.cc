// SPDX-License-Identifier: Apache-2.0
// Sessions that go well, are refused, fenced, bounded, left and stopped: both sides over simulated streams.
#include <gtest/gtest.h>

#include "tests/transport/replication/session_fixture.h"

namespace afterimage::replication {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

MachineDescription another_machine() {
  MachineDescription machine = samples::machine();
  machine.id = MachineId{{std::byte{0x77}}};
  machine.name = "web2";
  return machine;
}

TEST(Session, CyclesBecomePointsAtTheReplica) {
  SessionWorld w;
  auto sink = w.opened();
  EXPECT_EQ(sink->replica_name(), "beta");
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    const auto receipt = w.run(ship_cycle(w.primary->scope, *sink, sequence, 40, 50'000));
    ASSERT_TRUE(receipt.has_value()) << receipt.error().text();
    EXPECT_EQ(receipt->sequence, Sequence(sequence));
    EXPECT_EQ(receipt->digest, samples::digest(static_cast<std::uint8_t>(sequence)));
  }
  EXPECT_EQ(w.gate.machines.at(samples::machine().id).frames_ever, 200U);
}

TEST(Session, BothSidesCountTheSameBytes) {
  SessionWorld w;
  auto sink = w.opened();
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 10, 200'000)).has_value());
  ASSERT_EQ(w.table.list().size(), 1U);
  const TrafficCounters served = w.table.list().front().traffic;
  EXPECT_EQ(sink->traffic().bytes_sent, served.bytes_received);
  EXPECT_EQ(sink->traffic().bytes_received, served.bytes_sent);
  EXPECT_EQ(w.world.bytes_carried(w.primary_node, w.replica_node), ByteCount(served.bytes_received));
  EXPECT_GT(served.bytes_received, 2'000'000U);
  EXPECT_LT(served.bytes_received, 2'012'000U);
  EXPECT_EQ(w.traffic->bytes_sent, served.bytes_received);
}

TEST(Session, ASinkThatIsDroppedSaysByeAndLeavesNothingBehind) {
  SessionWorld w;
  auto sink = w.opened();
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 3, 100)).has_value());
  sink.reset();
  w.pass(seconds(1));
  EXPECT_EQ(w.primary->tasks.size(), 0U);
  ASSERT_EQ(w.ends.size(), 1U);
  EXPECT_EQ(w.ends.front().kind, SessionEndKind::completed);
  EXPECT_EQ(w.gate.sinks, 0U);
  EXPECT_TRUE(w.table.list().empty());
  ASSERT_EQ(w.replica_notes.notes.size(), 2U);
  EXPECT_EQ(w.replica_notes.notes[0].kind, SessionNoteKind::admitted);
  EXPECT_EQ(w.replica_notes.notes[1].kind, SessionNoteKind::ended);
  EXPECT_GE(w.replica_notes.notes[1].frame_bytes, 300U);
  EXPECT_LT(w.replica_notes.notes[1].frame_bytes, 1000U);
  ASSERT_EQ(w.primary_notes.notes.size(), 2U);
  EXPECT_EQ(w.primary_notes.notes[1].reason.code, ErrorCode::end_of_data);
  EXPECT_EQ(w.primary_notes.notes[1].session, w.replica_notes.notes[1].session);
}

TEST(Session, FramesSentBeforeTheByeAreTaken) {
  SessionWorld w;
  w.gate.append_takes = std::chrono::milliseconds(100);
  auto sink = w.opened();
  ASSERT_TRUE(w.run(sink->begin(w.primary->scope, {.epoch = Epoch(std::uint64_t{2})})).has_value());
  for (std::uint32_t number = 0; number < 10; ++number) {
    const Bytes frame = numbered_frame(number, 1000);
    ASSERT_TRUE(w.run(sink->append(w.primary->scope, frame)).has_value());
  }
  sink.reset();
  w.pass(seconds(5));
  EXPECT_EQ(w.gate.machines.at(samples::machine().id).frames, 10U);
  EXPECT_EQ(w.ends.front().kind, SessionEndKind::completed);
}

TEST(Session, ARefusalReachesTheCallerAndBothLogs) {
  SessionWorld w;
  w.gate.refusal = Error{.code = ErrorCode::permission_denied, .detail = "host 'alpha' was revoked on 'beta'"};
  const auto sink = w.run(w.connect(*w.primary));
  ASSERT_FALSE(sink.has_value());
  EXPECT_EQ(sink.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(sink.error().text(), "host 'alpha' was revoked on 'beta'");
  w.pass(seconds(5));
  for (const NoteBook* book : {&w.primary_notes, &w.replica_notes}) {
    ASSERT_EQ(book->notes.size(), 1U);
    EXPECT_EQ(book->notes.front().kind, SessionNoteKind::refused);
    EXPECT_EQ(book->notes.front().reason.text(), "host 'alpha' was revoked on 'beta'");
  }
  EXPECT_EQ(w.primary_notes.notes.front().session, w.replica_notes.notes.front().session);
  EXPECT_EQ(w.ends.front().kind, SessionEndKind::refused);
  EXPECT_EQ(w.primary->tasks.size(), 0U);
}

TEST(Session, AnotherVersionIsRefusedOnBothSides) {
  SessionWorld w;
  w.primary_versions = {.min = 3, .max = 4};
  const auto sink = w.run(w.connect(*w.primary));
  ASSERT_FALSE(sink.has_value());
  EXPECT_EQ(sink.error().code, ErrorCode::unsupported);
  EXPECT_NE(sink.error().text().find("version 3 to 4"), std::string::npos) << sink.error().text();
  w.pass(seconds(5));
  EXPECT_EQ(w.replica_notes.notes.front().reason.code, ErrorCode::unsupported);
  EXPECT_EQ(w.replica_notes.notes.front().session, w.primary_notes.notes.front().session);
}

TEST(Session, APeerHasABoundOfSessionsAndOthersAreNotHurt) {
  SessionWorld w;
  std::vector<std::unique_ptr<RemoteSink>> sinks;
  for (std::size_t i = 0; i < limits::sessions_per_peer_max; ++i) sinks.push_back(w.connected());
  const auto one_more = w.run(w.connect(*w.primary));
  ASSERT_FALSE(one_more.has_value());
  EXPECT_EQ(one_more.error().code, ErrorCode::busy);
  EXPECT_NE(w.connected(*w.other), nullptr);
  sinks.pop_back();
  w.pass(seconds(3));
  EXPECT_NE(w.connected(), nullptr);
}

TEST(Session, ASecondOpenFencesTheFirstSession) {
  SessionWorld w;
  auto first = w.opened();
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *first, 1, 3, 100)).has_value());
  auto second = w.opened(*w.other);
  for (int i = 0; i < 3; ++i) {
    const auto receipt = w.run(ship_cycle(w.primary->scope, *first, 2, 3, 100));
    ASSERT_FALSE(receipt.has_value());
    EXPECT_EQ(receipt.error().code, ErrorCode::conflict);
    EXPECT_EQ(receipt.error().text(), "another session has opened 'web1'");
  }
  EXPECT_TRUE(w.run(ship_cycle(w.other->scope, *second, 2, 3, 100)).has_value());
  w.pass(seconds(3));
  EXPECT_EQ(w.replica_notes.find(SessionNoteKind::ended)->reason.code, ErrorCode::conflict);
}

TEST(Session, AStuckSessionHurtsNoOther) {
  SessionWorld w;
  io::Event never;
  auto stuck = w.opened();
  ASSERT_TRUE(w.run(stuck->begin(w.primary->scope, {.epoch = Epoch(std::uint64_t{2})})).has_value());
  w.gate.append_waits_for = &never;
  ASSERT_TRUE(w.run(stuck->append(w.primary->scope, numbered_frame(0, 1000))).has_value());
  w.pass(seconds(1));
  w.gate.append_waits_for = nullptr;  // the first frame goes on waiting
  auto sink = w.opened(*w.other, another_machine());
  EXPECT_TRUE(w.run(ship_cycle(w.other->scope, *sink, 1, 50, 100'000)).has_value());
  EXPECT_EQ(w.gate.machines.at(samples::machine().id).frames, 0U);
}

io::Task<Status> append_forever(io::Scope& scope, PointSink& sink, std::uint64_t& appended) {
  AFI_CO_TRY(const Need need, sink.begin(scope, {.epoch = Epoch(std::uint64_t{2})}));
  for (std::uint32_t number = need.first_frame;; ++number) {
    const Bytes frame = numbered_frame(number, 250'000);
    AFI_CO_TRY_STATUS(sink.append(scope, frame));
    ++appended;
  }
}
io::Task<void> keep_status(io::Task<Status> task, std::optional<Status>& out) { out = co_await task; }

TEST(Session, AFullWindowMakesThePrimaryWaitAndBoundsTheReplica) {
  SessionWorld w;
  w.window_bytes = std::uint64_t{2} << 20;
  io::Event opens;
  w.gate.append_waits_for = &opens;
  auto sink = w.opened();
  std::uint64_t appended = 0;
  std::optional<Status> end;
  w.primary->tasks.spawn(keep_status(append_forever(w.primary->scope, *sink, appended), end));
  w.pass(seconds(60));
  EXPECT_EQ(appended, w.window_bytes / 250'000);
  EXPECT_FALSE(end.has_value());
  opens.set();
  w.pass(std::chrono::milliseconds(10));
  EXPECT_GT(appended, 2 * w.window_bytes / 250'000);
  w.primary->scope.cancel();
  w.pass(seconds(5));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->error().code, ErrorCode::cancelled);
}

TEST(Session, TheReplicasReasonReachesAPrimaryThatIsSending) {
  SessionWorld w;
  w.gate.append_error = Error{.code = ErrorCode::no_space, .detail = "store 'default' is full"};
  w.gate.append_error_at = 20;
  auto sink = w.opened();
  const auto receipt = w.run(ship_cycle(w.primary->scope, *sink, 1, 400, 250'000));
  ASSERT_FALSE(receipt.has_value());
  EXPECT_EQ(receipt.error().code, ErrorCode::no_space);
  EXPECT_EQ(receipt.error().text(), "store 'default' is full");
  w.pass(seconds(5));
  EXPECT_EQ(w.primary_notes.find(SessionNoteKind::ended)->reason.code, ErrorCode::no_space);
  EXPECT_EQ(w.replica_notes.find(SessionNoteKind::ended)->reason.code, ErrorCode::no_space);
}

TEST(Session, HashesAreAskedForAndAFailedQuestionIsNoEnd) {
  SessionWorld w;
  auto sink = w.opened();
  const auto hashes = w.run(sink->block_hashes(w.primary->scope, samples::disk, samples::extent(9, 32 * 1024)));
  ASSERT_TRUE(hashes.has_value());
  EXPECT_EQ(hashes->size(), 32U * 1024);
  EXPECT_EQ(hashes->back().value, 9U);
  const auto none = w.run(sink->block_hashes(w.primary->scope, DiskId{{std::byte{9}}}, samples::extent(0, 1)));
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
  const auto too_many = w.run(
      sink->block_hashes(w.primary->scope, samples::disk, samples::extent(0, PointSink::hashes_per_request_max + 1)));
  EXPECT_EQ(too_many.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 3, 100)).has_value());
}

TEST(Session, AMachineIsRemoved) {
  SessionWorld w;
  auto sink = w.opened();
  EXPECT_TRUE(w.run(sink->remove_machine(w.primary->scope)).has_value());
  EXPECT_TRUE(w.gate.machines.empty());
  EXPECT_EQ(w.run(sink->begin(w.primary->scope, {})).error().code, ErrorCode::refused);
}

TEST(Session, ACallOutOfOrderIsRefusedAndChangesNothing) {
  SessionWorld w;
  auto sink = w.connected();
  EXPECT_EQ(w.run(sink->begin(w.primary->scope, {})).error().code, ErrorCode::refused);
  EXPECT_TRUE(w.run(sink->open(w.primary->scope, samples::machine(), SeedBy::network)).has_value());
  EXPECT_EQ(w.run(sink->append(w.primary->scope, samples::frame())).error().code, ErrorCode::refused);
  EXPECT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 3, 100)).has_value());
}

TEST(Session, AReplicaThatStopsSaysSo) {
  SessionWorld w;
  auto sink = w.opened();
  w.replica->scope.cancel();
  w.pass(seconds(3));
  const auto need = w.run(sink->begin(w.primary->scope, {}));
  ASSERT_FALSE(need.has_value());
  EXPECT_EQ(need.error().code, ErrorCode::unreachable);
  EXPECT_EQ(need.error().text(), "the replica is stopping");
  EXPECT_EQ(w.replica->tasks.size(), 0U);
  EXPECT_EQ(w.gate.sinks, 0U);
}

TEST(Session, ARevocationEndsTheSessionsOfThatPeerAlone) {
  SessionWorld w;
  auto revoked = w.opened();
  auto kept = w.opened(*w.other, another_machine());
  const HostId alpha{{std::byte{1}}};
  const Error reason{.code = ErrorCode::permission_denied, .detail = "host 'alpha' was revoked"};
  int stopped = 0;
  for (const SessionFacts& session : w.table.list()) {
    if (w.table.stop_session(alpha, session.address, reason)) ++stopped;
  }
  EXPECT_EQ(stopped, 1);
  w.pass(seconds(3));
  const auto need = w.run(revoked->begin(w.primary->scope, {}));
  EXPECT_EQ(need.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(need.error().text(), "host 'alpha' was revoked");
  EXPECT_TRUE(w.run(ship_cycle(w.other->scope, *kept, 1, 3, 100)).has_value());
}

TEST(Session, AnIdleSessionLivesForHours) {
  SessionWorld w;
  auto sink = w.opened();
  w.pass(std::chrono::hours(5));
  EXPECT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 3, 100)).has_value());
}

TEST(Session, ALongCommitIsKeptAliveByHeartbeats) {
  SessionWorld w;
  auto sink = w.opened();
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 3, 100)).has_value());
  w.gate.commit_takes = minutes(4);
  EXPECT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 2, 3, 100)).has_value());
  w.gate.commit_takes = minutes(6);
  const auto receipt = w.run(ship_cycle(w.primary->scope, *sink, 3, 3, 100));
  ASSERT_FALSE(receipt.has_value());
  EXPECT_EQ(receipt.error().code, ErrorCode::timed_out);
}

TEST(Session, AFirstPointMayTakeHoursToProveIfTheProofMovesAndIsGivenUpWhenItIsStuck) {
  SessionWorld w;
  auto sink = w.opened();
  io::Event never;
  w.gate.steps = 0;
  w.gate.commit_waits_for = &never;
  w.gate.commit_is_deaf = true;  // as one that waits for a disk
  std::optional<Result<Receipt>> receipt;
  const auto ship = [](SessionWorld& in, PointSink& to, std::optional<Result<Receipt>>& out) -> io::Task<void> {
    auto shipping = ship_cycle(in.primary->scope, to, 1, 3, 100);
    out.emplace(co_await shipping);
  };
  w.primary->tasks.spawn(ship(w, *sink, receipt));
  for (int hour = 0; hour < 5; ++hour) {
    for (int part = 0; part < 3; ++part) {
      w.pass(minutes(20));
      ++*w.gate.steps;
    }
  }
  ASSERT_FALSE(receipt.has_value()) << receipt->error().text();
  const io::Operation* waiting = w.primary->scope.oldest_on_peer();
  ASSERT_NE(waiting, nullptr);
  EXPECT_STREQ(waiting->name, "wait for the acknowledgement of point 1");
  EXPECT_EQ(waiting->peer_name, "beta");
  EXPECT_EQ(waiting->pace, io::Pace::slow);
  w.pass(minutes(31));
  ASSERT_TRUE(receipt.has_value());
  ASSERT_FALSE(receipt->has_value());
  EXPECT_EQ(receipt->error().code, ErrorCode::timed_out);
  EXPECT_NE(receipt->error().text().find("the replica is stuck in 'commit'"), std::string::npos)
      << receipt->error().text();
  EXPECT_EQ(w.primary->scope.oldest_on_peer(), nullptr);
  EXPECT_NE(w.replica_notes.find(SessionNoteKind::ended), nullptr);  // though its sink is stuck
  EXPECT_EQ(w.gate.sinks, 1U);
  never.set();
  w.pass(minutes(1));
  EXPECT_EQ(w.gate.sinks, 0U);
  EXPECT_EQ(w.ends.size(), 1U);
}

TEST(Session, ASlowLinkIsNotTakenForADeadPeer) {
  SessionWorld w;
  auto sink = w.opened();
  w.world.set_bandwidth(w.primary_node, w.replica_node, ByteCount(std::uint64_t{10'000}));
  const auto receipt = w.run(ship_cycle(w.primary->scope, *sink, 1, 6, 250'000));  // 25 s for each frame
  EXPECT_TRUE(receipt.has_value()) << receipt.error().text();
}

}  // namespace
}  // namespace afterimage::replication
