// SPDX-License-Identifier: Apache-2.0
// Sessions whose link is cut at every byte, whose peer is dead, dumb, foreign or killed, and whose caller gives up.
#include <gtest/gtest.h>

#include "tests/transport/replication/session_fixture.h"

namespace afterimage::replication {
namespace {

using io::sim::CutKind;
using std::chrono::seconds;

constexpr std::uint32_t frames = 3;
constexpr std::size_t frame_bytes = 70;

// One session that opens and makes point 1, unless the replica has it already.
io::Task<Status> one_session(SessionWorld& w) {
  AFI_CO_TRY(const std::unique_ptr<RemoteSink> sink, w.connect(*w.primary));
  const MachineDescription machine = samples::machine();
  AFI_CO_TRY(const Welcome welcome, sink->open(w.primary->scope, machine, SeedBy::network));
  if (!welcome.head.is_none()) co_return Status{};  // the receipt was lost
  AFI_CO_TRY(const Receipt receipt, ship_cycle(w.primary->scope, *sink, 1, frames, frame_bytes));
  EXPECT_EQ(receipt.sequence, Sequence(std::uint64_t{1}));
  co_return Status{};
}

// Cuts the first session when `at` bytes have arrived, then lets a second one finish. True if the cut fell in time.
bool cut_and_resume(std::uint64_t at, bool from_primary, CutKind kind) {
  SessionWorld w(at + 1);
  const auto [first, second] =
      from_primary ? std::pair(w.primary_node, w.replica_node) : std::pair(w.replica_node, w.primary_node);
  w.world.cut_after(first, second, ByteCount(at), kind);
  const Status cut = w.run(one_session(w));
  if (!cut) {
    const ErrorCode code = cut.error().code;
    EXPECT_TRUE(code == ErrorCode::unreachable || code == ErrorCode::timed_out) << cut.error().text();
  }
  w.world.disarm_cut(first, second);
  const std::uint64_t taken = w.gate.machines[samples::machine().id].frames_ever;
  const Status resumed = w.run(one_session(w));
  EXPECT_TRUE(resumed.has_value()) << resumed.error().text();
  const FakeMachine& machine = w.gate.machines.at(samples::machine().id);
  EXPECT_EQ(machine.head.sequence, Sequence(std::uint64_t{1}));
  EXPECT_EQ(machine.frames_ever, frames) << "a frame was taken twice; before the resumption: " << taken;
  w.pass(seconds(60));
  EXPECT_EQ(w.primary->tasks.size(), 0U);
  EXPECT_EQ(w.gate.sinks, 0U);
  return !cut;
}

void cut_everywhere(bool from_primary, CutKind kind, std::uint64_t step) {
  SessionWorld measured;
  ASSERT_TRUE(measured.run(one_session(measured)).has_value());
  const auto [first, second] = from_primary ? std::pair(measured.primary_node, measured.replica_node)
                                            : std::pair(measured.replica_node, measured.primary_node);
  const std::uint64_t bytes = measured.world.bytes_carried(first, second).value();
  ASSERT_GT(bytes, 150U);
  std::uint64_t cuts = 0;
  for (std::uint64_t at = 0; at < bytes; at += step) {
    if (cut_and_resume(at, from_primary, kind)) ++cuts;
    if (testing::Test::HasFailure()) FAIL() << "cut after " << at << " of " << bytes << " bytes";
  }
  EXPECT_GT(cuts, bytes / step / 2);
}

TEST(SessionCut, AtEveryByteFromThePrimaryIsResumedWithoutSendingTwice) { cut_everywhere(true, CutKind::reset, 1); }
TEST(SessionCut, AtEveryByteFromTheReplicaIsResumedWithoutSendingTwice) { cut_everywhere(false, CutKind::reset, 1); }
TEST(SessionCut, IntoSilenceIsNoticedAndResumed) {
  cut_everywhere(true, CutKind::silent, 7);
  cut_everywhere(false, CutKind::silent, 7);
}
TEST(SessionCut, WithOneSideDeafIsNoticedAndResumed) {
  cut_everywhere(true, CutKind::half_open_first, 7);
  cut_everywhere(true, CutKind::half_open_second, 7);
}

TEST(SessionFault, AHalfOpenPeerIsFoundDeadBySilenceOnBothSides) {
  SessionWorld w;
  w.gate.commit_takes = std::chrono::minutes(4);
  auto sink = w.opened();
  ASSERT_TRUE(w.run(sink->begin(w.primary->scope, {.epoch = Epoch(std::uint64_t{2})})).has_value());
  w.world.cut(w.primary_node, w.replica_node, CutKind::silent);
  const MonotonicTime before = w.world.now();
  const auto receipt = w.run(sink->commit(w.primary->scope, samples::record(1)));
  ASSERT_FALSE(receipt.has_value());
  EXPECT_EQ(receipt.error().code, ErrorCode::timed_out);
  EXPECT_LE(w.world.now() - before, seconds(33));
  w.pass(seconds(10));
  ASSERT_EQ(w.ends.size(), 1U);
  EXPECT_EQ(w.ends.front().reason.code, ErrorCode::timed_out);
  EXPECT_EQ(w.gate.sinks, 0U);
}

TEST(SessionFault, AShortPartitionIsSatOut) {
  SessionWorld w;
  auto sink = w.opened();
  ASSERT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 1, 3, 100)).has_value());
  w.world.partition(w.primary_node, w.replica_node, io::sim::PartitionKind::silent);
  w.pass(seconds(18));
  w.world.heal(w.primary_node, w.replica_node);
  EXPECT_TRUE(w.run(ship_cycle(w.primary->scope, *sink, 2, 3, 100)).has_value());
}

