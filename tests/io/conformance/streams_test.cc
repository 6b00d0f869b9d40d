// SPDX-License-Identifier: Apache-2.0
// Network, Listener, Stream over TCP.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/network.h"
#include "io/task_group.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {
namespace {

using std::chrono::milliseconds;

Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>((i * 31 + i / 4096) & 0xffU);
  return out;
}

Task<void> write_all(Scope& scope, Stream& stream, ByteView data, Result<bool>& out) {
  auto writing = stream.write(scope, data);
  const Status status = co_await writing;
  if (status) {
    out = true;
  } else {
    out = std::unexpected(status.error());
  }
}

Task<void> read_once(Scope& scope, Stream& stream, MutableBytes buffer, std::optional<Result<std::size_t>>& out) {
  auto reading = stream.read_some(scope, buffer);
  out = co_await reading;
}

Task<void> close_soon(Scope& scope, Stream& stream) {
  auto sleeping = sleep_for(scope, milliseconds(5));
  const Status slept = co_await sleeping;
  (void)slept;
  stream.close();
}

Task<void> cancel_soon(Scope& scope, Scope& victim) {
  auto sleeping = sleep_for(scope, milliseconds(5));
  const Status slept = co_await sleeping;
  (void)slept;
  victim.cancel();
}

// Reads all until the peer ends, slowly.
Task<Result<Bytes>> drain(Scope& scope, Stream& stream, std::size_t step) {
  Bytes all;
  Bytes buffer(step);
  while (true) {
    AFI_CO_TRY(const std::size_t count, stream.read_some(scope, buffer));
    if (count == 0) co_return all;
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

Task<Status> write_and_end(Scope& scope, Stream& stream, ByteView data) {
  AFI_CO_TRY_STATUS(stream.write(scope, data));
  auto ending = stream.shutdown_write(scope);
  co_return co_await ending;
}

Task<void> write_and_end_into(Scope& scope, Stream& stream, ByteView data, Status& out) {
  auto writing = write_and_end(scope, stream, data);
  out = co_await writing;
}

Task<Result<Bytes>> transfer(Platform platform, Scope& scope, Stream& from, Stream& to, ByteView data) {
  TaskGroup group(platform.reactor);
  Status sent;
  group.spawn(write_and_end_into(scope, from, data, sent));
  AFI_CO_TRY(Bytes received, drain(scope, to, 10'000));
  auto joining = group.join();
  co_await joining;
  AFI_CO_STATUS(sent);
  co_return received;
}

Task<Status> wait_for(Platform platform, Scope& scope, Task<void> first, Task<void> second) {
  TaskGroup group(platform.reactor);
  group.spawn(std::move(first));
  group.spawn(std::move(second));
  auto joining = group.join();
  co_await joining;
  co_return scope.check();
}

}  // namespace

TEST_P(StreamsOf, BytesArriveInOrderAndWhole) {
  StreamPair pair = connect_pair();
  const Bytes data = pattern(3'000'000);
  const auto received = run(transfer(platform_, scope_, *pair.client, *pair.server, data));
  ASSERT_TRUE(received) << received.error().text();
  EXPECT_TRUE(*received == data);
  const auto back = run(transfer(platform_, scope_, *pair.server, *pair.client, data));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(*back == data);
}

TEST_P(StreamsOf, AWriterWaitsForItsReader) {
  StreamPair pair = connect_pair();
  const Bytes data = pattern(64 << 20);
  Scope short_time(scope_, milliseconds(300));
  Result<bool> written = false;
  run(write_all(short_time, *pair.client, data, written));
  ASSERT_FALSE(written) << "64 MiB went into a stream that nobody reads";
  EXPECT_EQ(written.error().code, ErrorCode::timed_out);
}

TEST_P(StreamsOf, HalfClosedReadingGoesOn) {
  StreamPair pair = connect_pair();
  ASSERT_TRUE(run(write_and_end(scope_, *pair.client, view_of("question"))));
  EXPECT_EQ(text_of(run(drain(scope_, *pair.server, 3)).value()), "question");
  ASSERT_TRUE(run(write_and_end(scope_, *pair.server, view_of("answer"))));
  EXPECT_EQ(text_of(run(drain(scope_, *pair.client, 100)).value()), "answer");
}

TEST_P(StreamsOf, ReadExactlyTellsACleanEndFromABrokenMessage) {
  StreamPair pair = connect_pair();
  ASSERT_TRUE(run(write_and_end(scope_, *pair.client, view_of("12345678abc"))));
  Bytes message(8);
  ASSERT_TRUE(run(read_exactly(scope_, *pair.server, message)));
  EXPECT_EQ(text_of(message), "12345678");
  EXPECT_EQ(run(read_exactly(scope_, *pair.server, message)).error().code, ErrorCode::unreachable);
  EXPECT_EQ(run(read_exactly(scope_, *pair.server, message)).error().code, ErrorCode::end_of_data);
}

TEST_P(StreamsOf, CloseWakesItsOwnReader) {
  StreamPair pair = connect_pair();
  Bytes buffer(100);
  std::optional<Result<std::size_t>> read;
  ASSERT_TRUE(run(
      wait_for(platform_, scope_, read_once(scope_, *pair.server, buffer, read), close_soon(scope_, *pair.server))));
  ASSERT_TRUE(read.has_value());
  ASSERT_FALSE(*read);
  EXPECT_EQ(read->error().code, ErrorCode::unreachable);
}

TEST_P(StreamsOf, APeerThatClosesEndsTheReader) {
  StreamPair pair = connect_pair();
  Bytes buffer(100);
  std::optional<Result<std::size_t>> read;
  ASSERT_TRUE(run(
      wait_for(platform_, scope_, read_once(scope_, *pair.server, buffer, read), close_soon(scope_, *pair.client))));
  ASSERT_TRUE(read.has_value() && read->has_value());
  EXPECT_EQ(**read, 0U);
}

TEST_P(StreamsOf, WritingToAPeerThatHasGoneFails) {
  StreamPair pair = connect_pair();
  pair.server.reset();
  const Bytes data = pattern(1 << 20);
  Result<bool> written = true;
  for (int i = 0; i < 100 && written; ++i) run(write_all(scope_, *pair.client, data, written));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::unreachable);
}

TEST_P(StreamsOf, OperationsAfterCloseAreUnreachable) {
  StreamPair pair = connect_pair();
  pair.client->close();
  Bytes buffer(10);
  EXPECT_EQ(run(pair.client->read_some(scope_, buffer)).error().code, ErrorCode::unreachable);
  EXPECT_EQ(run(pair.client->write(scope_, buffer)).error().code, ErrorCode::unreachable);
}

TEST_P(StreamsOf, ACancelledReadLosesNothing) {
  StreamPair pair = connect_pair();
  Bytes buffer(100);
  std::optional<Result<std::size_t>> read;
  Scope of_read(scope_);
  ASSERT_TRUE(
      run(wait_for(platform_, scope_, read_once(of_read, *pair.server, buffer, read), cancel_soon(scope_, of_read))));
  ASSERT_TRUE(read.has_value() && !read->has_value());
  EXPECT_EQ(read->error().code, ErrorCode::cancelled);
  ASSERT_TRUE(run(write_and_end(scope_, *pair.client, view_of("still here"))));
  EXPECT_EQ(text_of(run(drain(scope_, *pair.server, 100)).value()), "still here");
}

TEST_P(StreamsOf, AReadHasADeadline) {
  StreamPair pair = connect_pair();
  Scope short_time(scope_, milliseconds(10));
  Bytes buffer(100);
  EXPECT_EQ(run(pair.server->read_some(short_time, buffer)).error().code, ErrorCode::timed_out);
}

TEST_P(StreamsOf, NobodyListensIsUnreachable) {
  Endpoint nobody;
  {
    auto listener = run(platform_.network.listen(scope_, {.host = fixture_->loopback(), .port = 0}));
    ASSERT_TRUE(listener);
    nobody = {.host = fixture_->loopback(), .port = (*listener)->local().port};
  }
  const auto connected = run(platform_.network.connect(scope_, nobody));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, ErrorCode::unreachable);
  EXPECT_NE(connected.error().text().find(std::to_string(nobody.port)), std::string::npos) << connected.error().text();
}

TEST_P(StreamsOf, AnUnknownHostIsUnreachable) {
  Scope short_time(scope_, std::chrono::seconds(20));
  const auto connected = run(platform_.network.connect(short_time, {.host = "no-such-host.invalid", .port = 8084}));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, ErrorCode::unreachable) << connected.error().text();
}

