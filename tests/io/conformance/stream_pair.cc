// SPDX-License-Identifier: Apache-2.0
#include "tests/io/conformance/stream_pair.h"

#include <utility>

#include "io/task_group.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {
namespace {

Task<void> connect_into(Network& network, Scope& scope, Endpoint to, Result<std::unique_ptr<Stream>>& out) {
  auto connecting = network.connect(scope, std::move(to));
  out = co_await connecting;
}

}  // namespace

Task<Result<StreamPair>> make_stream_pair(Network& network, Reactor& reactor, Scope& scope, Endpoint at) {
  AFI_CO_TRY(const std::unique_ptr<Listener> listener, network.listen(scope, at));
  if (at.unix_path.empty()) at.port = listener->local().port;
  Result<std::unique_ptr<Stream>> client = nullptr;
  TaskGroup group(reactor);
  group.spawn(connect_into(network, scope, at, client));
  auto accepting = listener->accept(scope);
  auto server = co_await accepting;
  auto joining = group.join();
  co_await joining;
  if (!client) co_return std::unexpected(client.error());
  if (!server) co_return std::unexpected(server.error());
  co_return StreamPair{.client = std::move(*client), .server = std::move(*server)};
}

StreamPair ConformanceTest::connect_pair() {
  auto pair = run(make_stream_pair(platform_.network, platform_.reactor, scope_, {.host = fixture_->loopback()}));
  EXPECT_TRUE(pair) << (pair ? "" : pair.error().text());
  return pair ? std::move(*pair) : StreamPair{};
}

}  // namespace afterimage::io::conformance