TEST(SessionFault, APrimaryThatNeverSaysHelloIsPutOut) {
  SessionWorld w;
  const auto stream = w.run(SessionWorld::dial(*w.primary));
  ASSERT_TRUE(stream.has_value());
  w.pass(seconds(9));
  EXPECT_TRUE(w.ends.empty());
  w.pass(seconds(4));
  ASSERT_EQ(w.ends.size(), 1U);
  EXPECT_EQ(w.ends.front().kind, SessionEndKind::refused);
  EXPECT_EQ(w.ends.front().reason.code, ErrorCode::timed_out);
}

io::Task<Status> write_to(Host& host, io::Stream& stream, Bytes bytes) {
  auto writing = stream.write(host.scope, bytes);
  co_return co_await writing;
}
io::Task<Result<Message>> read_message(Host& host, io::Stream& stream) {
  Bytes header(message_header_bytes);
  AFI_CO_TRY_STATUS(io::read_exactly(host.scope, stream, header));
  AFI_CO_RESULT(const MessageHeader parsed, MessageHeader::parse(header));
  Bytes body(parsed.body_bytes);
  AFI_CO_TRY_STATUS(io::read_exactly(host.scope, stream, body));
  co_return parse_message(parsed, std::move(body));
}

TEST(SessionFault, WhatIsNoMessageEndsItsSessionAlone) {
  SessionWorld w;
  auto other = w.opened(*w.other);
  const std::string_view request = "GET /metrics HTTP/1.1\r\nHost: beta\r\n\r\n";
  const ByteView text = view_of(request);
  const auto stream = w.run(SessionWorld::dial(*w.primary));
  ASSERT_TRUE(stream.has_value());
  ASSERT_TRUE(w.run(write_to(*w.primary, **stream, Bytes(text.begin(), text.end()))).has_value());
  const auto refusal = w.run(read_message(*w.primary, **stream));
  ASSERT_TRUE(refusal.has_value()) << refusal.error().text();
  EXPECT_EQ(type_of(*refusal), MessageType::refusal);
  w.pass(seconds(3));
  ASSERT_EQ(w.ends.size(), 1U);
  EXPECT_EQ(w.ends.front().reason.code, ErrorCode::protocol);
  EXPECT_TRUE(w.run(ship_cycle(w.other->scope, *other, 1, 3, 100)).has_value());
}

TEST(SessionFault, AMessageOutOfPlaceIsAnsweredWithTheReason) {
  SessionWorld w;
  const auto stream = w.run(SessionWorld::dial(*w.primary));
  ASSERT_TRUE(stream.has_value());
  Bytes bytes = encode(samples::of(MessageType::hello));
  const Bytes commit = encode(samples::of(MessageType::commit));
  bytes.insert(bytes.end(), commit.begin(), commit.end());  // without a machine, an epoch, or waiting for the welcome
  ASSERT_TRUE(w.run(write_to(*w.primary, **stream, bytes)).has_value());
  w.pass(seconds(5));
  ASSERT_EQ(w.ends.size(), 1U);
  EXPECT_EQ(w.ends.front().reason.code, ErrorCode::protocol);
  EXPECT_EQ(w.gate.sinks, 0U);
}

// A replica that answers a hello with these bytes, and says nothing more.
io::Task<void> answer_with(SessionWorld& w, Bytes bytes) {
  auto listening = w.replica->platform.network.listen(w.replica->scope, {.host = "", .port = 9000});
  auto listener = co_await listening;
  if (!listener) co_return;
  auto accepting = (*listener)->accept(w.replica->scope);
  auto stream = co_await accepting;
  if (!stream) co_return;
  auto writing = (*stream)->write(w.replica->scope, bytes);
  const Status written = co_await writing;
  auto sleeping = io::sleep_for(w.replica->scope, std::chrono::hours(1));
  const Status slept = co_await sleeping;
  (void)written;
  (void)slept;
}
io::Task<Result<std::unique_ptr<RemoteSink>>> connect_to_it(SessionWorld& w) {
  AFI_CO_TRY(std::unique_ptr<io::Stream> stream,
             w.primary->platform.network.connect(w.primary->scope, {.host = "beta", .port = 9000}));
  RemoteSinkOptions options{.host_name = "alpha", .session = samples::session, .tasks = &w.primary->tasks};
  auto connecting = connect_remote_sink(w.primary->scope, std::move(stream), std::move(options));
  co_return co_await connecting;
}

