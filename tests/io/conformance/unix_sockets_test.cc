// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include "io/network.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {

TEST_P(UnixSocketsOf, CarryBytesAndTellWhoIsThere) {
  auto pair = run(make_stream_pair(platform_.network, platform_.reactor, scope_, {.unix_path = path("s")}));
  ASSERT_TRUE(pair) << pair.error().text();
  ASSERT_TRUE(run(pair->client->write(scope_, view_of("hello"))));
  Bytes message(5);
  ASSERT_TRUE(run(read_exactly(scope_, *pair->server, message)));
  EXPECT_EQ(text_of(message), "hello");
  const auto credentials = pair->server->credentials();
  ASSERT_TRUE(credentials.has_value());
  EXPECT_GT(credentials->process, 0);
}

TEST_P(UnixSocketsOf, ALiveSocketIsBusy) {
  auto first = run(platform_.network.listen(scope_, {.unix_path = path("s")}));
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ((*first)->local().unix_path, path("s"));
  EXPECT_EQ(run(platform_.network.listen(scope_, {.unix_path = path("s")})).error().code, ErrorCode::busy);
}

TEST_P(UnixSocketsOf, ASocketThatNobodyAnswersOnIsReplaced) {
  ASSERT_TRUE(run(platform_.network.listen(scope_, {.unix_path = path("s")})));
  auto again = run(platform_.network.listen(scope_, {.unix_path = path("s")}));
  EXPECT_TRUE(again) << again.error().text();
}

TEST_P(UnixSocketsOf, NoSocketIsAnError) {
  const auto connected = run(platform_.network.connect(scope_, {.unix_path = path("none")}));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, ErrorCode::unreachable) << connected.error().text();
}

}  // namespace afterimage::io::conformance
