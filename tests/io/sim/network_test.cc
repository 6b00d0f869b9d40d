// SPDX-License-Identifier: Apache-2.0
// The network between nodes and how it fails.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/task_group.h"
#include "tests/io/sim/sim_host.h"

namespace afterimage::io::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Ends {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

Task<void> connect_into(Network& network, Scope& scope, Endpoint to, Result<std::unique_ptr<Stream>>& out) {
  auto connecting = network.connect(scope, std::move(to));
  out = co_await connecting;
}

// Reads `bytes`, or until the stream ends; what it got and how it ended.
struct Reading {
  std::string text;
  std::optional<ErrorCode> error;
  bool ended = false;
};

Task<void> read_into(Scope& scope, Stream& stream, Reading& out) {
  Bytes buffer(1000);
  while (true) {
    auto reading = stream.read_some(scope, buffer);
    const auto count = co_await reading;
    if (!count) {
      out.error = count.error().code;
      co_return;
    }
    if (*count == 0) {
      out.ended = true;
      co_return;
    }
    out.text += text_of(ByteView(buffer).first(*count));
  }
}

class SimNetwork : public testing::Test {
 protected:
  [[nodiscard]] Ends connect() {
    auto listener = run(world_, replica_.platform().network.listen(replica_.scope(), {.port = 8084}));
    EXPECT_TRUE(listener);
    Result<std::unique_ptr<Stream>> client = nullptr;
    TaskGroup group(primary_.platform().reactor);
    group.spawn(connect_into(primary_.platform().network, primary_.scope(), {.host = "replica", .port = 8084}, client));
    auto server = run(world_, (*listener)->accept(replica_.scope()));
    EXPECT_EQ(world_.run_for(milliseconds(10)).stop, Stop::done);
    EXPECT_TRUE(client && server);
    return {.client = client ? std::move(*client) : nullptr, .server = server ? std::move(*server) : nullptr};
  }
  [[nodiscard]] Result<std::unique_ptr<Stream>> try_connect(Duration patience) {
    Scope scope(primary_.scope(), patience);
    return run(world_, primary_.platform().network.connect(scope, {.host = "replica", .port = 8084}));
  }
  // What the replica hears of `text` within a minute.
  [[nodiscard]] Reading hear(Ends& ends, std::string_view text) {
    Reading heard;
    Scope scope(replica_.scope());
    TaskGroup group(replica_.platform().reactor);
    group.spawn(read_into(scope, *ends.server, heard));
    written_ = run(world_, ends.client->write(primary_.scope(), view_of(text)));
    EXPECT_EQ(world_.run_for(seconds(60)).stop, Stop::done);
    return heard;
  }

