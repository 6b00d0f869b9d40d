// SPDX-License-Identifier: Apache-2.0
// Both machines against each other, in memory, in any order of events, with cuts at any moment:
//
//   program of a primary ─ ClientMachine ═ bytes both ways ═ ServerMachine ─ a replica that keeps what it took
//                                        ═ lanes, 0 to 2 ═▶
//
// Whatever the order: the replica takes every frame once and in order, nothing that it holds is sent again after a cut,
// both sides keep to the window, and the program comes to its end.
#include <array>
#include <deque>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "tests/transport/replication/samples.h"
#include "transport/replication/client_machine.h"
#include "transport/replication/server_machine.h"

namespace afterimage::replication {
namespace {

constexpr std::uint64_t points_wanted = 4;
constexpr std::uint32_t frames_of_a_cycle = 60;
constexpr std::uint64_t small_window = 2 * limits::message_bytes_max;

// A frame that knows its number, of a size that follows from it.
Bytes numbered_frame(std::uint64_t epoch, std::uint32_t number) {
  return samples::numbered(epoch, number, 1 + (number * 7919U) % 60'000);
}

// What a replica keeps across sessions.
struct Replica {
  Head head;
  std::uint64_t epoch = 0;   // unfinished, 0: none
  std::uint32_t frames = 0;  // of it
};

class Loop {
 public:
  explicit Loop(std::uint64_t seed) : random_(seed), lanes_(1 + seed % lanes_max) {}

  // The number of events it took; 0 if it came to no end.
  std::uint64_t run() {
    connect();
    for (std::uint64_t event = 1; event < 200'000; ++event) {
      step();
      if (testing::Test::HasFailure()) return 0;
      if (acknowledged_ == points_wanted) return event;
    }
    return 0;
  }
  std::uint64_t cuts = 0;
  std::uint64_t overtaken = 0;  // frames that came before one that was sent earlier

 private:
  static constexpr std::size_t lanes_max = 3;
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  void connect() {
    client_.emplace(ClientOptions{.host_name = "alpha", .session = samples::session});
    server_.emplace(ServerOptions{.host_name = "beta",
                                  .window_bytes = small_window,
                                  .lanes = static_cast<std::uint8_t>(lanes_),
                                  .lane_secret = samples::lane_secret},
                    now_);
    to_server_.fill({});
    joined_ = 1;
    to_client_.clear();
    gate_asked_ = false;
    request_.reset();
    begun_ = opened_ = false;
    do_client(client_->start(now_));
  }

  void cut() {
    ++cuts;
    do_client(client_->broken({.code = ErrorCode::unreachable}));
    do_server(server_->broken({.code = ErrorCode::unreachable}));
    EXPECT_FALSE(client_->next_deadline() || server_->next_deadline());
    connect();
  }

  void step() {
    now_ = now_ + std::chrono::milliseconds(below(50));
    switch (below(1000) == 0 ? 4 : below(4)) {
      case 0: deliver_to_server(below(lanes_)); break;
      case 1:
        deliver(to_client_, [this](Message message) { do_client(client_->received(std::move(message), now_)); });
        break;
      case 2: work(); break;
      case 3:
        do_client(client_->time_passed(now_));
        do_server(server_->time_passed(now_));
        break;
      default: cut();
    }
    if (joined_ < lanes_ && client_->lanes_granted() == lanes_ && below(30) == 0) join();
    EXPECT_LE(server_->held_bytes(), small_window);
    EXPECT_LE(client_->unacknowledged_bytes(), small_window);
  }

  void join() {
    if (server_->is_over() || client_->is_over()) return;
    const auto lane = static_cast<std::uint8_t>(joined_);
    const Status status = server_->join({.session = samples::session, .secret = client_->lane_secret(), .lane = lane});
    ASSERT_TRUE(status.has_value()) << status.error().text();
    client_->lane_joined();
    ++joined_;
  }

  void deliver_to_server(std::size_t lane) {
    deliver(to_server_[lane], [&](Message message) {
      if (const auto* frame = std::get_if<message::Frame>(&message)) {
        const std::uint32_t number = format::FrameHeader::parse(frame->bytes).value().identity.number;
        if (number != newest_ + 1 && number < newest_) ++overtaken;
        newest_ = number;
      }
      do_server(lane == 0 ? server_->received(std::move(message), now_)
                          : server_->received_on_lane(std::move(message), now_));
    });
  }

  template <typename Receive>
  void deliver(std::deque<Bytes>& pipe, Receive receive) {
    if (pipe.empty()) return;
    const Bytes bytes = std::move(pipe.front());
    pipe.pop_front();
    Result<Message> message = samples::parse(bytes);
    ASSERT_TRUE(message.has_value()) << message.error().text();
    receive(std::move(*message));
  }

  // --- The primary: opens, adopts what the replica has, and ships cycle after cycle.
  void do_client(const ClientActions& actions) {
    for (const ClientAction& action : actions) {
      if (const auto* message = std::get_if<Message>(&action)) to_server_[0].push_back(encode(*message));
      if (std::holds_alternative<SendFrame>(action)) {
        to_server_[below(joined_)].push_back(encode(message::Frame{numbered_frame(epoch(), next_frame_)}));
        ++next_frame_;
        do_client(client_->frame_sent());
      }
      if (const auto* done = std::get_if<CallDone>(&action); done != nullptr && done->answer) next_call(*done->answer);
    }
  }
  [[nodiscard]] std::uint64_t epoch() const { return acknowledged_ + 1; }

  void next_call(const PortValue& value) {
    if (const auto* welcome = std::get_if<Welcome>(&value)) {
      opened_ = true;
      // Only the point under way can have arrived without our knowing.
      const std::uint64_t head = welcome->head.sequence.value();
      ASSERT_TRUE(head == acknowledged_ || head == acknowledged_ + 1);
      acknowledged_ = head;
    }
    if (const auto* receipt = std::get_if<Receipt>(&value)) {
      ASSERT_EQ(receipt->sequence.value(), acknowledged_ + 1);
      acknowledged_ = receipt->sequence.value();
      begun_ = false;
    }
    if (acknowledged_ == points_wanted) return;
    if (const auto* need = std::get_if<Need>(&value)) {
      begun_ = true;
      next_frame_ = need->first_frame;
    }
    if (!opened_) return do_client(client_->open(samples::machine(), SeedBy::network, now_));
    if (!begun_) {
      return do_client(client_->begin({.epoch = Epoch(epoch()), .parent = head_of(acknowledged_)}, now_));
    }
    if (next_frame_ == frames_of_a_cycle) return do_client(client_->commit(samples::record(acknowledged_ + 1), now_));
    const std::uint64_t bytes = numbered_frame(epoch(), next_frame_).size();
    do_client(client_->append(ByteCount(bytes), now_));
  }
  static Head head_of(std::uint64_t sequence) { return sequence == 0 ? Head{} : samples::head(sequence); }

  // --- The replica: one call at a time, answered when the schedule says so.
  void do_server(ServerActions actions) {
    for (ServerAction& action : actions) {
      if (const auto* message = std::get_if<Message>(&action)) to_client_.push_back(encode(*message));
      if (std::holds_alternative<AskGate>(action)) gate_asked_ = true;
      if (auto* call = std::get_if<CallSink>(&action)) {
        ASSERT_FALSE(request_.has_value()) << "two calls at a time";
        request_ = std::move(call->request);
      }
      if (const auto* end = std::get_if<EndServing>(&action)) {
        ASSERT_EQ(end->reason.code, ErrorCode::unreachable) << end->reason.text();
      }
    }
  }

  void work() {
    if (std::exchange(gate_asked_, false)) return do_server(server_->admitted({}, now_));
    if (!request_) return;
    const SinkRequest request = *std::exchange(request_, {});
    PortValue value = std::visit([this](const auto& body) { return answer(body); }, request);
    do_server(server_->sink_answered(std::move(value)));
  }
  PortValue answer(const message::Open&) { return Welcome{.head = replica_.head}; }
  PortValue answer(const message::Begin& begin) {
    if (begin.begin.epoch.value() != replica_.epoch) replica_.frames = 0;
    replica_.epoch = begin.begin.epoch.value();
    EXPECT_EQ(begin.begin.parent, replica_.head);
    return Need{.first_frame = replica_.frames};
  }
  PortValue answer(const message::Frame& frame) {
    EXPECT_EQ(frame.bytes, numbered_frame(replica_.epoch, replica_.frames)) << "a frame twice, or out of order";
    ++replica_.frames;
    return Done{};
  }
  PortValue answer(const message::Commit& commit) {
    EXPECT_EQ(replica_.frames, frames_of_a_cycle);
    EXPECT_EQ(commit.record.sequence.value(), replica_.head.sequence.value() + 1);
    replica_ = Replica{.head = head_of(commit.record.sequence.value())};
    return Receipt{.sequence = replica_.head.sequence, .digest = replica_.head.digest};
  }
  PortValue answer(const message::HashesRequest&) { return std::vector<format::BlockHash>{}; }
  PortValue answer(const message::Remove&) { return Done{}; }

  std::mt19937_64 random_;
  MonotonicTime now_{1};
  std::optional<ClientMachine> client_;
  std::optional<ServerMachine> server_;
  std::size_t lanes_;       // that the replica grants
  std::size_t joined_ = 1;  // of them, the first included
  std::array<std::deque<Bytes>, lanes_max> to_server_;
  std::uint32_t newest_ = 0;  // number of the frame that came last
  std::deque<Bytes> to_client_;
  Replica replica_;
  bool gate_asked_ = false;
  std::optional<SinkRequest> request_;
  bool opened_ = false;
  bool begun_ = false;
  std::uint64_t acknowledged_ = 0;
  std::uint32_t next_frame_ = 0;
};

TEST(Loop, EveryOrderOfEventsAndCutsComesToTheEnd) {
  std::uint64_t cuts = 0;
  std::uint64_t overtaken = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Loop loop(seed);
    EXPECT_GT(loop.run(), 0U) << "seed " << seed;
    if (HasFailure()) FAIL() << "seed " << seed;
    cuts += loop.cuts;
    overtaken += loop.overtaken;
  }
  EXPECT_GT(overtaken, 1000U);
  EXPECT_GT(cuts, 50U);
}

}  // namespace
}  // namespace afterimage::replication