TEST_P(StreamsOf, TheSamePortIsNotListenedOnTwice) {
  auto first = run(platform_.network.listen(scope_, {.host = fixture_->loopback(), .port = 0}));
  ASSERT_TRUE(first);
  EXPECT_NE((*first)->local().port, 0);
  EXPECT_FALSE(run(platform_.network.listen(scope_, (*first)->local())));
}

TEST_P(StreamsOf, AcceptHasADeadlineAndCanBeCancelled) {
  auto listener = run(platform_.network.listen(scope_, {.host = fixture_->loopback(), .port = 0}));
  ASSERT_TRUE(listener);
  Scope short_time(scope_, milliseconds(5));
  EXPECT_EQ(run((*listener)->accept(short_time)).error().code, ErrorCode::timed_out);
  Scope cancelled(scope_);
  cancelled.cancel();
  EXPECT_EQ(run((*listener)->accept(cancelled)).error().code, ErrorCode::cancelled);
}

TEST_P(StreamsOf, ManyConnectionsAtOnce) {
  constexpr int count = 100;
  std::vector<StreamPair> pairs;
  for (int i = 0; i < count; ++i) pairs.push_back(connect_pair());
  for (int i = 0; i < count; ++i) {
    ASSERT_TRUE(run(write_and_end(scope_, *pairs[static_cast<std::size_t>(i)].client, view_of(std::to_string(i)))));
  }
  for (int i = count; i-- > 0;) {
    auto text = run(drain(scope_, *pairs[static_cast<std::size_t>(i)].server, 10));
    ASSERT_TRUE(text);
    EXPECT_EQ(text_of(*text), std::to_string(i));
  }
}

TEST_P(StreamsOf, TcpHasNoCredentialsAndAPeerName) {
  StreamPair pair = connect_pair();
  EXPECT_FALSE(pair.server->credentials().has_value());
  EXPECT_NE(pair.server->peer().find(':'), std::string::npos);
  EXPECT_NE(pair.client->peer().find(':'), std::string::npos);
}

}  // namespace afterimage::io::conformance
