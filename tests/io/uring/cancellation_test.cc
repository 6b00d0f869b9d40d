// SPDX-License-Identifier: Apache-2.0
// Buffers and descriptors are the kernel's until it has let go: frames that die, streams that close, queues that
// overflow.
#include <cstring>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/posix/unique_fd.h"
#include "io/task_group.h"
#include "tests/io/conformance/stream_pair.h"
#include "tests/io/uring/fixture.h"

namespace afterimage::io::uring {
namespace {

using conformance::StreamPair;
using posix::filled;

class UringCancellation : public UringTest {
 protected:
  StreamPair connect_pair() {
    auto pair = run(
        conformance::make_stream_pair(platform_->network, platform_->reactor, *scope_, Endpoint{.host = "127.0.0.1"}));
    EXPECT_TRUE(pair) << (pair ? "" : pair.error().text());
    return pair ? std::move(*pair) : StreamPair{};
  }
};

Task<void> read_into(Scope& scope, Stream& stream, MutableBytes out, std::optional<Result<std::size_t>>& read) {
  auto reading = stream.read_some(scope, out);
  read.emplace(co_await reading);
}
Task<void> write_all(Scope& scope, Stream& stream, ByteView data, std::optional<Status>& written) {
  auto writing = stream.write(scope, data);
  written.emplace(co_await writing);
}

TEST_F(UringCancellation, ADestroyedFrameTakesItsReadBack) {
  StreamPair pair = connect_pair();
  Bytes buffer = filled(16, 0xee);
  std::optional<Result<std::size_t>> read;
  {
    TaskGroup group(platform_->reactor);
    group.spawn(read_into(*scope_, *pair.server, buffer, read));
    let_start();
  }
  EXPECT_FALSE(read.has_value());
  ASSERT_TRUE(run(pair.client->write(*scope_, view_of("late"))));
  let_start();
  EXPECT_EQ(buffer, filled(16, 0xee)) << "the kernel wrote into a buffer that was taken back";
  ASSERT_TRUE(run(read_exactly(*scope_, *pair.server, MutableBytes(buffer).first(4))));
  EXPECT_EQ(text_of(ByteView(buffer).first(4)), "late");
}

TEST_F(UringCancellation, ADestroyedFrameThatHasNotReachedTheKernelLeavesNothing) {
  StreamPair pair = connect_pair();
  Bytes buffer = filled(16, 0xee);
  std::optional<Result<std::size_t>> read;
  {
    TaskGroup group(platform_->reactor);
    group.spawn(read_into(*scope_, *pair.server, buffer, read));
  }
  ASSERT_TRUE(run(pair.client->write(*scope_, view_of("late"))));
  let_start();
  EXPECT_EQ(buffer, filled(16, 0xee));
}

TEST_F(UringCancellation, ClosingTakesReadAndWriteBackAtOnce) {
  StreamPair pair = connect_pair();
  Bytes buffer = filled(16, 0xee);
  const Bytes much = filled(64 << 20, 1);
  std::optional<Result<std::size_t>> read;
  std::optional<Status> written;
  TaskGroup group(platform_->reactor);
  group.spawn(read_into(*scope_, *pair.server, buffer, read));
  group.spawn(write_all(*scope_, *pair.server, much, written));
  let_start();
  const std::size_t before = posix::open_descriptors();
  pair.server->close();
  EXPECT_EQ(posix::open_descriptors() + 1, before) << "the descriptor is closed when close() returns";
  run(group.join());
  EXPECT_EQ(posix::code_of_error(*read), ErrorCode::unreachable);
  EXPECT_EQ(posix::code_of_error(*written), ErrorCode::unreachable);
  EXPECT_EQ(buffer, filled(16, 0xee));
}

Task<void> accept_into(Scope& scope, Listener& listener, std::optional<Result<std::unique_ptr<Stream>>>& out) {
  auto accepting = listener.accept(scope);
  out.emplace(co_await accepting);
}

posix::UniqueFd connect_plainly(std::uint16_t port) {
  posix::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return fd;
}

TEST_F(UringCancellation, AConnectionThatADestroyedFrameAcceptedIsClosed) {
  const auto listener = listen();
  const std::size_t before = posix::open_descriptors();
  std::optional<Result<std::unique_ptr<Stream>>> accepted;
  posix::UniqueFd client;
  {
    TaskGroup group(platform_->reactor);
    group.spawn(accept_into(*scope_, *listener, accepted));
    let_start();
    client = connect_plainly(listener->local().port);
  }
  char byte = 0;
  // Either the accept had it, and it was closed, or it still waits for the next one.
  if (posix::open_descriptors() == before + 1 && ::recv(client.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) {
    EXPECT_TRUE(unwrap(run(listener->accept(*scope_))));
  }
  client.reset();
  EXPECT_EQ(posix::open_descriptors(), before);
}

Task<void> read_byte(Scope& scope, File& file, std::uint64_t offset, unsigned& right) {
  Bytes byte = filled(1, 0);
  auto reading = file.read_at(scope, ByteOffset(offset), byte);
  const auto count = co_await reading;
  if (count == 1U && byte[0] == static_cast<std::byte>(offset % 251)) ++right;
}
Task<void> sleep_then(Scope& scope, Stream& stream, unsigned& ended) {
  Bytes byte = filled(1, 0);
  auto reading = stream.read_some(scope, byte);
  const auto count = co_await reading;
  if (!count && count.error().code == ErrorCode::cancelled) ++ended;
}

TEST_F(UringCancellation, MoreOperationsThanAllQueuesHoldAreServed) {
  constexpr unsigned operations = 10'000;
  const auto file = open("file", OpenMode::create);
  Bytes content(operations);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i % 251);
  ASSERT_TRUE(run(file->write_at(*scope_, posix::at(0), content)));
  unsigned right = 0;
  TaskGroup group(platform_->reactor);
  for (unsigned i = 0; i < operations; ++i) group.spawn(read_byte(*scope_, *file, i, right));
  run(group.join());
  EXPECT_EQ(right, operations);
}

TEST_F(UringCancellation, ManyAreCancelledAtOnce) {
  constexpr unsigned count = 300;
  std::vector<StreamPair> pairs;
  for (unsigned i = 0; i < count; ++i) pairs.push_back(connect_pair());
  unsigned ended = 0;
  Scope doomed(*scope_);
  TaskGroup group(platform_->reactor);
  for (const StreamPair& pair : pairs) group.spawn(sleep_then(doomed, *pair.server, ended));
  let_start();
  doomed.cancel();
  run(group.join());
  EXPECT_EQ(ended, count);
}

Task<void> write_file(Scope& scope, File& file, ByteView data) {
  auto writing = file.write_at(scope, posix::at(0), data);
  const Status status = co_await writing;
  (void)status;
}

TEST_F(UringCancellation, ADestroyedFrameWaitsForItsWrite) {
  const auto file = open("file", OpenMode::create);
  {
    const Bytes data = filled(16 << 20, 7);
    TaskGroup group(platform_->reactor);
    group.spawn(write_file(*scope_, *file, data));
    let_start();
  }
  EXPECT_TRUE(file->close()) << "nothing is pending any more";
}

TEST_F(UringCancellation, AWriteUnderWayIsNotCutShortByItsScope) {
  const auto file = open("file", OpenMode::create);
  const Bytes data = filled(16 << 20, 7);
  Scope doomed(*scope_);
  TaskGroup group(platform_->reactor);
  group.spawn(write_file(doomed, *file, data));
  doomed.cancel();
  run(group.join());
  EXPECT_EQ(run(file->facts(*scope_))->size, ByteCount(data.size()));
}

}  // namespace
}  // namespace afterimage::io::uring