TEST(SessionFault, AReplicaThatSaysNothingTimesTheConnectOut) {
  SessionWorld w;
  w.replica->tasks.spawn(answer_with(w, {}));
  w.pass(seconds(1));
  const MonotonicTime before = w.world.now();
  const auto sink = w.run(connect_to_it(w));
  ASSERT_FALSE(sink.has_value());
  EXPECT_EQ(sink.error().code, ErrorCode::timed_out);
  EXPECT_LE(w.world.now() - before, seconds(11));
  w.pass(seconds(5));
  EXPECT_EQ(w.primary->tasks.size(), 0U);
}

TEST(SessionFault, AReplicaThatSpeaksSomethingElseIsAProtocolError) {
  for (const std::string_view text :
       {std::string_view("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), std::string_view("HTTP/1.1 400 Bad Request\r\n\r\n")}) {
    SessionWorld w;
    const ByteView bytes = view_of(text);
    w.replica->tasks.spawn(answer_with(w, Bytes(bytes.begin(), bytes.end())));
    w.pass(seconds(1));
    const auto sink = w.run(connect_to_it(w));
    ASSERT_FALSE(sink.has_value());
    EXPECT_EQ(sink.error().code, ErrorCode::protocol);
  }
}

TEST(SessionFault, ACallerThatGivesUpEndsTheSession) {
  SessionWorld w;
  w.gate.commit_takes = std::chrono::minutes(4);
  auto sink = w.opened();
  ASSERT_TRUE(w.run(sink->begin(w.primary->scope, {.epoch = Epoch(std::uint64_t{2})})).has_value());
  io::Scope hurried(w.primary->scope, seconds(5));
  const auto receipt = w.run(sink->commit(hurried, samples::record(1)));
  EXPECT_EQ(receipt.error().code, ErrorCode::timed_out);
  EXPECT_EQ(w.run(sink->commit(w.primary->scope, samples::record(1))).error().code, ErrorCode::timed_out);
  w.pass(seconds(5));
  EXPECT_EQ(w.ends.size(), 1U);
  EXPECT_EQ(w.primary->tasks.size(), 0U);
}

TEST(SessionFault, AConnectThatIsCancelledLeavesNothingBehind) {
  SessionWorld w;
  w.replica->tasks.spawn(answer_with(w, {}));
  w.pass(seconds(1));
  w.primary->scope.set_timeout(seconds(1));
  EXPECT_FALSE(w.run(connect_to_it(w)).has_value());
  w.pass(seconds(5));
  EXPECT_EQ(w.primary->tasks.size(), 0U);
}

// Either host dies at its n-th operation, its objects are destroyed where they stand, and it starts again.
TEST(SessionFault, AHostKilledAtAnyOperationDiesCleanlyAndComesBack) {
  for (std::uint64_t n = 0; n < 80; ++n) {
    for (const bool primary_dies : {true, false}) {
      for (const io::sim::Moment moment : {io::sim::Moment::before, io::sim::Moment::after}) {
        SessionWorld w(n + 1);
        const io::sim::NodeId dying = primary_dies ? w.primary_node : w.replica_node;
        w.pass(std::chrono::milliseconds(1));
        w.primary->tasks.spawn(ship_forever(w, one_session));
        w.world.crash_at(dying, {.match = {.skip = n}, .kind = io::sim::CrashKind::kill, .moment = moment});
        ASSERT_EQ(w.world.run_for(seconds(1)).stop, io::sim::Stop::crashed);
        (primary_dies ? w.primary : w.replica).reset();
        w.world.restart(dying);
        if (primary_dies) {
          w.primary = std::make_unique<Host>(w.world.platform(dying));
        } else {
          w.primary.reset();
          w.primary = std::make_unique<Host>(w.world.platform(w.primary_node));
          w.replica = std::make_unique<Host>(w.world.platform(dying));
          w.replica->tasks.spawn(w.listen());
          w.pass(std::chrono::milliseconds(1));
        }
        w.gate.machines.clear();
        const Status status = w.run(one_session(w));
        ASSERT_TRUE(status.has_value()) << "operation " << n << ": " << status.error().text();
      }
    }
  }
}

}  // namespace
}  // namespace afterimage::replication
