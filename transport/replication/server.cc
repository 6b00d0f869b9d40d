// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/server.h"

#include <utility>

#include "transport/replication/served_session.h"

namespace afterimage::replication {

io::Task<SessionEnd> serve_session(io::Scope& scope, std::unique_ptr<io::Stream> stream, ReplicaGate& gate, Peer peer,
                                   ServeOptions options) {
  ServedSession session(scope, std::move(stream), gate, std::move(peer), std::move(options));
  auto serving = session.serve();
  co_return co_await serving;
}

}  // namespace afterimage::replication
