// SPDX-License-Identifier: Apache-2.0
// Two primaries and a replica in a simulated world, with sessions over plain streams.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "io/scope.h"
#include "io/sim/world.h"
#include "io/task_group.h"
#include "tests/transport/replication/fake_replica.h"
#include "transport/replication/remote_sink.h"
#include "transport/replication/server.h"

namespace afterimage::replication {

// Keeps the notes of one side.
class NoteBook final : public SessionLog {
 public:
  void note(const SessionNote& note) override { notes.push_back(note); }
  [[nodiscard]] const SessionNote* find(SessionNoteKind kind) const {
    for (const SessionNote& note : notes) {
      if (note.kind == kind) return &note;
    }
    return nullptr;
  }
  std::vector<SessionNote> notes;
};

// A stream that breaks once so many bytes were written.
class BreakingStream final : public io::Stream {
 public:
  BreakingStream(std::unique_ptr<io::Stream> stream, std::uint64_t bytes) : stream_(std::move(stream)), left_(bytes) {}

  io::Task<Result<std::size_t>> read_some(io::Scope& scope, MutableBytes out) override {
    return stream_->read_some(scope, out);
  }
  io::Task<Status> write(io::Scope& scope, ByteView data) override {
    if (data.size() > left_) {
      AFI_CO_TRY_STATUS(stream_->write(scope, data.first(left_)));
      stream_->close();
      co_return fail(ErrorCode::unreachable, "write", "the line broke");
    }
    left_ -= data.size();
    AFI_CO_TRY_STATUS(stream_->write(scope, data));
    co_return Status{};
  }
  io::Task<Status> shutdown_write(io::Scope& scope) override { return stream_->shutdown_write(scope); }
  void close() override { stream_->close(); }
  std::string peer() const override { return stream_->peer(); }
  std::optional<io::PeerCredentials> credentials() const override { return {}; }

 private:
  std::unique_ptr<io::Stream> stream_;
  std::uint64_t left_;
};

// A host's incarnation: its scope and its tasks. Members die in the order that a kill would have them.
struct Host {
  explicit Host(io::Platform its_platform) : platform(its_platform), scope(platform.reactor), tasks(platform.reactor) {}
  io::Platform platform;
  io::Scope scope;
  io::TaskGroup tasks;
};

struct SessionWorld {
  explicit SessionWorld(std::uint64_t seed = 1, Duration network_delay_max = std::chrono::microseconds(400))
      : world({.seed = seed, .network_delay = {.min = std::chrono::microseconds(20), .max = network_delay_max}}),
        primary_node(world.add_node("alpha")),
        other_node(world.add_node("gamma")),
        replica_node(world.add_node("beta")),
        primary(std::make_unique<Host>(world.platform(primary_node))),
        other(std::make_unique<Host>(world.platform(other_node))),
        replica(std::make_unique<Host>(world.platform(replica_node))) {
    replica->tasks.spawn(listen());
  }

  // What the server tells its clients about itself and how it bounds them; set before they connect.
  ServeOptions serve_options() {
    return {.host_name = "beta",
            .log = &replica_notes,
            .table = &table,
            .versions = replica_versions,
            .window_bytes = window_bytes,
            .lanes = static_cast<std::uint8_t>(lanes_granted),
            .lane_secret = samples::lane_secret,
            .timeouts = timeouts};
  }
  io::Task<void> listen() {
    auto listening = replica->platform.network.listen(replica->scope, {.host = "", .port = 8084});
    auto listener = co_await listening;
    if (!listener) co_return;
    while (true) {
      auto accepting = (*listener)->accept(replica->scope);
      auto stream = co_await accepting;
      if (!stream) co_return;
      replica->tasks.spawn(serve(std::move(*stream)));
    }
  }
  // The peer's id and name follow from the node it comes from, as a certificate would tell.
  io::Task<void> serve(std::unique_ptr<io::Stream> stream) {
    const bool is_other = stream->peer().starts_with("gamma");
    Peer peer{.id = HostId{{is_other ? std::byte{2} : std::byte{1}}}, .name = is_other ? "gamma" : "alpha"};
    auto serving = serve_session(replica->scope, std::move(stream), gate, std::move(peer), serve_options());
    ends.push_back(co_await serving);
  }

  static io::Task<Result<std::unique_ptr<io::Stream>>> dial(Host& host) {
    auto connecting = host.platform.network.connect(host.scope, {.host = "beta", .port = 8084});
    co_return co_await connecting;
  }
  // Dials the replica again and again.
  class Door final : public LaneDoor {
   public:
    Door(Host& host, std::uint64_t break_after) : host_(host), break_after_(break_after) {}
    io::Task<Result<std::unique_ptr<io::Stream>>> open(io::Scope& scope) override {
      AFI_CO_TRY(std::unique_ptr<io::Stream> stream,
                 host_.platform.network.connect(scope, {.host = "beta", .port = 8084}));
      co_return std::make_unique<BreakingStream>(std::move(stream), break_after_);
    }

