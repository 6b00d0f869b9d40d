// SPDX-License-Identifier: Apache-2.0
// Sessions over TCP of the real kernel: what a simulation does not have is a reset that overtakes unread bytes.
#include <gtest/gtest.h>

#include "io/posix/platform.h"
#include "io/task_group.h"
#include "tests/transport/replication/session_fixture.h"

namespace afterimage::replication {
namespace {

struct SocketWorld {
  SocketWorld()
      : made(std::move(*io::posix::PosixPlatform::create())),
        platform(made->platform()),
        scope(platform.reactor),
        tasks(platform.reactor),
        listener(std::move(*run(platform.network.listen(scope, {.host = "127.0.0.1", .port = 0})))) {
    tasks.spawn(serve_one());
  }
  ~SocketWorld() {
    scope.cancel();
    run(tasks.join());
  }
  template <typename T>
  T run(io::Task<T> task) {
    return io::block_on(platform.reactor, std::move(task));
  }
  io::Task<void> serve_one() {
    auto accepting = listener->accept(scope);
    auto stream = co_await accepting;
    if (!stream) co_return;
    auto serving = serve_session(scope, std::move(*stream), gate, {.id = HostId{{std::byte{1}}}, .name = "alpha"},
                                 {.host_name = "beta", .log = &notes});
    end = co_await serving;
  }
  io::Task<Result<std::unique_ptr<RemoteSink>>> connect() {
    AFI_CO_TRY(std::unique_ptr<io::Stream> stream, platform.network.connect(scope, listener->local()));
    auto connecting = connect_remote_sink(scope, std::move(stream),
                                          {.host_name = "alpha", .session = samples::session, .tasks = &tasks});
    co_return co_await connecting;
  }
  // A session that is open, ships one cycle and is left.
  io::Task<Status> one_cycle(std::uint32_t frames, std::size_t frame_bytes) {
    AFI_CO_TRY(const std::unique_ptr<RemoteSink> sink, connect());
    const MachineDescription machine = samples::machine();
    AFI_CO_TRY(const Welcome welcome, sink->open(scope, machine, SeedBy::network));
    EXPECT_TRUE(welcome.head.is_none());
    AFI_CO_TRY(const Receipt receipt, ship_cycle(scope, *sink, 1, frames, frame_bytes));
    EXPECT_EQ(receipt.sequence, Sequence(std::uint64_t{1}));
    co_return Status{};
  }

  std::unique_ptr<io::posix::PosixPlatform> made;
  io::Platform platform;
  FakeReplica gate;
  NoteBook notes;
  io::Scope scope;
  io::TaskGroup tasks;
  std::unique_ptr<io::Listener> listener;
  std::optional<SessionEnd> end;
};

TEST(SessionOnSockets, ACycleOfManyWindowsArrivesAndTheByeWithIt) {
  SocketWorld w;
  const Status status = w.run(w.one_cycle(200, 250'000));
  ASSERT_TRUE(status.has_value()) << status.error().text();
  EXPECT_EQ(w.gate.machines.at(samples::machine().id).frames_ever, 200U);
  w.run(w.tasks.join());
  ASSERT_TRUE(w.end.has_value());
  EXPECT_EQ(w.end->kind, SessionEndKind::completed);
}

TEST(SessionOnSockets, TheReplicasReasonIsNotLostToAReset) {
  for (std::uint32_t at = 0; at < 30; at += 3) {
    SocketWorld w;
    w.gate.append_error = Error{.code = ErrorCode::no_space, .detail = "store 'default' is full"};
    w.gate.append_error_at = at;
    const Status status = w.run(w.one_cycle(200, 250'000));
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().text(), "store 'default' is full");
    w.run(w.tasks.join());
    EXPECT_EQ(w.end->reason.code, ErrorCode::no_space);
  }
}

TEST(SessionOnSockets, ARefusalIsNotLostToAReset) {
  SocketWorld w;
  w.gate.refusal = Error{.code = ErrorCode::permission_denied, .detail = "host 'alpha' was revoked"};
  const Status status = w.run(w.one_cycle(1, 100));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(status.error().text(), "host 'alpha' was revoked");
}

TEST(SessionOnSockets, AReplicaThatStopsEndsItsSessions) {
  SocketWorld w;
  const auto sink = w.run(w.connect());
  ASSERT_TRUE(sink.has_value());
  w.scope.cancel();
  w.run(w.tasks.join());
  ASSERT_TRUE(w.end.has_value());
  EXPECT_EQ(w.end->reason.text(), "the replica is stopping");
}

}  // namespace
}  // namespace afterimage::replication
