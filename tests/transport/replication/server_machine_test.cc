// SPDX-License-Identifier: Apache-2.0
// The replica's machine: every state against every message, the order of the sink's calls, the window, deadlines.
#include "transport/replication/server_machine.h"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/transport/replication/samples.h"

namespace afterimage::replication {
namespace {

using std::chrono::seconds;

constexpr MonotonicTime start_time{1'000'000'000};

template <typename T>
const T* find(const ServerActions& actions) {
  for (const ServerAction& action : actions) {
    if (const T* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}
const Message* sent(const ServerActions& actions) { return find<Message>(actions); }
bool sends(const ServerActions& actions, MessageType type) {
  const Message* message = sent(actions);
  return message != nullptr && type_of(*message) == type;
}
bool calls(const ServerActions& actions, MessageType type) {
  const CallSink* call = find<CallSink>(actions);
  return call != nullptr && std::visit([](const auto& body) { return body.type; }, call->request) == type;
}

ServerActions hear(ServerMachine& machine, MessageType type) { return machine.received(samples::of(type), start_time); }

// A machine that was led to `state`. In shipping and behind it, a frame of 100 bytes was taken; answering is a commit.
ServerMachine in(ServerState state) {
  ServerMachine machine(ServerOptions{.host_name = "beta"}, start_time);
  const auto lead = [&machine](MessageType type) { ASSERT_FALSE(hear(machine, type).empty()) << name_of(type); };
  const auto answer = [&machine](PortValue value, MessageType reply) {
    ASSERT_TRUE(sends(machine.sink_answered(std::move(value)), reply)) << name_of(reply);
  };
  if (state == ServerState::awaiting_hello) return machine;
  lead(MessageType::hello);
  if (state == ServerState::admitting) return machine;
  EXPECT_TRUE(sends(machine.admitted({}, start_time), MessageType::welcome));
  if (state == ServerState::welcomed) return machine;
  lead(MessageType::open);
  answer(samples::welcome(), MessageType::opened);
  if (state == ServerState::opened) return machine;
  lead(MessageType::begin);
  answer(Need{}, MessageType::need);
  lead(MessageType::frame);
  EXPECT_TRUE(machine.sink_answered(PortValue(Done{})).empty());
  if (state == ServerState::shipping) return machine;
  if (state == ServerState::removed) {
    lead(MessageType::remove);
    answer(Done{}, MessageType::removed);
    return machine;
  }
  lead(MessageType::commit);
  if (state == ServerState::leaving) {
    EXPECT_TRUE(hear(machine, MessageType::bye).empty());
  }
  if (state == ServerState::ended) {
    EXPECT_FALSE(machine.broken({.code = ErrorCode::unreachable}).empty());
  }
  return machine;
}

constexpr std::array all_states = {ServerState::awaiting_hello, ServerState::admitting, ServerState::welcomed,
                                   ServerState::opened,         ServerState::shipping,  ServerState::answering,
                                   ServerState::removed,        ServerState::leaving,   ServerState::ended};

// k: taken. e: ends the session without a word of ours. -: a violation. i: ignored.
// Columns: hello welcome refusal open opened begin need frame ack commit receipt hashes_request hashes declined remove
// removed heartbeat failure bye join joined frames_sent.
constexpr std::array<std::string_view, all_states.size()> expected = {
    "k----------------eee--",  // awaiting_hello
    "-----------------ee---",  // admitting
    "---k------------kee---",  // welcomed
    "-----k-----k--k-kee---",  // opened
    "-----k-k-k-k--k-kee---",  // shipping
    "----------------kek---",  // answering
    "----------------kee---",  // removed
    "iiiiiiiiiiiiiiiiiiiiii",  // leaving
    "iiiiiiiiiiiiiiiiiiiiii",  // ended
};

TEST(ServerMachine, EveryStateMeetsEveryMessageAsTheTableSays) {
  for (std::size_t row = 0; row < all_states.size(); ++row) {
    for (const Message& message : samples::all()) {
      ServerMachine machine = in(all_states[row]);
      ASSERT_EQ(machine.state(), all_states[row]);
      const bool before_welcome = row < 2;
      const ServerActions actions = machine.received(message, start_time);
      const std::string where = std::string(name_of(all_states[row])) + " x " + std::string(name_of(type_of(message)));
      const EndServing* end = find<EndServing>(actions);
      switch (expected[row].at(static_cast<std::size_t>(type_of(message)) - 1)) {
        case 'k':
          EXPECT_EQ(end, nullptr) << where;
          EXPECT_FALSE(machine.is_over()) << where;
          break;
        case 'e':
          EXPECT_TRUE(machine.is_over()) << where;
          EXPECT_EQ(sent(actions), nullptr) << where;
          break;
        case '-':
          EXPECT_TRUE(machine.is_over()) << where;
          EXPECT_TRUE(sends(actions, before_welcome ? MessageType::refusal : MessageType::failure)) << where;
          ASSERT_NE(end, nullptr) << where;
          EXPECT_EQ(end->reason.code, ErrorCode::protocol) << where;
          EXPECT_EQ(end->kind, before_welcome ? SessionEndKind::refused : SessionEndKind::failed) << where;
          break;
        case 'i': EXPECT_TRUE(actions.empty()) << where; break;
        default: FAIL() << where;
      }
    }
  }
}

TEST(ServerMachine, NothingIsSentBeforeTheGateHasSpoken) {
  ServerMachine machine(ServerOptions{.host_name = "beta"}, start_time);
  const ServerActions actions = hear(machine, MessageType::hello);
  EXPECT_EQ(sent(actions), nullptr);
  EXPECT_NE(find<AskGate>(actions), nullptr);
  EXPECT_TRUE(machine.time_passed(start_time + seconds(9)).empty());
}

TEST(ServerMachine, ARefusalOfTheGateIsToldWithItsReason) {
  ServerMachine machine = in(ServerState::admitting);
  const ServerActions actions =
      machine.admitted(fail(ErrorCode::permission_denied, "admit", "host 'alpha' was revoked"), start_time);
  ASSERT_TRUE(sends(actions, MessageType::refusal));
  EXPECT_EQ(std::get<message::Refusal>(*sent(actions)).reason, "host 'alpha' was revoked");
  EXPECT_EQ(find<EndServing>(actions)->kind, SessionEndKind::refused);
}

TEST(ServerMachine, AnotherVersionIsRefusedWithBothRanges) {
  ServerMachine machine(ServerOptions{.host_name = "beta"}, start_time);
  const ServerActions actions = machine.received(
      message::Hello{.versions = {.min = 3, .max = 4}, .session = samples::session, .host_name = "alpha"}, start_time);
  ASSERT_TRUE(sends(actions, MessageType::refusal));
  const auto& refusal = std::get<message::Refusal>(*sent(actions));
  EXPECT_EQ(refusal.code, ErrorCode::unsupported);
  EXPECT_NE(refusal.reason.find("version 3 to 4"), std::string::npos);
}

TEST(ServerMachine, ARangeThatOverlapsGetsTheGreatestCommonVersion) {
  ServerMachine machine(ServerOptions{.host_name = "beta", .versions = {.min = 1, .max = 3}}, start_time);
  const ServerActions asked = machine.received(
      message::Hello{.versions = {.min = 1, .max = 2}, .session = samples::session, .host_name = "alpha"}, start_time);
  EXPECT_NE(find<AskGate>(asked), nullptr);
  const ServerActions actions = machine.admitted({}, start_time);
  ASSERT_TRUE(sends(actions, MessageType::welcome));
  EXPECT_EQ(std::get<message::Welcome>(*sent(actions)).version, 2);
}

TEST(ServerMachine, FramesAndTheCommitBehindThemReachTheSinkInOrder) {
  ServerMachine machine = in(ServerState::shipping);
  EXPECT_TRUE(calls(machine.received(message::Frame{samples::frame(100, 1)}, start_time), MessageType::frame));
  EXPECT_TRUE(machine.received(message::Frame{samples::frame(200, 2)}, start_time).empty());
  EXPECT_TRUE(hear(machine, MessageType::commit).empty());
  EXPECT_EQ(machine.held_bytes(), 300U);
  ServerActions actions = machine.sink_answered(PortValue(Done{}));
  ASSERT_TRUE(calls(actions, MessageType::frame));
  EXPECT_EQ(std::get<message::Frame>(find<CallSink>(actions)->request).bytes, samples::frame(200, 2));
  actions = machine.sink_answered(PortValue(Done{}));
  EXPECT_TRUE(calls(actions, MessageType::commit));
  actions =
      machine.sink_answered(PortValue(Receipt{.sequence = Sequence(std::uint64_t{8}), .digest = samples::digest(8)}));
  EXPECT_TRUE(sends(actions, MessageType::receipt));
  EXPECT_EQ(machine.held_bytes(), 0U);
  EXPECT_EQ(machine.state(), ServerState::opened);
}

TEST(ServerMachine, CreditIsGivenBackInSteps) {
  ServerMachine machine = in(ServerState::shipping);
  std::uint64_t taken = 100;
  std::uint64_t acked = 0;
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(calls(machine.received(message::Frame{samples::frame(250'000)}, start_time), MessageType::frame));
    taken += 250'000;
    const ServerActions actions = machine.sink_answered(PortValue(Done{}));
    if (sends(actions, MessageType::ack)) {
      acked = std::get<message::Ack>(*sent(actions)).frame_bytes;
      EXPECT_EQ(acked, taken);
    }
    EXPECT_LT(taken - acked, limits::session_window_bytes / 8);
  }
}

TEST(ServerMachine, MoreThanTheWindowIsAViolation) {
  ServerMachine machine = in(ServerState::shipping);
  std::uint64_t held = 0;
  while (held + 250'000 <= limits::session_window_bytes) {
    const ServerActions actions = machine.received(message::Frame{samples::frame(250'000)}, start_time);
    EXPECT_EQ(find<EndServing>(actions), nullptr);
    held += 250'000;
  }
  EXPECT_LE(machine.held_bytes(), limits::session_window_bytes);
  const ServerActions actions = machine.received(message::Frame{samples::frame(250'000)}, start_time);
  EXPECT_TRUE(sends(actions, MessageType::failure));
  EXPECT_EQ(find<EndServing>(actions)->reason.code, ErrorCode::protocol);
}

TEST(ServerMachine, AnErrorOfTheSinkEndsTheSessionWithItsReason) {
  for (const MessageType request : {MessageType::begin, MessageType::commit, MessageType::frame, MessageType::remove}) {
    ServerMachine machine = in(ServerState::shipping);
    EXPECT_TRUE(calls(hear(machine, request), request));
    const ServerActions actions =
        machine.sink_answered(fail(ErrorCode::conflict, "append", "another session has opened 'web1'"));
    ASSERT_TRUE(sends(actions, MessageType::failure)) << name_of(request);
    EXPECT_EQ(std::get<message::Failure>(*sent(actions)).code, ErrorCode::conflict);
    EXPECT_EQ(std::get<message::Failure>(*sent(actions)).reason, "another session has opened 'web1'");
    EXPECT_TRUE(machine.is_over());
  }
}

TEST(ServerMachine, AQuestionThatFailsIsDeclinedAndTheSessionGoesOn) {
  ServerMachine machine = in(ServerState::opened);
  EXPECT_TRUE(calls(hear(machine, MessageType::hashes_request), MessageType::hashes_request));
  const ServerActions actions = machine.sink_answered(fail(ErrorCode::damaged, "read", "the base is damaged"));
  EXPECT_TRUE(sends(actions, MessageType::declined));
  EXPECT_EQ(machine.state(), ServerState::opened);
}

TEST(ServerMachine, ByeLetsTheSinkTakeWhatCameBefore) {
  ServerMachine machine = in(ServerState::shipping);
  EXPECT_TRUE(calls(hear(machine, MessageType::frame), MessageType::frame));
  EXPECT_TRUE(hear(machine, MessageType::frame).empty());
  EXPECT_TRUE(hear(machine, MessageType::bye).empty());
  EXPECT_TRUE(machine.broken({.code = ErrorCode::unreachable}).empty());  // the stream ends behind the bye
  EXPECT_TRUE(calls(machine.sink_answered(PortValue(Done{})), MessageType::frame));
  const ServerActions actions = machine.sink_answered(PortValue(Done{}));
  ASSERT_NE(find<EndServing>(actions), nullptr);
  EXPECT_EQ(find<EndServing>(actions)->kind, SessionEndKind::completed);
  EXPECT_EQ(sent(actions), nullptr);
}

TEST(ServerMachine, ACutLetsTheSinkTakeWhatCameBefore) {
  ServerMachine machine = in(ServerState::shipping);
  EXPECT_TRUE(calls(hear(machine, MessageType::frame), MessageType::frame));
  EXPECT_TRUE(hear(machine, MessageType::frame).empty());
  EXPECT_TRUE(machine.broken({.code = ErrorCode::unreachable}).empty());
  EXPECT_TRUE(calls(machine.sink_answered(PortValue(Done{})), MessageType::frame));
  const ServerActions actions = machine.sink_answered(PortValue(Done{}));
  ASSERT_NE(find<EndServing>(actions), nullptr);
  EXPECT_EQ(find<EndServing>(actions)->kind, SessionEndKind::failed);
  EXPECT_EQ(find<EndServing>(actions)->reason.code, ErrorCode::unreachable);
  EXPECT_EQ(sent(actions), nullptr);
}

TEST(ServerMachine, ACutWhileNoFrameWaitsEndsTheSessionAtOnce) {
  for (const ServerState state : {ServerState::opened, ServerState::shipping, ServerState::answering}) {
    ServerMachine machine = in(state);
    const ServerActions actions = machine.broken({.code = ErrorCode::unreachable});
    ASSERT_NE(find<EndServing>(actions), nullptr);
    EXPECT_EQ(find<EndServing>(actions)->kind, SessionEndKind::failed);
  }
}

TEST(ServerMachine, PhasesBeforeTheMachineIsOpenHaveTheirDeadlines) {
  const SessionTimeouts timeouts;
  const std::array<std::pair<ServerState, Duration>, 3> cases = {{{ServerState::awaiting_hello, timeouts.hello},
                                                                  {ServerState::admitting, timeouts.hello},
                                                                  {ServerState::welcomed, timeouts.open}}};
  for (const auto& [state, timeout] : cases) {
    ServerMachine machine = in(state);
    machine.bytes_received(start_time + timeout);
    machine.bytes_sent(start_time + timeout);
    EXPECT_TRUE(machine.time_passed(start_time + timeout + Duration(-1)).empty()) << name_of(state);
    EXPECT_EQ(*machine.next_deadline(), start_time + timeout) << name_of(state);
    const ServerActions actions = machine.time_passed(start_time + timeout);
    ASSERT_NE(find<EndServing>(actions), nullptr) << name_of(state);
    EXPECT_EQ(find<EndServing>(actions)->reason.code, ErrorCode::timed_out);
  }
}

TEST(ServerMachine, HeartbeatsGoOutWhileTheSinkWorksAndSilenceIsDeath) {
  ServerMachine machine = in(ServerState::answering);
  EXPECT_TRUE(sends(machine.time_passed(start_time + seconds(10)), MessageType::heartbeat));
  EXPECT_TRUE(sends(machine.time_passed(start_time + seconds(20)), MessageType::heartbeat));
  const ServerActions actions = machine.time_passed(start_time + seconds(30));
  EXPECT_TRUE(sends(actions, MessageType::failure));
  EXPECT_EQ(find<EndServing>(actions)->reason.code, ErrorCode::timed_out);
}

// Time passes minute by minute, and the primary lives. The actions of the moment at which the session ends.
ServerActions live_until(ServerMachine& machine, MonotonicTime end, Duration moves_every) {
  for (MonotonicTime now = start_time; now < end; now = now + seconds(20)) {
    if ((now - start_time) % moves_every == Duration{}) machine.sink_moved(now);
    machine.bytes_received(now);
    ServerActions actions = machine.time_passed(now);
    if (find<EndServing>(actions) != nullptr) return actions;
  }
  return {};
}

TEST(ServerMachine, ASinkThatMovesHasAllTheTimeItNeeds) {
  ServerMachine machine = in(ServerState::answering);
  EXPECT_TRUE(live_until(machine, start_time + std::chrono::hours(12), std::chrono::minutes(20)).empty());
}

TEST(ServerMachine, ASinkThatDoesNotMoveEndsTheSessionAndThePrimaryIsTold) {
  ServerMachine machine = in(ServerState::answering);
  const ServerActions actions = live_until(machine, start_time + std::chrono::hours(1), std::chrono::hours(2));
  ASSERT_NE(find<EndServing>(actions), nullptr);
  ASSERT_TRUE(sends(actions, MessageType::failure));
  EXPECT_EQ(std::get<message::Failure>(*sent(actions)).code, ErrorCode::timed_out);
  EXPECT_NE(std::get<message::Failure>(*sent(actions)).reason.find("stuck in 'commit'"), std::string::npos);
}

TEST(ServerMachine, ACallAfterALongRestHasItsWholeTime) {
  ServerMachine machine = in(ServerState::shipping);
  const MonotonicTime late = start_time + std::chrono::hours(2);
  EXPECT_TRUE(calls(machine.received(samples::of(MessageType::commit), late), MessageType::commit));
  EXPECT_EQ(find<EndServing>(machine.time_passed(late + seconds(10))), nullptr);
}

TEST(ServerMachine, AnIdleSessionLivesOnHeartbeats) {
  ServerMachine machine = in(ServerState::opened);
  MonotonicTime now = start_time;
  for (int i = 0; i < 1000; ++i) {
    now = now + seconds(10);
    EXPECT_TRUE(machine.received(message::Heartbeat{}, now).empty());
    EXPECT_TRUE(sends(machine.time_passed(now), MessageType::heartbeat));
  }
}

TEST(ServerMachine, AHostThatStopsSaysSo) {
  ServerMachine machine = in(ServerState::answering);
  const ServerActions actions = machine.stop({.code = ErrorCode::unreachable, .detail = "the replica is stopping"});
  ASSERT_TRUE(sends(actions, MessageType::failure));
  EXPECT_EQ(std::get<message::Failure>(*sent(actions)).reason, "the replica is stopping");
}

}  // namespace
}  // namespace afterimage::replication
