// SPDX-License-Identifier: Apache-2.0
// Two ends of one connection, for tests of streams.
#pragma once

#include <memory>

#include "io/network.h"

namespace afterimage::io::conformance {

struct StreamPair {
  std::unique_ptr<Stream> client;  // that connected
  std::unique_ptr<Stream> server;  // that was accepted
};

// Listens at `at`, connects to it and accepts. A port of 0 is any free one.
[[nodiscard]] Task<Result<StreamPair>> make_stream_pair(Network& network, Reactor& reactor, Scope& scope, Endpoint at);

}  // namespace afterimage::io::conformance
