// SPDX-License-Identifier: Apache-2.0
// The primary's machine: every state against every message and every call, flow, deadlines.
#include "transport/replication/client_machine.h"

#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/transport/replication/samples.h"

namespace afterimage::replication {
namespace {

using std::chrono::seconds;

constexpr MonotonicTime start_time{1'000'000'000};
constexpr std::uint64_t window = limits::session_window_bytes;

template <typename T>
const T* find(const ClientActions& actions) {
  for (const ClientAction& action : actions) {
    if (const T* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}
const Message* sent(const ClientActions& actions) { return find<Message>(actions); }
bool sends(const ClientActions& actions, MessageType type) {
  const Message* message = sent(actions);
  return message != nullptr && type_of(*message) == type;
}
ErrorCode answered_code(const ClientActions& actions) {
  const CallDone* done = find<CallDone>(actions);
  return done == nullptr || done->answer ? ErrorCode::internal : done->answer.error().code;
}
bool answered_well(const ClientActions& actions) {
  const CallDone* done = find<CallDone>(actions);
  return done != nullptr && done->answer.has_value();
}

ClientMachine make_machine() { return ClientMachine(ClientOptions{.host_name = "alpha", .session = samples::session}); }

// Appends a frame that there is room for.
void ship(ClientMachine& machine, std::uint64_t bytes, MonotonicTime now = start_time) {
  ClientActions actions = machine.append(ByteCount(bytes), now);
  ASSERT_NE(find<SendFrame>(actions), nullptr);
  actions = machine.frame_sent();
  ASSERT_TRUE(answered_well(actions));
}

// A machine that was led to `state`; from shipping on, 100 bytes are sent and not acknowledged.
ClientMachine in(ClientState state) {
  ClientMachine machine = make_machine();
  const auto call = [](const ClientActions& actions) { ASSERT_NE(sent(actions), nullptr); };
  const auto hear = [&machine](MessageType type) {
    const ClientActions actions = machine.received(samples::of(type), start_time);
    ASSERT_TRUE(answered_well(actions)) << name_of(type);
  };
  if (state == ClientState::created) return machine;
  call(machine.start(start_time));
  if (state == ClientState::greeting) return machine;
  hear(MessageType::welcome);
  if (state == ClientState::welcomed) return machine;
  call(machine.open(samples::machine(), SeedBy::network, start_time));
  if (state == ClientState::opening) return machine;
  hear(MessageType::opened);
  if (state == ClientState::opened) return machine;
  call(machine.begin(samples::begin(), start_time));
  if (state == ClientState::beginning) return machine;
  hear(MessageType::need);
  ship(machine, 100);
  if (state == ClientState::shipping) return machine;
  if (state == ClientState::committing) call(machine.commit(samples::record(8), start_time));
  if (state == ClientState::asking) call(machine.block_hashes(samples::disk, samples::extent(16, 2), start_time));
  if (state == ClientState::removing || state == ClientState::removed) call(machine.remove_machine(start_time));
  if (state == ClientState::removed) hear(MessageType::removed);
  if (state == ClientState::ended) {
    const ClientActions actions = machine.leave();
    EXPECT_TRUE(sends(actions, MessageType::bye));
  }
  return machine;
}

constexpr std::array all_states = {ClientState::created,  ClientState::greeting,   ClientState::welcomed,
                                   ClientState::opening,  ClientState::opened,     ClientState::beginning,
                                   ClientState::shipping, ClientState::committing, ClientState::asking,
                                   ClientState::removing, ClientState::removed,    ClientState::ended};

// k: taken. e: ends the session without a word of ours. -: a violation, failure is sent. i: ignored.
// Columns: hello welcome refusal open opened begin need frame ack commit receipt hashes_request hashes declined remove
// removed heartbeat failure bye join joined frames_sent.
constexpr std::array<std::string_view, all_states.size()> expected_of_messages = {
    "----------------------",  // created
    "-ke--------------ee---",  // greeting
    "----------------kee---",  // welcomed
    "----k-----------kee---",  // opening
    "----------------kee---",  // opened
    "------k---------kee---",  // beginning
    "--------k-------kee---",  // shipping
    "--------k-k-----kee---",  // committing
    "--------k---kk--kee---",  // asking
    "--------k------kkee---",  // removing
    "----------------kee---",  // removed
    "iiiiiiiiiiiiiiiiiiiiii",  // ended
};

TEST(ClientMachine, EveryStateMeetsEveryMessageAsTheTableSays) {
  for (std::size_t row = 0; row < all_states.size(); ++row) {
    for (const Message& message : samples::all()) {
      ClientMachine machine = in(all_states[row]);
      ASSERT_EQ(machine.state(), all_states[row]);
      const ClientActions actions = machine.received(message, start_time);
      const std::string where = std::string(name_of(all_states[row])) + " x " + std::string(name_of(type_of(message)));
      const EndSession* end = find<EndSession>(actions);
      switch (expected_of_messages[row].at(static_cast<std::size_t>(type_of(message)) - 1)) {
        case 'k':
          EXPECT_EQ(end, nullptr) << where;
          EXPECT_FALSE(machine.is_over()) << where;
          break;
        case 'e':
          EXPECT_TRUE(machine.is_over()) << where;
          EXPECT_EQ(sent(actions), nullptr) << where;
          EXPECT_NE(end, nullptr) << where;
          break;
        case '-':
          EXPECT_TRUE(machine.is_over()) << where;
          EXPECT_TRUE(sends(actions, MessageType::failure)) << where;
          ASSERT_NE(end, nullptr) << where;
          EXPECT_EQ(end->reason.code, ErrorCode::protocol) << where;
          break;
        case 'i': EXPECT_TRUE(actions.empty()) << where; break;
        default: FAIL() << where;
      }
    }
  }
}

// Calls: start open begin append commit hashes remove. k: goes out. r: refused, changes nothing. e: the end's reason.
constexpr std::array<std::string_view, all_states.size()> expected_of_calls = {
    "krrrrrr",  // created
    "rrrrrrr",  // greeting
    "rkrrrrr",  // welcomed
    "rrrrrrr",  // opening
    "rrkrrkk",  // opened
    "rrrrrrr",  // beginning
    "rrkkkkk",  // shipping
    "rrrrrrr",  // committing
    "rrrrrrr",  // asking
    "rrrrrrr",  // removing
    "rrrrrrr",  // removed
    "eeeeeee",  // ended
};

ClientActions call(ClientMachine& machine, std::size_t which) {
  switch (which) {
    case 0: return machine.start(start_time);
    case 1: return machine.open(samples::machine(), SeedBy::network, start_time);
    case 2: return machine.begin(samples::begin(), start_time);
    case 3: return machine.append(ByteCount(std::uint64_t{100}), start_time);
    case 4: return machine.commit(samples::record(8), start_time);
    case 5: return machine.block_hashes(samples::disk, samples::extent(0, 1), start_time);
    default: return machine.remove_machine(start_time);
  }
}

TEST(ClientMachine, EveryStateMeetsEveryCallAsTheTableSays) {
  for (std::size_t row = 0; row < all_states.size(); ++row) {
    for (std::size_t which = 0; which < expected_of_calls[row].size(); ++which) {
      ClientMachine machine = in(all_states[row]);
      const ClientActions actions = call(machine, which);
      const std::string where = std::string(name_of(all_states[row])) + " x call " + std::to_string(which);
      switch (expected_of_calls[row][which]) {
        case 'k':
          EXPECT_TRUE(sent(actions) != nullptr || find<SendFrame>(actions) != nullptr) << where;
          EXPECT_EQ(find<CallDone>(actions), nullptr) << where;
          break;
        case 'r':
          EXPECT_EQ(answered_code(actions), ErrorCode::refused) << where;
          EXPECT_EQ(machine.state(), all_states[row]) << where;
          break;
        case 'e': EXPECT_EQ(answered_code(actions), ErrorCode::end_of_data) << where; break;
        default: FAIL() << where;
      }
    }
  }
}

TEST(ClientMachine, ACallIsAnsweredOnceHoweverTheSessionEnds) {
  for (const ClientState state : {ClientState::greeting, ClientState::opening, ClientState::beginning,
                                  ClientState::committing, ClientState::asking, ClientState::removing}) {
    ClientMachine machine = in(state);
    const ClientActions actions = machine.broken({.code = ErrorCode::unreachable, .what = "cut"});
    EXPECT_EQ(answered_code(actions), ErrorCode::unreachable);
    EXPECT_TRUE(machine.broken({.code = ErrorCode::damaged}).empty());
    EXPECT_TRUE(machine.leave().empty());
    EXPECT_EQ(machine.end()->code, ErrorCode::unreachable);
  }
}

TEST(ClientMachine, TheReplicasReasonIsTheCallersReason) {
  ClientMachine machine = in(ClientState::committing);
  const ClientActions actions = machine.received(samples::of(MessageType::failure), start_time);
  const CallDone* done = find<CallDone>(actions);
  ASSERT_NE(done, nullptr);
  EXPECT_EQ(done->answer.error().code, ErrorCode::no_space);
  EXPECT_EQ(done->answer.error().text(), "store 'default' is full");
  const ClientActions later = machine.begin(samples::begin(), start_time);
  EXPECT_EQ(answered_code(later), ErrorCode::no_space);
}

TEST(ClientMachine, ARefusalIsTheReasonOfTheConnect) {
  ClientMachine machine = in(ClientState::greeting);
  const ClientActions actions = machine.received(samples::of(MessageType::refusal), start_time);
  EXPECT_EQ(answered_code(actions), ErrorCode::permission_denied);
  EXPECT_FALSE(machine.was_admitted());
}

TEST(ClientMachine, AVersionThatWasNotOfferedIsAViolation) {
  ClientMachine machine = in(ClientState::greeting);
  const ClientActions actions =
      machine.received(message::Welcome{.version = 3, .window_bytes = 1 << 20, .host_name = "beta"}, start_time);
  EXPECT_TRUE(sends(actions, MessageType::failure));
  EXPECT_EQ(answered_code(actions), ErrorCode::protocol);
}

TEST(ClientMachine, ADeclinedQuestionLeavesTheSessionAsItWas) {
  ClientMachine machine = in(ClientState::asking);
  const ClientActions actions = machine.received(samples::of(MessageType::declined), start_time);
  EXPECT_EQ(answered_code(actions), ErrorCode::resync_required);
  EXPECT_EQ(machine.state(), ClientState::shipping);
}

TEST(ClientMachine, MoreHashesThanAskedForAreAViolation) {
  ClientMachine machine = in(ClientState::asking);
  const ClientActions actions = machine.received(message::Hashes{.hashes = {{1}, {2}, {3}}}, start_time);
  EXPECT_EQ(answered_code(actions), ErrorCode::protocol);
}

TEST(ClientMachine, AFrameWaitsForRoomAndGoesWithTheAcknowledgement) {
  ClientMachine machine = in(ClientState::shipping);
  ship(machine, 400'000);
  std::uint64_t total = 400'100;
  while (total + 400'000 <= window) {
    ship(machine, 400'000);
    total += 400'000;
  }
  EXPECT_LE(machine.unacknowledged_bytes(), window);
  ClientActions actions = machine.append(ByteCount(std::uint64_t{400'000}), start_time);
  EXPECT_TRUE(actions.empty());
  actions = machine.received(message::Ack{.frame_bytes = 100}, start_time);  // too little
  EXPECT_TRUE(actions.empty());
  actions = machine.received(message::Ack{.frame_bytes = 400'100}, start_time);
  EXPECT_NE(find<SendFrame>(actions), nullptr);
  EXPECT_LE(machine.unacknowledged_bytes(), window);
}

TEST(ClientMachine, AnAcknowledgementOfTheSameOrOfTooMuchIsAViolation) {
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{101}, UINT64_MAX}) {
    ClientMachine machine = in(ClientState::shipping);
    const ClientActions actions = machine.received(message::Ack{.frame_bytes = bytes}, start_time);
    EXPECT_TRUE(sends(actions, MessageType::failure)) << bytes;
  }
}

TEST(ClientMachine, AReceiptAcknowledgesAllFrames) {
  ClientMachine machine = in(ClientState::committing);
  const ClientActions actions = machine.received(samples::of(MessageType::receipt), start_time);
  EXPECT_TRUE(answered_well(actions));
  EXPECT_EQ(machine.unacknowledged_bytes(), 0U);
}

TEST(ClientMachine, AFrameLargerThanAMessageIsRefusedHere) {
  ClientMachine machine = in(ClientState::shipping);
  const ClientActions actions = machine.append(ByteCount(std::uint64_t{limits::message_bytes_max}), start_time);
  EXPECT_EQ(answered_code(actions), ErrorCode::limit_exceeded);
  EXPECT_FALSE(machine.is_over());
}

TEST(ClientMachine, EachCallHasItsDeadline) {
  const SessionTimeouts timeouts;
  const std::array<std::pair<ClientState, Duration>, 6> cases = {{{ClientState::greeting, timeouts.hello},
                                                                  {ClientState::opening, timeouts.opened},
                                                                  {ClientState::beginning, timeouts.begin},
                                                                  {ClientState::committing, timeouts.commit},
                                                                  {ClientState::asking, timeouts.hashes},
                                                                  {ClientState::removing, timeouts.remove}}};
  for (const auto& [state, timeout] : cases) {
    ClientMachine machine = in(state);
    const MonotonicTime before = start_time + timeout + Duration(-1);
    machine.bytes_received(before);  // the peer lives: heartbeats
    machine.bytes_sent(before);
    EXPECT_TRUE(machine.time_passed(before).empty()) << name_of(state);
    EXPECT_EQ(*machine.next_deadline(), start_time + timeout) << name_of(state);
    const ClientActions actions = machine.time_passed(start_time + timeout);
    EXPECT_EQ(answered_code(actions), ErrorCode::timed_out) << name_of(state);
    EXPECT_TRUE(sends(actions, MessageType::failure)) << name_of(state);
  }
}

TEST(ClientMachine, ARoomThatNeverComesEndsTheSession) {
  ClientMachine machine = in(ClientState::shipping);
  while (machine.unacknowledged_bytes() + 400'000 <= window) ship(machine, 400'000);
  EXPECT_TRUE(machine.append(ByteCount(std::uint64_t{400'000}), start_time).empty());
  const MonotonicTime end = start_time + SessionTimeouts{}.window;
  machine.bytes_received(end);
  const ClientActions actions = machine.time_passed(end);
  EXPECT_EQ(answered_code(actions), ErrorCode::timed_out);
}

TEST(ClientMachine, AFirstPointMayTakeLong) {
  ClientMachine machine = in(ClientState::shipping);
  const ClientActions actions = machine.commit(samples::record(1), start_time);
  EXPECT_TRUE(sends(actions, MessageType::commit));
  const MonotonicTime later = start_time + std::chrono::hours(11);
  machine.bytes_received(later);
  machine.bytes_sent(later);
  EXPECT_TRUE(machine.time_passed(later).empty());
}

TEST(ClientMachine, AHeartbeatGoesOutWhenNothingElseDid) {
  ClientMachine machine = in(ClientState::opened);
  EXPECT_EQ(*machine.next_deadline(), start_time + seconds(10));
  EXPECT_TRUE(machine.time_passed(start_time + seconds(9)).empty());
  EXPECT_TRUE(sends(machine.time_passed(start_time + seconds(10)), MessageType::heartbeat));
  EXPECT_TRUE(machine.time_passed(start_time + seconds(19)).empty());
}

TEST(ClientMachine, SilenceIsDeathFromTheWelcomeOn) {
  for (const ClientState state : all_states) {
    if (state == ClientState::created || state == ClientState::greeting || state == ClientState::ended) continue;
    ClientMachine machine = in(state);
    machine.bytes_sent(start_time + seconds(29));
    EXPECT_TRUE(machine.time_passed(start_time + seconds(29)).empty());
    const ClientActions actions = machine.time_passed(start_time + seconds(30));
    const EndSession* end = find<EndSession>(actions);
    ASSERT_NE(end, nullptr) << name_of(state);
    EXPECT_EQ(end->reason.code, ErrorCode::timed_out);
  }
}

TEST(ClientMachine, BytesInTheMiddleOfAMessageAreALifeSign) {
  ClientMachine machine = in(ClientState::opened);
  machine.bytes_received(start_time + seconds(29));
  machine.bytes_sent(start_time + seconds(29));
  EXPECT_TRUE(machine.time_passed(start_time + seconds(35)).empty());
}

TEST(ClientMachine, NothingIsDueBeforeTheStartAndAfterTheEnd) {
  EXPECT_FALSE(in(ClientState::created).next_deadline().has_value());
  EXPECT_FALSE(in(ClientState::ended).next_deadline().has_value());
}

}  // namespace
}  // namespace afterimage::replication
