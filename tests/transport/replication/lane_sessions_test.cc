// SPDX-License-Identifier: Apache-2.0
// Sessions on several connections over simulated streams: what they carry, who may join, and cuts anywhere.
#include <gtest/gtest.h>

#include "tests/transport/replication/session_fixture.h"

namespace afterimage::replication {
namespace {

using io::sim::CutKind;
using std::chrono::seconds;

struct LaneWorld : SessionWorld {
  explicit LaneWorld(std::uint64_t seed = 1) : SessionWorld(seed) { lanes = lanes_granted = 3; }
};

TEST(Lanes, CyclesBecomePointsAtTheReplica) {
  LaneWorld w;
  auto sink = w.opened();
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    const auto receipt = w.run(ship_cycle(w.primary->scope, *sink, sequence, 40, 50'000));
    ASSERT_TRUE(receipt.has_value()) << receipt.error().text();
  }
  EXPECT_EQ(w.gate.machines.at(samples::machine().id).frames_ever, 200U);
  ASSERT_EQ(w.table.list().size(), 1U);
  const TrafficCounters served = w.table.list().front().traffic;
  EXPECT_EQ(sink->traffic().bytes_sent, served.bytes_received);
  EXPECT_EQ(sink->traffic().bytes_received, served.bytes_sent);
  sink.reset();
  w.pass(seconds(5));
  ASSERT_NE(w.primary_notes.find(SessionNoteKind::ended), nullptr);
  EXPECT_EQ(w.primary_notes.find(SessionNoteKind::ended)->lanes, 3U);
  EXPECT_EQ(w.replica_notes.find(SessionNoteKind::ended)->lanes, 3U);
  EXPECT_EQ(w.ends.size(), 3U);
  for (const SessionEnd& end : w.ends) EXPECT_EQ(end.kind, SessionEndKind::completed) << end.reason.text();
  EXPECT_EQ(w.primary->tasks.size(), 0U);
  EXPECT_EQ(w.gate.sinks, 0U);
}

TEST(Lanes, ASmallSessionHasOneConnection) {
  LaneWorld w;
  w.lanes_after_bytes = limits::MiB;
  auto sink = w.opened();
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 10, 50'000)).has_value());
  sink.reset();
  w.pass(seconds(5));
  EXPECT_EQ(w.replica_notes.find(SessionNoteKind::ended)->lanes, 1U);
  EXPECT_EQ(w.ends.size(), 1U);
}

TEST(Lanes, AReplicaGrantsNoMoreThanItWants) {
  LaneWorld w;
  w.lanes = 8;
  w.lanes_granted = 2;
  auto sink = w.opened();
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 40, 50'000)).has_value());
  sink.reset();
  w.pass(seconds(5));
  EXPECT_EQ(w.replica_notes.find(SessionNoteKind::ended)->lanes, 2U);
  EXPECT_EQ(w.replica_notes.find(SessionNoteKind::lane_refused), nullptr);
}

TEST(Lanes, APeerOfTheFirstVersionHasOneConnection) {
  for (const bool older_primary : {true, false}) {
    LaneWorld w;
    (older_primary ? w.primary_versions : w.replica_versions) = {.min = 1, .max = 1};
    auto sink = w.opened();
    ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 40, 50'000)).has_value());
    sink.reset();
    w.pass(seconds(5));
    EXPECT_EQ(w.ends.size(), 1U);
    EXPECT_EQ(w.ends.front().kind, SessionEndKind::completed);
  }
}

TEST(Lanes, ASlowSinkHoldsThemAllBackByTheOneWindow) {
  LaneWorld w;
  w.window_bytes = limits::MiB;
  w.gate.append_takes = std::chrono::milliseconds(50);
  auto sink = w.opened();
  const auto receipt = w.run(ship_cycle(w.primary->scope, *sink, 1, 60, 200'000));
  ASSERT_TRUE(receipt.has_value()) << receipt.error().text();
}

// --- Who may join.

io::Task<Result<Message>> ask_to_join(SessionWorld& w, Host& host, message::Join join,
                                      std::unique_ptr<io::Stream>& kept) {
  AFI_CO_TRY(std::unique_ptr<io::Stream> stream, w.dial(host));
  const Bytes bytes = encode(join);
  AFI_CO_TRY_STATUS(stream->write(host.scope, bytes));
  Bytes header(message_header_bytes);
  AFI_CO_TRY_STATUS(io::read_exactly(host.scope, *stream, header));
  AFI_CO_RESULT(const MessageHeader parsed, MessageHeader::parse(header));
  Bytes body(parsed.body_bytes);
  AFI_CO_TRY_STATUS(io::read_exactly(host.scope, *stream, body));
  kept = std::move(stream);
  co_return parse_message(parsed, std::move(body));
}

// A session whose primary opens no lanes itself, and a stream that asks to be one of them.
struct Joiner : LaneWorld {
  Joiner() {
    lanes = 1;
    sink = opened();
    session = primary_notes.notes.front().session;
  }
  Result<Message> ask(Host& host, message::Join join) { return run(ask_to_join(*this, host, join, stream)); }
  Result<Message> ask(std::uint8_t lane = 1) {
    return ask(*primary, {.session = session, .secret = samples::lane_secret, .lane = lane});
  }
  void expect_refused(const Result<Message>& answer, ErrorCode code) {
    ASSERT_TRUE(answer.has_value()) << answer.error().text();
    ASSERT_EQ(type_of(*answer), MessageType::refusal);
    EXPECT_EQ(std::get<message::Refusal>(*answer).code, code) << std::get<message::Refusal>(*answer).reason;
    const SessionNote* note = replica_notes.find(SessionNoteKind::lane_refused);
    ASSERT_NE(note, nullptr);
    EXPECT_EQ(note->reason.code, code);
    EXPECT_FALSE(note->session.is_none());
    stream.reset();
    EXPECT_TRUE(run(ship_cycle(primary->scope, *sink, 1, 3, 100)).has_value());
  }
  io::Task<Status> put(Message message) {
    const Bytes bytes = encode(message);
    AFI_CO_TRY_STATUS(stream->write(primary->scope, bytes));
    co_return Status{};
  }

  std::unique_ptr<RemoteSink> sink;
  SessionId session;
  std::unique_ptr<io::Stream> stream;
};

TEST(LaneDoor, WhoKnowsTheSecretIsLetIn) {
  Joiner w;
  const auto answer = w.ask();
  ASSERT_TRUE(answer.has_value()) << answer.error().text();
  EXPECT_EQ(type_of(*answer), MessageType::joined);
}

TEST(LaneDoor, AWrongSecretIsRefusedAndTheSessionGoesOn) {
  Joiner w;
  w.expect_refused(w.ask(*w.primary, {.session = w.session, .secret = {}, .lane = 1}), ErrorCode::permission_denied);
}

TEST(LaneDoor, ALaneThatIsNotGrantedOrTakenIsRefused) {
  Joiner w;
  w.expect_refused(w.ask(3), ErrorCode::limit_exceeded);
  Joiner twice;
  ASSERT_TRUE(twice.ask().has_value());
  const std::unique_ptr<io::Stream> first = std::move(twice.stream);
  twice.expect_refused(twice.ask(), ErrorCode::conflict);
}

TEST(LaneDoor, AnotherPeerDoesNotEvenFindTheSession) {
  Joiner w;
  w.expect_refused(w.ask(*w.other, {.session = w.session, .secret = samples::lane_secret, .lane = 1}),
                   ErrorCode::not_found);
}

TEST(LaneDoor, AnUnknownSessionIsNotFoundNorOneThatIsOver) {
  Joiner w;
  w.expect_refused(w.ask(*w.primary, {.session = samples::session, .secret = samples::lane_secret, .lane = 1}),
                   ErrorCode::not_found);
  w.sink.reset();
  w.pass(seconds(5));
  const auto answer = w.ask();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(std::get<message::Refusal>(*answer).code, ErrorCode::not_found);
}

TEST(LaneDoor, APeerHasABoundOfLanes) {
  SessionWorld w;
  w.lanes_granted = limits::lanes_max;
  std::vector<std::unique_ptr<RemoteSink>> sinks;
  std::vector<std::unique_ptr<io::Stream>> streams;
  for (std::size_t i = 0; i <= limits::lanes_per_peer_max; ++i) {
    const auto lane = static_cast<std::uint8_t>(1 + i % (limits::lanes_max - 1));
    if (lane == 1) sinks.push_back(w.connected());
    const auto answer = w.run(ask_to_join(
        w, *w.primary, {.session = w.primary_notes.notes.back().session, .secret = samples::lane_secret, .lane = lane},
        streams.emplace_back()));
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(type_of(*answer), i < limits::lanes_per_peer_max ? MessageType::joined : MessageType::refusal) << i;
  }
}

TEST(LaneDoor, WhatIsNoFrameOnALaneEndsTheSessionWithTheReason) {
  Joiner w;
  ASSERT_TRUE(w.ask().has_value());
  ASSERT_TRUE(w.run(w.put(message::Remove{})).has_value());
  w.pass(seconds(5));
  const SessionNote* note = w.primary_notes.find(SessionNoteKind::ended);
  ASSERT_NE(note, nullptr);
  EXPECT_EQ(note->reason.code, ErrorCode::protocol);
  EXPECT_NE(note->reason.text().find("'remove'"), std::string::npos) << note->reason.text();
}

TEST(LaneDoor, ALaneThatSaysNothingEndsTheSession) {
  Joiner w;
  ASSERT_TRUE(w.ask().has_value());
  w.pass(seconds(29));
  EXPECT_EQ(w.replica_notes.find(SessionNoteKind::ended), nullptr);
  w.pass(seconds(10));
  const SessionNote* note = w.replica_notes.find(SessionNoteKind::ended);
  ASSERT_NE(note, nullptr);
  EXPECT_EQ(note->reason.code, ErrorCode::timed_out);
  EXPECT_NE(note->reason.text().find("lane 1"), std::string::npos) << note->reason.text();
}

TEST(Lanes, IdleOnesLiveOnHeartbeats) {
  LaneWorld w;
  auto sink = w.opened();
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 40, 50'000)).has_value());
  w.pass(std::chrono::minutes(10));
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 2, 40, 50'000)).has_value());
  sink.reset();
  w.pass(seconds(5));
  EXPECT_EQ(w.replica_notes.find(SessionNoteKind::ended)->lanes, 3U);
}

TEST(Lanes, AllEndWhenThePermissionEnds) {
  LaneWorld w;
  auto sink = w.opened();
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 40, 50'000)).has_value());
  const std::vector<SessionFacts> sessions = w.table.list();
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_TRUE(w.table.stop_session(HostId{{std::byte{1}}}, sessions.front().address,
                                   {.code = ErrorCode::permission_denied, .detail = "revoked"}));
  w.pass(seconds(3));
  EXPECT_EQ(w.ends.size(), 3U);
  EXPECT_EQ(w.primary_notes.find(SessionNoteKind::ended)->reason.text(), "revoked");
  EXPECT_EQ(w.primary->tasks.size(), 0U);
}

// --- Cuts.

constexpr std::uint32_t frames = 12;
constexpr std::size_t frame_bytes = 300;

io::Task<Status> one_session(SessionWorld& w) {
  AFI_CO_TRY(const std::unique_ptr<RemoteSink> sink, w.connect(*w.primary));
  const MachineDescription machine = samples::machine();
  AFI_CO_TRY(const Welcome welcome, sink->open(w.primary->scope, machine, SeedBy::network));
  if (!welcome.head.is_none()) co_return Status{};  // the receipt was lost
  AFI_CO_TRY(const Receipt receipt, ship_cycle(w.primary->scope, *sink, 1, frames, frame_bytes));
  EXPECT_EQ(receipt.sequence, Sequence(std::uint64_t{1}));
  co_return Status{};
}

void expect_resumed(SessionWorld& w) {
  const Status resumed = w.run(one_session(w));
  EXPECT_TRUE(resumed.has_value()) << resumed.error().text();
  const FakeMachine& machine = w.gate.machines.at(samples::machine().id);
  EXPECT_EQ(machine.head.sequence, Sequence(std::uint64_t{1}));
  EXPECT_EQ(machine.frames_ever, frames) << "a frame was taken twice";
  w.pass(seconds(60));
  EXPECT_EQ(w.primary->tasks.size(), 0U);
  EXPECT_EQ(w.gate.sinks, 0U);
}

void cut_everywhere(bool from_primary, CutKind kind, std::uint64_t step) {
  LaneWorld measured;
  ASSERT_TRUE(measured.run(one_session(measured)).has_value());
  const auto ends_of = [from_primary](const SessionWorld& w) {
    return from_primary ? std::pair(w.primary_node, w.replica_node) : std::pair(w.replica_node, w.primary_node);
  };
  const std::uint64_t bytes = measured.world.bytes_carried(ends_of(measured).first, ends_of(measured).second).value();
  for (std::uint64_t at = 0; at < bytes; at += step) {
    LaneWorld w;
    const auto [first, second] = ends_of(w);
    w.world.cut_after(first, second, ByteCount(at), kind);
    const Status cut = w.run(one_session(w));
    if (!cut) {
      const ErrorCode code = cut.error().code;
      EXPECT_TRUE(code == ErrorCode::unreachable || code == ErrorCode::timed_out) << cut.error().text();
    }
    w.world.disarm_cut(first, second);
    expect_resumed(w);
    if (testing::Test::HasFailure()) FAIL() << "cut after " << at << " of " << bytes << " bytes";
  }
}

TEST(LaneCut, OfAllAtAnyByteIsResumedWithoutSendingTwice) {
  cut_everywhere(true, CutKind::reset, 7);
  cut_everywhere(false, CutKind::reset, 1);
}
TEST(LaneCut, IntoSilenceIsNoticedAndResumed) { cut_everywhere(true, CutKind::silent, 41); }

TEST(LaneCut, OfOneAtAnyByteIsResumedWithoutSendingTwice) {
  std::uint64_t broken = 0;
  for (std::uint64_t at = 0; at < 2000; at += 3) {
    LaneWorld w(at + 1);
    w.break_lanes_after = at;
    const Status cut = w.run(one_session(w));
    if (!cut) {
      ++broken;
      EXPECT_EQ(cut.error().code, ErrorCode::unreachable) << cut.error().text();
    }
    w.break_lanes_after = UINT64_MAX;
    expect_resumed(w);
    if (testing::Test::HasFailure()) FAIL() << "a lane broke after " << at << " bytes";
  }
  EXPECT_GT(broken, 100U);
}

TEST(LaneFault, AHostKilledAtAnyOperationDiesCleanlyAndComesBack) {
  for (std::uint64_t n = 0; n < 120; ++n) {
    for (const bool primary_dies : {true, false}) {
      LaneWorld w(n + 1);
      const io::sim::NodeId dying = primary_dies ? w.primary_node : w.replica_node;
      w.pass(std::chrono::milliseconds(1));
      w.primary->tasks.spawn(ship_forever(w, one_session));
      w.world.crash_at(dying,
                       {.match = {.skip = n}, .kind = io::sim::CrashKind::kill, .moment = io::sim::Moment::after});
      ASSERT_EQ(w.world.run_for(seconds(1)).stop, io::sim::Stop::crashed);
      (primary_dies ? w.primary : w.replica).reset();
      w.world.restart(dying);
      if (!primary_dies) {
        w.primary.reset();
        w.replica = std::make_unique<Host>(w.world.platform(dying));
        w.replica->tasks.spawn(w.listen());
      }
      w.primary = std::make_unique<Host>(w.world.platform(w.primary_node));
      w.pass(std::chrono::milliseconds(1));
      w.gate.machines.clear();
      const Status status = w.run(one_session(w));
      ASSERT_TRUE(status.has_value()) << "operation " << n << ": " << status.error().text();
    }
  }
}

}  // namespace
}  // namespace afterimage::replication
