// SPDX-License-Identifier: Apache-2.0
#include "transport/replication/server.h"

#include <optional>
#include <utility>

#include "transport/replication/served_lane.h"
#include "transport/replication/served_session.h"

namespace afterimage::replication {

io::Task<SessionEnd> serve_session(io::Scope& scope, std::unique_ptr<io::Stream> stream, ReplicaGate& gate, Peer peer,
                                   ServeOptions options) {
  MessageStream messages(scope.reactor(), std::move(stream), nullptr, options.timeouts.message);
  std::optional<ServedSession> session;
  session.emplace(scope, messages, gate, peer, options);
  auto serving = session->serve();
  std::variant<SessionEnd, message::Join> served = co_await serving;
  if (auto* end = std::get_if<SessionEnd>(&served)) co_return std::move(*end);
  session.reset();
  if (options.became_lane) options.became_lane();
  ServedLane lane(scope, messages, peer, options, std::get<message::Join>(served));
  auto carrying = lane.serve();
  co_return co_await carrying;
}

}  // namespace afterimage::replication
