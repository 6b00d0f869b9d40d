// SPDX-License-Identifier: Apache-2.0
// TCP as the real kernel does it: many connections, exhausted descriptors, deadlines, peers that reset.
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/posix/address.h"
#include "io/posix/unique_fd.h"
#include "io/task_group.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io::posix {
namespace {

using std::chrono::milliseconds;

class PosixNetworkTest : public PosixTest {
 protected:
  explicit PosixNetworkTest(const SystemCalls* calls = nullptr) : PosixTest(calls) {}
  std::unique_ptr<Listener> listen(Endpoint endpoint = {.host = "127.0.0.1"}) {
    return unwrap(run(platform_.network.listen(scope_, std::move(endpoint))));
  }
  std::unique_ptr<Stream> connect(const Endpoint& endpoint) {
    return unwrap(run(platform_.network.connect(scope_, endpoint)));
  }
};

// A blocking client socket outside the platform, connected to 127.0.0.1.
UniqueFd connect_plainly(std::uint16_t port, int flags = 0) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  EXPECT_TRUE(connected == 0 || errno == EINPROGRESS);
  return fd;
}

Task<void> echo(Scope& scope, std::unique_ptr<Stream> stream) {
  Bytes buffer = filled(4096, 0);
  for (;;) {
    auto reading = stream->read_some(scope, buffer);
    const auto count = co_await reading;
    if (!count || *count == 0) co_return;
    auto writing = stream->write(scope, ByteView(buffer).first(*count));
    const Status written = co_await writing;
    if (!written) co_return;
  }
}
Task<void> serve(Scope& scope, Listener& listener, TaskGroup& group, unsigned connections) {
  for (unsigned i = 0; i < connections; ++i) {
    auto accepting = listener.accept(scope);
    auto stream = co_await accepting;
    if (!stream) co_return;
    group.spawn(echo(scope, std::move(*stream)));
  }
}
Task<void> ask(Scope& scope, Network& network, Endpoint to, unsigned number, unsigned& right) {
  auto connecting = network.connect(scope, to);
  const auto stream = co_await connecting;
  if (!stream) co_return;
  const Bytes question = filled(10'000, number);
  auto writing = (*stream)->write(scope, question);
  const Status written = co_await writing;
  Bytes answer = filled(question.size(), 0);
  auto reading = read_exactly(scope, **stream, answer);
  const Status read = co_await reading;
  if (written && read && answer == question) ++right;
}

TEST_F(PosixNetworkTest, AThousandConnectionsAtOnceAreServedAndNoDescriptorLeaks) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  constexpr unsigned connections = 1000;
  if (limit.rlim_cur < 2 * connections + 100)
    GTEST_SKIP() << "too few descriptors are allowed here: " << limit.rlim_cur;
  const std::size_t before = open_descriptors();
  unsigned right = 0;
  {
    const auto listener = listen();
    TaskGroup group(platform_.reactor);
    group.spawn(serve(scope_, *listener, group, connections));
    for (unsigned i = 0; i < connections; ++i) {
      group.spawn(ask(scope_, platform_.network, listener->local(), i, right));
    }
    run(group.join());
  }
  EXPECT_EQ(right, connections);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(PosixNetworkTest, AnEmptyHostListensForBothFamilies) {
  const auto listener = listen({.host = ""});
  const auto port = listener->local().port;
  ASSERT_NE(port, 0);
  const auto four = connect({.host = "127.0.0.1", .port = port});
  ASSERT_TRUE(four);
  EXPECT_EQ(four->peer(), "127.0.0.1:" + std::to_string(port));
  const auto accepted = unwrap(run(listener->accept(scope_)));
  EXPECT_TRUE(accepted->peer().starts_with("127.0.0.1:")) << accepted->peer();
  EXPECT_FALSE(accepted->credentials());
  const auto six = run(platform_.network.connect(scope_, {.host = "::1", .port = port}));
  if (!six && six.error().system == EADDRNOTAVAIL) GTEST_SKIP() << "there is no IPv6 here";
  ASSERT_TRUE(six) << six.error().text();
  EXPECT_EQ((*six)->peer(), "[::1]:" + std::to_string(port));
}

TEST_F(PosixNetworkTest, NamesAreLookedUp) {
  const auto listener = listen();
  EXPECT_TRUE(connect({.host = "localhost", .port = listener->local().port}));
  const auto nameless = run(platform_.network.connect(scope_, {.host = "a..b", .port = 1}));
  EXPECT_EQ(code_of_error(nameless), ErrorCode::unreachable);
  EXPECT_NE(nameless.error().text().find("a..b"), std::string::npos);
  EXPECT_EQ(code_of_error(run(platform_.network.connect(scope_, {.host = "", .port = 1}))),
            ErrorCode::invalid_argument);
}

Task<void> connect_and_keep(Scope& scope, Network& network, Endpoint to, std::optional<ErrorCode>& code) {
  auto connecting = network.connect(scope, std::move(to));
  const auto stream = co_await connecting;
  if (!stream) code = stream.error().code;
}

TEST_F(PosixNetworkTest, ALookUpThatIsCancelledEndsAtOnce) {
  std::optional<ErrorCode> code;
  TaskGroup group(platform_.reactor);
  Scope brief(scope_);
  group.spawn(connect_and_keep(brief, platform_.network, {.host = "localhost", .port = 1}, code));
  brief.cancel();
  run(group.join());
  EXPECT_EQ(code, ErrorCode::cancelled);
}

TEST_F(PosixNetworkTest, ARefusedConnectionIsUnreachableAndSaysWhy) {
  auto listener = listen();
  const Endpoint gone = listener->local();
  listener.reset();
  const auto refused = run(platform_.network.connect(scope_, gone));
  EXPECT_EQ(code_of_error(refused), ErrorCode::unreachable);
  EXPECT_EQ(refused.error().text(), "cannot connect to " + gone.text() + ": Connection refused");
}

TEST_F(PosixNetworkTest, AConnectionThatNobodyAnswersEndsAtTheDeadline) {
  UniqueFd full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address any = any_address(AF_INET, 0);
  ASSERT_EQ(::bind(full.get(), any.get(), any.size), 0);
  ASSERT_EQ(::listen(full.get(), 0), 0);
  const std::uint16_t port = local_address(full.get()).port();
  std::vector<UniqueFd> waiting;  // they fill its queue: further ones get no answer
  for (int i = 0; i < 4; ++i) waiting.push_back(connect_plainly(port, SOCK_NONBLOCK));
  Scope brief(scope_, milliseconds(50));
  EXPECT_EQ(code_of_error(run(platform_.network.connect(brief, {.host = "127.0.0.1", .port = port}))),
            ErrorCode::timed_out);
}

TEST_F(PosixNetworkTest, AnAddressInUseIsBusyAndAForeignOneIsInvalid) {
  const auto listener = listen();
  const auto second = run(platform_.network.listen(scope_, listener->local()));
  EXPECT_EQ(code_of_error(second), ErrorCode::busy);
  EXPECT_NE(second.error().text().find(listener->local().text()), std::string::npos);
  EXPECT_EQ(code_of_error(run(platform_.network.listen(scope_, {.host = "192.0.2.1"}))), ErrorCode::invalid_argument);
}

TEST_F(PosixNetworkTest, AResetPeerIsUnreachable) {
  const auto listener = listen();
  UniqueFd client = connect_plainly(listener->local().port);
  const auto stream = unwrap(run(listener->accept(scope_)));
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  client.reset();
  Bytes buffer = filled(10, 0);
  const auto read = run(stream->read_some(scope_, buffer));
  EXPECT_EQ(code_of_error(read), ErrorCode::unreachable);
  EXPECT_NE(read.error().text().find("127.0.0.1:"), std::string::npos);
  EXPECT_EQ(code_of_error(run(stream->write(scope_, buffer))), ErrorCode::unreachable);  // and no SIGPIPE
}

TEST_F(PosixNetworkTest, ALateReaderOfAClosedPeerGetsAllBytesThenTheEnd) {
  const auto listener = listen();
  UniqueFd client = connect_plainly(listener->local().port);
  const auto stream = unwrap(run(listener->accept(scope_)));
  ASSERT_EQ(::write(client.get(), "hello", 5), 5);
  client.reset();
  Bytes buffer = filled(5, 0);
  ASSERT_TRUE(run(read_exactly(scope_, *stream, buffer)));
  EXPECT_EQ(text_of(buffer), "hello");
  EXPECT_EQ(run(stream->read_some(scope_, buffer)), 0U);
}

Task<void> read_into(Scope& scope, Stream& stream, std::optional<ErrorCode>& code) {
  Bytes buffer = filled(16, 0);
  auto reading = stream.read_some(scope, buffer);
  const auto count = co_await reading;
  code = count ? ErrorCode::end_of_data : count.error().code;
}
Task<void> write_into(Scope& scope, Stream& stream, std::optional<ErrorCode>& code) {
  const Bytes much = filled(64 << 20, 1);
  auto writing = stream.write(scope, much);
  const Status written = co_await writing;
  if (!written) code = written.error().code;
}

TEST_F(PosixNetworkTest, ClosingEndsThePendingReadAndWrite) {
  const auto listener = listen();
  const UniqueFd client = connect_plainly(listener->local().port);
  const auto stream = unwrap(run(listener->accept(scope_)));
  std::optional<ErrorCode> read;
  std::optional<ErrorCode> written;
  TaskGroup group(platform_.reactor);
  group.spawn(read_into(scope_, *stream, read));
  group.spawn(write_into(scope_, *stream, written));
  EXPECT_EQ(group.size(), 2U);
  stream->close();
  run(group.join());
  EXPECT_EQ(read, ErrorCode::unreachable);
  EXPECT_EQ(written, ErrorCode::unreachable);
}

TEST_F(PosixNetworkTest, AStreamMayDieBeforeTheTaskThatReadsFromIt) {
  const auto listener = listen();
  const UniqueFd client = connect_plainly(listener->local().port);
  auto stream = unwrap(run(listener->accept(scope_)));
  std::optional<ErrorCode> read;
  TaskGroup group(platform_.reactor);
  group.spawn(read_into(scope_, *stream, read));
  ASSERT_EQ(::write(client.get(), "x", 1), 1);
  stream.reset();
  run(group.join());
  EXPECT_EQ(read, ErrorCode::unreachable);
}

Task<void> drop(std::unique_ptr<Stream> stream) {
  stream->close();
  co_return;
}
Task<void> hold(std::unique_ptr<Stream> /*stream*/) { co_return; }

TEST_F(PosixNetworkTest, AStreamGivenToATaskIsClosedAtTheEndOfTheTask) {
  const auto listener = listen();
  TaskGroup group(platform_.reactor);
  for (Task<void> (*end)(std::unique_ptr<Stream>) : {drop, hold}) {
    const auto client = connect(listener->local());
    group.spawn(end(unwrap(run(listener->accept(scope_)))));
    Bytes buffer = filled(1, 0);
    Scope brief(scope_, std::chrono::seconds(20));
    EXPECT_EQ(run(client->read_some(brief, buffer)), 0U);
  }
}

Task<void> accept_into(Scope& scope, Listener& listener, std::optional<Result<std::unique_ptr<Stream>>>& out) {
  auto accepting = listener.accept(scope);
  out.emplace(co_await accepting);
}

TEST_F(PosixNetworkTest, AListenerThatDiesEndsItsAccept) {
  auto listener = listen();
  std::optional<Result<std::unique_ptr<Stream>>> accepted;
  TaskGroup group(platform_.reactor);
  group.spawn(accept_into(scope_, *listener, accepted));
  listener.reset();
  run(group.join());
  EXPECT_EQ(code_of_error(*accepted), ErrorCode::unreachable);
}

TEST_F(PosixNetworkTest, WithoutDescriptorsAcceptingPausesAndGoesOn) {
  // The sanitizer of virtual calls opens a pipe when it meets a type for the first time, so it meets this one before.
  ASSERT_TRUE(run(sleep_for(scope_, milliseconds(1))));
  const auto listener = listen();
  const UniqueFd client = connect_plainly(listener->local().port);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = 128;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  std::vector<UniqueFd> hogs;
  for (;;) {
    UniqueFd hog(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!hog.is_open()) break;
    hogs.push_back(std::move(hog));
  }
  std::optional<Result<std::unique_ptr<Stream>>> accepted;
  TaskGroup group(platform_.reactor);
  group.spawn(accept_into(scope_, *listener, accepted));
  EXPECT_EQ(group.size(), 1U) << "it waits for a descriptor";
  hogs.clear();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  run(group.join());
  EXPECT_TRUE(*accepted) << accepted->error().text();
}

}  // namespace
}  // namespace afterimage::io::posix
