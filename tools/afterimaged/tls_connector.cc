// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/tls_connector.h"

#include <string_view>
#include <utility>

#include "tools/afterimaged/watched_stream.h"
#include "tools/config/config.h"
#include "transport/replication/remote_sink.h"
#include "transport/tls/tls_stream.h"

namespace afterimage::daemon {
namespace {

constexpr const char* what = "reach the replica";

// The replica's word on our certificate comes as an alert of TLS, without a reason.
bool is_refusal_of_certificate(const Error& error) {
  return error.code == ErrorCode::authentication && std::string_view(error.what) == "TLS";
}

}  // namespace

TlsConnector::TlsConnector(const io::Platform& platform, PeerTrust& trust, replication::SessionLog& log,
                           TlsConnectorOptions options)
    : platform_(platform), trust_(trust), log_(log), options_(std::move(options)), tasks_(platform.reactor) {}

Result<io::Endpoint> TlsConnector::address_of(const HostId& replica) const {
  const catalogue::PeerRow* peer = trust_.find(replica);
  if (peer == nullptr) {
    return fail(ErrorCode::not_found, what,
                "this host does not know the replica " + replica.text() + "; run 'afterimage enrol join KEY' first");
  }
  if (peer->state == catalogue::PeerState::revoked) {
    return fail(
        ErrorCode::authentication, what,
        "replica '" + peer->name +
            "' has been revoked on this host; run 'afterimage enrol join KEY' with a new key to trust it again");
  }
  if (peer->address.empty()) {
    return fail(ErrorCode::not_found, what,
                "no address is known of host '" + peer->name + "'; run 'afterimage enrol join KEY' with a key of it");
  }
  return io::Endpoint::parse(peer->address, tools::replication_port_default);
}

Error TlsConnector::explain(Error error, const std::string& address) const {
  const std::string who = "replica " + address;
  if (error.code == ErrorCode::cancelled) return error;
  if (is_refusal_of_certificate(error)) {
    const WallTime now = platform_.clock.now();
    const tls::Certificate& own = trust_.identity().certificate;
    error.detail = now < own.not_after() ? who + " does not know this host; run 'afterimage enrol join KEY' first"
                                         : who + " refuses this host's certificate, which expired at " +
                                               to_rfc3339(own.not_after()) + "; renew it";
    return error;
  }
  if (error.code == ErrorCode::unreachable) {
    error.detail =
        who + " cannot be reached: " + error.text() + "; is afterimaged running there, and is the port open?";
  } else if (error.code == ErrorCode::timed_out) {
    error.code = ErrorCode::unreachable;
    error.detail = who + " did not answer in time (" + error.text() + "); is afterimaged running there?";
  } else {
    error.detail = who + ": " + error.text();
  }
  return error;
}

io::Task<Result<std::unique_ptr<io::Stream>>> TlsConnector::dial_at(io::Scope& scope, HostId replica, io::Endpoint to) {
  io::Scope connecting(scope, options_.connect_timeout);
  AFI_CO_TRY(std::unique_ptr<io::Stream> raw, platform_.network.connect(connecting, std::move(to)));
  AFI_CO_TRY(std::unique_ptr<tls::TlsStream> stream,
             tls::TlsStream::establish(
                 scope, std::move(raw), trust_.client(),
                 {.expected = replica, .now = platform_.clock.now(), .timeout = options_.handshake_timeout}));
  AFI_CO_STATUS(trust_.check(*stream->identity()));
  std::unique_ptr<io::Stream> watched = std::make_unique<WatchedStream>(std::move(stream), trust_.sessions());
  co_return watched;
}

io::Task<Result<std::unique_ptr<io::Stream>>> TlsConnector::dial(io::Scope& scope, HostId replica) {
  AFI_CO_RESULT(const io::Endpoint to, address_of(replica));
  auto dialling = dial_at(scope, replica, to);
  auto stream = co_await dialling;
  if (stream) co_return stream;
  Error error = scope.is_interrupted() ? scope.interruption(what) : std::move(stream).error();
  co_return fail(explain(std::move(error), to.text()));
}

// For the lanes of one session; they live in tasks_.
class TlsConnector::Door final : public replication::LaneDoor {
 public:
  Door(TlsConnector& connector, HostId replica) : connector_(connector), replica_(replica) {}
  io::Task<Result<std::unique_ptr<io::Stream>>> open(io::Scope& scope) override {
    return connector_.dial(scope, replica_);
  }

 private:
  TlsConnector& connector_;
  HostId replica_;
};

io::Task<Result<std::unique_ptr<PointSink>>> TlsConnector::connect(io::Scope& scope, HostId replica) {
  AFI_CO_RESULT(const io::Endpoint to, address_of(replica));
  const std::string address = to.text();
  io::LongOperation watched(scope, "open a session", address, io::Pace::prompt);
  AFI_CO_TRY(std::unique_ptr<io::Stream> stream, dial(scope, replica));
  auto greeting = replication::connect_remote_sink(scope, std::move(stream),
                                                   {.host_name = options_.host_name,
                                                    .session = platform_.random.make_id<replication::SessionId>(),
                                                    .tasks = &tasks_,
                                                    .log = &log_,
                                                    .lanes = options_.lanes,
                                                    .door = std::make_shared<Door>(*this, replica),
                                                    .timeouts = options_.timeouts});
  auto sink = co_await greeting;
  if (!sink) co_return fail(explain(std::move(sink).error(), address));
  std::unique_ptr<PointSink> ready = std::move(*sink);
  co_return ready;
}

io::Task<void> TlsConnector::join() { return tasks_.join(); }

}  // namespace afterimage::daemon