   private:
    Host& host_;
    std::uint64_t break_after_;
  };
  io::Task<Result<std::unique_ptr<RemoteSink>>> connect(Host& host) {
    auto dialling = dial(host);
    auto stream = co_await dialling;
    if (!stream) co_return fail(stream.error());
    RemoteSinkOptions options{.host_name = "alpha",
                              .session = host.platform.random.make_id<SessionId>(),
                              .tasks = &host.tasks,
                              .log = &primary_notes,
                              .traffic = traffic,
                              .versions = primary_versions,
                              .lanes = lanes,
                              .door = std::make_shared<Door>(host, break_lanes_after),
                              .lanes_after_bytes = lanes_after_bytes,
                              .timeouts = timeouts};
    auto connecting = connect_remote_sink(host.scope, std::move(*stream), std::move(options));
    co_return co_await connecting;
  }

  // Runs a task of a test to its end. Asks for its value; a stalled world is a failure of the test.
  template <typename T>
  auto run(io::Task<T> task) {
    return io::sim::run(world, std::move(task));
  }
  // A session that is admitted.
  std::unique_ptr<RemoteSink> connected(Host& host) {
    auto sink = run(connect(host));
    EXPECT_TRUE(sink.has_value()) << sink.error().text();
    return sink ? std::move(*sink) : nullptr;
  }
  std::unique_ptr<RemoteSink> connected() { return connected(*primary); }
  // The same, and the machine is open.
  std::unique_ptr<RemoteSink> opened(Host& host, const MachineDescription& machine = samples::machine()) {
    auto sink = connected(host);
    const auto welcome = run(sink->open(host.scope, machine, SeedBy::network));
    EXPECT_TRUE(welcome.has_value()) << welcome.error().text();
    return sink;
  }
  std::unique_ptr<RemoteSink> opened() { return opened(*primary); }
  void pass(Duration duration) {
    const io::sim::RunOutcome outcome = world.run_for(duration);
    EXPECT_EQ(outcome.stop, io::sim::Stop::done) << outcome.detail;
  }

  io::sim::World world;
  io::sim::NodeId primary_node;
  io::sim::NodeId other_node;
  io::sim::NodeId replica_node;
  SessionTimeouts timeouts;
  VersionRange primary_versions = spoken_versions;
  VersionRange replica_versions = spoken_versions;
  std::uint64_t window_bytes = limits::session_window_bytes;
  std::size_t lanes = 1;
  std::size_t lanes_granted = 1;
  std::uint64_t lanes_after_bytes = 0;
  std::uint64_t break_lanes_after = UINT64_MAX;  // bytes that a further lane carries
  FakeReplica gate;
  SessionTable table;
  NoteBook primary_notes;
  NoteBook replica_notes;
  std::shared_ptr<TrafficCounters> traffic = std::make_shared<TrafficCounters>();
  std::vector<SessionEnd> ends;
  std::unique_ptr<Host> primary;
  std::unique_ptr<Host> other;
  std::unique_ptr<Host> replica;
};

// The cycle that makes the next point of samples::machine(): begins where the replica stands, sends what it needs.
inline io::Task<Result<Receipt>> ship_cycle(io::Scope& scope, PointSink& sink, std::uint64_t sequence,
                                            std::uint32_t frames, std::size_t frame_bytes) {
  const Head parent = sequence == 1 ? Head{} : samples::head(sequence - 1);
  AFI_CO_TRY(const Need need, sink.begin(scope, {.epoch = Epoch(sequence + 1), .parent = parent}));
  for (std::uint32_t number = need.first_frame; number < frames; ++number) {
    const Bytes frame = samples::numbered(sequence + 1, number, frame_bytes);
    AFI_CO_TRY_STATUS(sink.append(scope, frame));
  }
  format::PointRecord record = samples::record(sequence);
  record.frame_count = frames;
  AFI_CO_TRY(const Receipt receipt, sink.commit(scope, record));
  co_return receipt;
}

// One session after the other, each with a fresh replica, until the primary's scope ends: something to crash into.
inline io::Task<void> ship_forever(SessionWorld& w, io::Task<Status> (*one_session)(SessionWorld&)) {
  while (true) {
    auto session = one_session(w);
    const Status status = co_await session;
    (void)status;
    w.gate.machines.clear();
    auto sleeping = io::sleep_for(w.primary->scope, std::chrono::microseconds(100));
    const Status slept = co_await sleeping;
    if (!slept) co_return;
  }
}

}  // namespace afterimage::replication
