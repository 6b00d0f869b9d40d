// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/replication_server.h"

#include <optional>
#include <string>
#include <utility>

#include "transport/replication/server.h"
#include "transport/tls/tls_stream.h"

namespace afterimage::daemon {

namespace {

// A session at work. When it has to end, the primary is told why; one that has not even greeted yet is just closed, as
// is a further lane, with which its session ends.
class Connection final : public LiveSession {
 public:
  Connection(io::Scope& parent, replication::SessionTable& table, PeerTrust& trust, tls::PeerIdentity identity,
             std::string address)
      : LiveSession(std::move(identity)), scope(parent), table_(table), address_(std::move(address)) {
    trust.sessions().add(*this);
  }

  void end(const Error& reason) override {
    if (!table_.stop_session(identity().id, address_, reason)) scope.cancel();
  }

  io::Scope scope;

 private:
  replication::SessionTable& table_;
  std::string address_;
};

}  // namespace

ReplicationServer::ReplicationServer(const io::Platform& platform, PeerTrust& trust, ReplicaGate& gate,
                                     replication::SessionLog& sessions, Log& log, ReplicationServerOptions options)
    : platform_(platform),
      trust_(trust),
      gate_(gate),
      sessions_(sessions),
      options_(std::move(options)),
      newcomers_(options_.newcomers),
      connections_(options_.connections),
      refusals_(platform.reactor, log),
      acceptor_(platform.reactor, "the replication port", *this, log) {}

io::Task<Status> ReplicationServer::start(io::Scope& scope, io::Endpoint at) {
  AFI_CO_TRY(std::unique_ptr<io::Listener> listener, platform_.network.listen(scope, std::move(at)));
  acceptor_.start(std::move(listener));
  co_return Status{};
}

io::Task<Result<std::unique_ptr<tls::TlsStream>>> ReplicationServer::authenticate(io::Scope& scope,
                                                                                  std::unique_ptr<io::Stream> raw) {
  const std::string address = raw->peer();
  Newcomers::Newcomer newcomer(newcomers_, scope, source_of(address));
  if (!newcomer.is_admitted()) co_return fail(too_many_newcomers(address));
  auto establishing = tls::TlsStream::establish(newcomer.scope(), std::move(raw), trust_.replication_server(),
                                                {.now = platform_.clock.now(), .timeout = options_.handshake_timeout});
  auto stream = co_await establishing;
  if (newcomer.gave_way()) co_return fail(too_many_newcomers(address));
  if (!stream) co_return std::unexpected(std::move(stream).error());
  AFI_CO_STATUS(trust_.check(*(*stream)->identity()));
  co_return stream;
}

io::Task<void> ReplicationServer::serve(io::Scope& scope, std::unique_ptr<io::Stream> raw) {
  const std::string address = raw->peer();
  auto authenticating = authenticate(scope, std::move(raw));
  auto stream = co_await authenticating;
  if (!stream) {
    if (!scope.is_interrupted()) {
      refusals_.refused(address, "replication", stream.error());
    }
    co_return;
  }
  const tls::PeerIdentity identity = *(*stream)->identity();
  const auto place = connections_.take(identity.id.text());
  if (!place) {
    const std::string who = address + ": primary '" + trust_.name_of(identity.id) + "'";
    refusals_.refused(address, "replication",
                      {.code = ErrorCode::limit_exceeded,
                       .system = 0,
                       .what = "take a connection",
                       .detail = who + " has too many connections, or all primaries have"});
    co_return;
  }
  Connection connection(scope, table_, trust_, identity, address);
  std::optional<WindowBudget::Window> window(std::in_place, windows_);
  auto serving = replication::serve_session(connection.scope, std::move(*stream), gate_,
                                            {.id = identity.id, .name = trust_.name_of(identity.id)},
                                            {.host_name = options_.host_name,
                                             .log = &sessions_,
                                             .table = &table_,
                                             .window_bytes = window->bytes(),
                                             .lanes = options_.lanes,
                                             .lane_secret = platform_.random.make_id<replication::LaneSecret>(),
                                             .became_lane = [&window] { window.reset(); },
                                             .timeouts = options_.timeouts});
  const replication::SessionEnd end = co_await serving;
  (void)end;  // the session's log has it
}

}  // namespace afterimage::daemon
