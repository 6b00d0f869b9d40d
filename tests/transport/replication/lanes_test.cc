// SPDX-License-Identifier: Apache-2.0
// Lanes in the pure machines: the order of frames, who may join, what may come on a lane, and what may overtake what.
#include <gtest/gtest.h>

#include "tests/transport/replication/samples.h"
#include "transport/replication/client_machine.h"
#include "transport/replication/frame_order.h"
#include "transport/replication/server_machine.h"

namespace afterimage::replication {
namespace {

using std::chrono::minutes;

constexpr MonotonicTime start_time{1'000'000'000};
constexpr std::uint64_t epoch = 9;  // of samples::begin()

// --- FrameOrder.

FrameOrder order_from(std::uint32_t next) {
  FrameOrder order(limits::MiB);
  order.begin(Epoch(epoch), next);
  return order;
}

TEST(FrameOrder, FramesComeOutInTheOrderOfTheirNumbers) {
  FrameOrder order = order_from(4);
  for (const std::uint32_t number : {6U, 5U, 7U}) {
    ASSERT_TRUE(order.put(samples::numbered(epoch, number)).has_value());
    EXPECT_FALSE(order.take().has_value());
  }
  ASSERT_TRUE(order.put(samples::numbered(epoch, 4)).has_value());
  for (const std::uint32_t number : {4U, 5U, 6U, 7U}) EXPECT_EQ(order.take(), samples::numbered(epoch, number));
  EXPECT_FALSE(order.take().has_value());
}

void expect_misplaced(FrameOrder& order, Bytes frame, std::string_view why) {
  const Status status = order.put(std::move(frame));
  ASSERT_FALSE(status.has_value()) << why;
  EXPECT_EQ(status.error().code, ErrorCode::protocol);
  EXPECT_NE(status.error().text().find(why), std::string::npos) << status.error().text();
}

TEST(FrameOrder, WhatNoSoundPrimarySendsIsAViolation) {
  FrameOrder order = order_from(4);
  ASSERT_TRUE(order.put(samples::numbered(epoch, 6)).has_value());
  expect_misplaced(order, samples::numbered(epoch, 6), "frame 6 of epoch 9 twice");
  expect_misplaced(order, samples::numbered(epoch, 3), "frame 3 of epoch 9 twice");
  expect_misplaced(order, samples::numbered(epoch + 1, 4), "frame 4 of epoch 10 while it ships epoch 9");
  expect_misplaced(order, samples::numbered(epoch, 4 + (1 << 20) / 64), "which no window allows");
  expect_misplaced(order, samples::frame(), "does not parse");
  ASSERT_TRUE(order.put(samples::numbered(epoch, 4 + (1 << 20) / 64 - 1)).has_value());
}

TEST(FrameOrder, AnotherEpochDropsWhatWasHeld) {
  FrameOrder order = order_from(4);
  ASSERT_TRUE(order.put(samples::numbered(epoch, 5)).has_value());
  order.begin(Epoch(epoch + 1), 5);
  EXPECT_FALSE(order.take().has_value());
  ASSERT_TRUE(order.put(samples::numbered(epoch + 1, 5)).has_value());
  EXPECT_EQ(order.take(), samples::numbered(epoch + 1, 5));
}

// --- The replica.

template <typename T>
const T* find(const ServerActions& actions) {
  for (const ServerAction& action : actions) {
    if (const T* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}
bool calls(const ServerActions& actions, MessageType type) {
  const CallSink* call = find<CallSink>(actions);
  return call != nullptr && std::visit([](const auto& body) { return body.type; }, call->request) == type;
}
bool violates(const ServerActions& actions, std::string_view why) {
  const EndServing* end = find<EndServing>(actions);
  return end != nullptr && end->reason.code == ErrorCode::protocol && end->reason.text().find(why) != std::string::npos;
}
ServerActions hear(ServerMachine& machine, MessageType type) { return machine.received(samples::of(type), start_time); }
message::Frame frame_of(std::uint32_t number) { return {.bytes = samples::numbered(epoch, number)}; }
Status join(ServerMachine& machine, std::uint8_t lane, LaneSecret secret = samples::lane_secret) {
  return machine.join({.session = samples::session, .secret = secret, .lane = lane});
}

// A session with `lanes` granted that waits for frame 4 of its epoch.
ServerMachine shipping(std::uint8_t lanes = 3, VersionRange primary = spoken_versions) {
  ServerMachine machine({.host_name = "beta", .lanes = lanes, .lane_secret = samples::lane_secret}, start_time);
  EXPECT_FALSE(machine.received(message::Hello{.versions = primary, .session = samples::session}, start_time).empty());
  EXPECT_FALSE(machine.admitted({}, start_time).empty());
  EXPECT_FALSE(hear(machine, MessageType::open).empty());
  EXPECT_FALSE(machine.sink_answered(PortValue(samples::welcome())).empty());
  EXPECT_FALSE(hear(machine, MessageType::begin).empty());
  EXPECT_FALSE(machine.sink_answered(PortValue(Need{.first_frame = 4})).empty());
  return machine;
}
ServerMachine shipping_on_lanes() {
  ServerMachine machine = shipping();
  EXPECT_TRUE(join(machine, 1).has_value());
  EXPECT_TRUE(join(machine, 2).has_value());
  return machine;
}
ServerActions take(ServerMachine& machine) { return machine.sink_answered(PortValue(Done{})); }

TEST(ServerLanes, TheWelcomeGrantsThemToAPrimaryThatKnowsThem) {
  ServerMachine machine({.host_name = "beta", .lanes = 3, .lane_secret = samples::lane_secret}, start_time);
  EXPECT_FALSE(hear(machine, MessageType::hello).empty());
  const ServerActions actions = machine.admitted({}, start_time);
  const auto& welcome = std::get<message::Welcome>(*find<Message>(actions));
  EXPECT_EQ(welcome.lanes, 3);
  EXPECT_EQ(welcome.lane_secret, samples::lane_secret);
}

TEST(ServerLanes, AnOlderPrimaryHasOneConnectionAndItsFramesAreNotLookedInto) {
  ServerMachine machine = shipping(3, {.min = 1, .max = 1});
  EXPECT_FALSE(join(machine, 1).has_value());
  EXPECT_TRUE(calls(machine.received(message::Frame{samples::frame()}, start_time), MessageType::frame));
  EXPECT_TRUE(violates(machine.received(message::FramesSent{.frames = 1}, start_time), "frames_sent"));
}

TEST(ServerLanes, OnlyWhoKnowsTheSecretJoinsAndEachLaneOnce) {
  ServerMachine machine = shipping();
  LaneSecret other = samples::lane_secret;
  other.bytes.back() = std::byte{1};
  EXPECT_EQ(join(machine, 1, other).error().code, ErrorCode::permission_denied);
  EXPECT_EQ(join(machine, 1, LaneSecret{}).error().code, ErrorCode::permission_denied);
  EXPECT_EQ(join(machine, 0).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(join(machine, 3).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(machine.lanes_used(), 1U);
  EXPECT_TRUE(join(machine, 2).has_value());
  EXPECT_EQ(join(machine, 2).error().code, ErrorCode::conflict);
  EXPECT_EQ(machine.lanes_used(), 2U);
}

TEST(ServerLanes, NobodyJoinsBeforeTheWelcomeOrAfterTheEnd) {
  ServerMachine early({.host_name = "beta", .lanes = 3, .lane_secret = samples::lane_secret}, start_time);
  EXPECT_EQ(join(early, 1).error().code, ErrorCode::not_found);
  ServerMachine over = shipping();
  EXPECT_FALSE(over.broken({.code = ErrorCode::unreachable}).empty());
  EXPECT_EQ(join(over, 1).error().code, ErrorCode::not_found);
  ServerMachine alone = shipping(1);
  EXPECT_EQ(join(alone, 1).error().code, ErrorCode::permission_denied);
}

TEST(ServerLanes, FramesOfAllLanesReachTheSinkInOrder) {
  ServerMachine machine = shipping_on_lanes();
  EXPECT_TRUE(machine.received_on_lane(frame_of(6), start_time).empty());
  EXPECT_TRUE(machine.received_on_lane(frame_of(5), start_time).empty());
  ServerActions actions = machine.received(frame_of(4), start_time);
  for (const std::uint32_t number : {4U, 5U, 6U}) {
    ASSERT_TRUE(calls(actions, MessageType::frame));
    EXPECT_EQ(std::get<message::Frame>(find<CallSink>(actions)->request).bytes, samples::numbered(epoch, number));
    actions = take(machine);
  }
  EXPECT_EQ(machine.held_bytes(), 0U);
}

TEST(ServerLanes, ARequestThatOvertookFramesWaitsForThem) {
  ServerMachine machine = shipping_on_lanes();
  EXPECT_TRUE(machine.received_on_lane(frame_of(5), start_time).empty());
  EXPECT_TRUE(machine.received(message::FramesSent{.frames = 3}, start_time).empty());
  EXPECT_TRUE(hear(machine, MessageType::commit).empty());
  EXPECT_EQ(machine.state(), ServerState::answering);
  EXPECT_TRUE(calls(machine.received_on_lane(frame_of(4), start_time), MessageType::frame));
  EXPECT_TRUE(calls(take(machine), MessageType::frame));
  EXPECT_TRUE(take(machine).empty());  // two of three are taken
  EXPECT_TRUE(calls(machine.received_on_lane(frame_of(6), start_time), MessageType::frame));
  EXPECT_TRUE(calls(take(machine), MessageType::commit));
  EXPECT_FALSE(machine.next_deadline() == start_time + minutes(5));
  EXPECT_TRUE(violates(machine.received_on_lane(frame_of(7), start_time), "'frame'"));  // nothing was due any more
}

TEST(ServerLanes, ARequestWhoseFramesNeverComeTimesOut) {
  ServerMachine machine = shipping_on_lanes();
  EXPECT_TRUE(machine.received(message::FramesSent{.frames = 1}, start_time).empty());
  EXPECT_TRUE(hear(machine, MessageType::begin).empty());
  machine.bytes_received(start_time + minutes(5));
  machine.bytes_sent(start_time + minutes(5));
  const ServerActions actions = machine.time_passed(start_time + minutes(5));
  ASSERT_NE(find<EndServing>(actions), nullptr);
  EXPECT_EQ(find<EndServing>(actions)->reason.code, ErrorCode::timed_out);
}

TEST(ServerLanes, ThereIsOneRequestAtATimeWhileItWaits) {
  ServerMachine machine = shipping_on_lanes();
  EXPECT_TRUE(machine.received(message::FramesSent{.frames = 1}, start_time).empty());
  EXPECT_TRUE(hear(machine, MessageType::commit).empty());
  ServerMachine again = machine;
  EXPECT_TRUE(violates(hear(again, MessageType::commit), "'commit'"));
  // The commit may have overtaken a frame of its own lane, too.
  EXPECT_TRUE(calls(machine.received(frame_of(4), start_time), MessageType::frame));
  EXPECT_TRUE(violates(machine.received(frame_of(5), start_time), "'frame'"));
}

TEST(ServerLanes, ACountOfFramesThatCannotBeIsAViolation) {
  ServerMachine machine = shipping_on_lanes();
  EXPECT_TRUE(machine.received_on_lane(frame_of(5), start_time).empty());
  ServerMachine again = machine;
  EXPECT_TRUE(violates(machine.received(message::FramesSent{.frames = 0}, start_time), "0 frames, and 1 have come"));
  EXPECT_TRUE(violates(again.received(message::FramesSent{.frames = UINT64_MAX}, start_time), "have come"));
}

TEST(ServerLanes, ALaneCarriesFramesAndHeartbeatsAlone) {
  for (const Message& message : samples::all()) {
    ServerMachine machine = shipping_on_lanes();
    const MessageType type = type_of(message);
    const ServerActions actions = machine.received_on_lane(message, start_time);
    const std::string_view why = type == MessageType::frame ? "does not parse" : name_of(type);
    EXPECT_EQ(violates(actions, why), type != MessageType::heartbeat) << name_of(type);
  }
  ServerMachine opened({.host_name = "beta", .lanes = 3, .lane_secret = samples::lane_secret}, start_time);
  EXPECT_FALSE(hear(opened, MessageType::hello).empty());
  EXPECT_FALSE(opened.admitted({}, start_time).empty());
  ASSERT_TRUE(join(opened, 1).has_value());
  EXPECT_TRUE(opened.received_on_lane(message::Heartbeat{}, start_time).empty());
  EXPECT_TRUE(violates(opened.received_on_lane(frame_of(0), start_time), "'frame'"));
}

TEST(ServerLanes, TheWindowIsOneForAllLanes) {
  ServerMachine machine = shipping_on_lanes();
  std::uint64_t held = 0;
  for (std::uint32_t number = 5;; ++number) {  // frame 4 does not come
    const Bytes frame = samples::numbered(epoch, number, 100'000);
    const ServerActions actions = number % 2 == 0 ? machine.received(message::Frame{frame}, start_time)
                                                  : machine.received_on_lane(message::Frame{frame}, start_time);
    if (held + frame.size() > limits::session_window_bytes) {
      EXPECT_TRUE(violates(actions, "more frames than the window"));
      break;
    }
    EXPECT_TRUE(actions.empty());
    held += frame.size();
    ASSERT_EQ(machine.held_bytes(), held);
  }
}

TEST(ServerLanes, ACutLetsTheSinkTakeWhatStandsInOrder) {
  ServerMachine machine = shipping_on_lanes();
  EXPECT_TRUE(calls(machine.received_on_lane(frame_of(4), start_time), MessageType::frame));
  EXPECT_TRUE(machine.received_on_lane(frame_of(5), start_time).empty());
  EXPECT_TRUE(machine.received_on_lane(frame_of(7), start_time).empty());
  EXPECT_TRUE(machine.received(message::FramesSent{.frames = 4}, start_time).empty());
  EXPECT_TRUE(hear(machine, MessageType::commit).empty());
  EXPECT_TRUE(machine.broken({.code = ErrorCode::unreachable}).empty());
  EXPECT_TRUE(machine.received_on_lane(frame_of(6), start_time).empty());  // too late
  EXPECT_TRUE(calls(take(machine), MessageType::frame));
  const ServerActions actions = take(machine);
  ASSERT_NE(find<EndServing>(actions), nullptr);
  EXPECT_EQ(find<EndServing>(actions)->kind, SessionEndKind::failed);
}

TEST(ServerLanes, AByeDropsTheRequestThatWaits) {
  ServerMachine machine = shipping_on_lanes();
  EXPECT_TRUE(machine.received(message::FramesSent{.frames = 1}, start_time).empty());
  EXPECT_TRUE(hear(machine, MessageType::commit).empty());
  const ServerActions actions = hear(machine, MessageType::bye);
  ASSERT_NE(find<EndServing>(actions), nullptr);
  EXPECT_EQ(find<EndServing>(actions)->kind, SessionEndKind::completed);
}

// --- The primary.

std::vector<MessageType> sent(const ClientActions& actions) {
  std::vector<MessageType> types;
  for (const ClientAction& action : actions) {
    if (const auto* message = std::get_if<Message>(&action)) types.push_back(type_of(*message));
  }
  return types;
}

ClientMachine primary_that_ships() {
  ClientMachine machine({.host_name = "alpha", .session = samples::session});
  const auto hear = [&machine](MessageType type) {
    EXPECT_FALSE(machine.received(samples::of(type), start_time).empty());
  };
  EXPECT_FALSE(machine.start(start_time).empty());
  hear(MessageType::welcome);
  EXPECT_FALSE(machine.open(samples::machine(), SeedBy::network, start_time).empty());
  hear(MessageType::opened);
  EXPECT_FALSE(machine.begin(samples::begin(), start_time).empty());
  hear(MessageType::need);
  return machine;
}
void ship(ClientMachine& machine) {
  EXPECT_FALSE(machine.append(ByteCount(std::uint64_t{100}), start_time).empty());
  EXPECT_FALSE(machine.frame_sent().empty());
}

TEST(ClientLanes, TheWelcomeTellsHowManyAndTheSecret) {
  const ClientMachine machine = primary_that_ships();
  EXPECT_EQ(machine.lanes_granted(), 3U);
  EXPECT_EQ(machine.lane_secret(), samples::lane_secret);
  ClientMachine older({.host_name = "alpha", .session = samples::session});
  EXPECT_FALSE(older.start(start_time).empty());
  EXPECT_FALSE(older.received(message::Welcome{.version = 1, .host_name = "beta"}, start_time).empty());
  EXPECT_EQ(older.lanes_granted(), 1U);
}

TEST(ClientLanes, WithOneConnectionRequestsStandAlone) {
  ClientMachine machine = primary_that_ships();
  ship(machine);
  EXPECT_EQ(sent(machine.commit(samples::record(8), start_time)), std::vector{MessageType::commit});
}

TEST(ClientLanes, ARequestBehindFramesSaysHowManyThereWere) {
  ClientMachine machine = primary_that_ships();
  ship(machine);
  machine.lane_joined();
  ship(machine);
  const ClientActions asking = machine.block_hashes(samples::disk, samples::extent(16, 2), start_time);
  EXPECT_EQ(sent(asking), (std::vector{MessageType::frames_sent, MessageType::hashes_request}));
  EXPECT_EQ(std::get<message::FramesSent>(std::get<Message>(asking.front())).frames, 2U);
  EXPECT_FALSE(machine.received(samples::of(MessageType::hashes), start_time).empty());
  const ClientActions commit = machine.commit(samples::record(8), start_time);
  EXPECT_EQ(sent(commit), std::vector{MessageType::commit});  // no frame since it was said
}

}  // namespace
}  // namespace afterimage::replication