  World world_{{.seed = 7}};
  SimHost primary_{world_, "primary"};
  SimHost replica_{world_, "replica"};
  Status written_;
};

TEST_F(SimNetwork, AMessageTravelsAndIsCounted) {
  Ends ends = connect();
  EXPECT_EQ(hear(ends, "hello").text, "hello");
  EXPECT_EQ(world_.bytes_carried(primary_.node(), replica_.node()).value(), 5U);
  EXPECT_EQ(world_.bytes_carried(replica_.node(), primary_.node()).value(), 0U);
  EXPECT_EQ(world_.connections_made(primary_.node(), replica_.node()), 1U);
}

TEST_F(SimNetwork, TheLinkCanBeCutAtAnyByte) {
  const std::string text = "0123456789";
  for (std::uint64_t bytes = 0; bytes <= text.size(); ++bytes) {
    Ends ends = connect();
    world_.cut_after(primary_.node(), replica_.node(), ByteCount(bytes), CutKind::reset);
    const Reading heard = hear(ends, text);
    EXPECT_TRUE(text.substr(0, bytes).starts_with(heard.text)) << "a reset may overtake the reader, nothing else";
    EXPECT_EQ(heard.error, ErrorCode::unreachable);
    Bytes buffer(1);
    EXPECT_EQ(run(world_, ends.client->read_some(primary_.scope(), buffer)).error().code, ErrorCode::unreachable);
  }
}

TEST_F(SimNetwork, AHalfOpenLinkLeavesOneSideWaiting) {
  Ends ends = connect();
  world_.cut(primary_.node(), replica_.node(), CutKind::half_open_first);
  const Reading heard = hear(ends, "x");
  EXPECT_EQ(written_.error().code, ErrorCode::unreachable);
  EXPECT_EQ(heard.text, "");
  EXPECT_FALSE(heard.error || heard.ended) << "the replica hears nothing, ever";
}

TEST_F(SimNetwork, ASilentCutTellsNobody) {
  Ends ends = connect();
  world_.cut(primary_.node(), replica_.node(), CutKind::silent);
  const Reading heard = hear(ends, "x");
  EXPECT_TRUE(written_) << "the kernel took it";
  EXPECT_TRUE(heard.text.empty() && !heard.error && !heard.ended);
  const std::string much(1 << 20, 'x');
  Scope short_time(primary_.scope(), seconds(5));
  EXPECT_EQ(run(world_, ends.client->write(short_time, view_of(much))).error().code, ErrorCode::timed_out);
}

TEST_F(SimNetwork, APartitionStallsStreamsAndHealingGoesOn) {
  Ends ends = connect();
  world_.partition(primary_.node(), replica_.node(), PartitionKind::silent);
  Reading heard;
  TaskGroup group(replica_.platform().reactor);
  group.spawn(read_into(replica_.scope(), *ends.server, heard));
  ASSERT_TRUE(run(world_, ends.client->write(primary_.scope(), view_of("later"))));
  EXPECT_EQ(world_.run_for(seconds(30)).stop, Stop::done);
  EXPECT_EQ(heard.text, "");
  world_.heal(primary_.node(), replica_.node());
  EXPECT_EQ(world_.run_for(seconds(1)).stop, Stop::done);
  EXPECT_EQ(heard.text, "later");
}

TEST_F(SimNetwork, ConnectingOverAPartitionWaitsOrIsRefused) {
  const auto listener = run(world_, replica_.platform().network.listen(replica_.scope(), {.port = 8084}));
  ASSERT_TRUE(listener);
  world_.partition(primary_.node(), replica_.node(), PartitionKind::silent);
  EXPECT_EQ(try_connect(seconds(5)).error().code, ErrorCode::timed_out);
  EXPECT_EQ(try_connect(std::chrono::minutes(10)).error().code, ErrorCode::timed_out);
  world_.partition(primary_.node(), replica_.node(), PartitionKind::refused);
  EXPECT_EQ(try_connect(seconds(5)).error().code, ErrorCode::unreachable);
  world_.heal(primary_.node(), replica_.node());
  EXPECT_TRUE(try_connect(seconds(5)));
}

TEST_F(SimNetwork, AKilledPeerEndsOrResetsAndRefuses) {
  std::map<std::string, int> outcomes;
  for (int round = 0; round < 60; ++round) {
    Ends ends = connect();
    Reading heard;
    TaskGroup group(primary_.platform().reactor);
    group.spawn(read_into(primary_.scope(), *ends.client, heard));
    ASSERT_TRUE(run(world_, ends.server->write(replica_.scope(), view_of("last words"))));
    world_.kill(replica_.node());
    EXPECT_EQ(world_.run_for(seconds(60)).stop, Stop::done);
    EXPECT_TRUE(heard.error || heard.ended);
    ++outcomes[heard.text + (heard.ended ? " end" : " reset")];
    EXPECT_EQ(try_connect(seconds(5)).error().code, ErrorCode::unreachable);
    ends.server.reset();
    replica_.crash_and_restart(CrashKind::kill);
  }
  EXPECT_TRUE(outcomes.contains("last words end"));
  EXPECT_TRUE(outcomes.contains(" reset"));
}

TEST_F(SimNetwork, AHostWithoutPowerIsSilentUntilItIsBack) {
  Ends ends = connect();
  Reading heard;
  TaskGroup group(primary_.platform().reactor);
  group.spawn(read_into(primary_.scope(), *ends.client, heard));
  world_.power_cut(replica_.node());
  ASSERT_TRUE(run(world_, ends.client->write(primary_.scope(), view_of("anybody?"))));
  EXPECT_EQ(world_.run_for(seconds(60)).stop, Stop::done);
  EXPECT_FALSE(heard.error || heard.ended);
  EXPECT_EQ(try_connect(seconds(5)).error().code, ErrorCode::timed_out);
  ends.server.reset();
  replica_.crash_and_restart(CrashKind::power_cut);
  EXPECT_EQ(world_.run_for(seconds(1)).stop, Stop::done);
  EXPECT_EQ(heard.error, ErrorCode::unreachable) << "the new kernel knows nothing of the connection";
}

TEST_F(SimNetwork, BandwidthTakesTime) {
  Ends ends = connect();
  world_.set_bandwidth(primary_.node(), replica_.node(), ByteCount(std::uint64_t{1000}));
  Reading heard;
  TaskGroup group(replica_.platform().reactor);
  group.spawn(read_into(replica_.scope(), *ends.server, heard));
  ASSERT_TRUE(run(world_, ends.client->write(primary_.scope(), view_of(std::string(5000, 'x')))));
  EXPECT_EQ(world_.run_for(milliseconds(4900)).stop, Stop::done);
  EXPECT_EQ(heard.text.size(), 0U);
  EXPECT_EQ(world_.run_for(milliseconds(200)).stop, Stop::done);
  EXPECT_EQ(heard.text.size(), 5000U);
}

TEST_F(SimNetwork, AnInjectedErrorBreaksTheStream) {
  Ends ends = connect();
  primary_.disk().fail_next(OperationKind::send);
  const Reading heard = hear(ends, "x");
  EXPECT_EQ(written_.error().code, ErrorCode::unreachable);
  EXPECT_EQ(heard.error, ErrorCode::unreachable);
}

TEST_F(SimNetwork, ACrashAtASendIsTheReceiversLoss) {
  Ends ends = connect();
  world_.crash_at(primary_.node(),
                  {.match = {.kind = OperationKind::send, .path_part = "replica"}, .kind = CrashKind::kill});
  EXPECT_EQ(run(world_, ends.client->write(primary_.scope(), view_of("x"))).error().code, ErrorCode::cancelled);
  EXPECT_FALSE(world_.is_up(primary_.node()));
  EXPECT_TRUE(world_.is_up(replica_.node()));
}

}  // namespace
}  // namespace afterimage::io::sim
