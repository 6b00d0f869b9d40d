// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/control_server.h"

#include <algorithm>
#include <utility>

#include "tools/afterimaged/watched_stream.h"
#include "transport/control/caller.h"
#include "transport/control/error_json.h"
#include "transport/tls/enrolment.h"
#include "transport/tls/tls_stream.h"

namespace afterimage::daemon {

using control::Caller;
using control::CallerKind;

namespace {

Error too_many_of(const std::string& host, const std::string& address) {
  return {.code = ErrorCode::limit_exceeded,
          .system = 0,
          .what = "take a connection",
          .detail = address + ": host '" + host + "' has too many connections, or all hosts have"};
}

constexpr std::size_t target_bytes_shown = 64;

}  // namespace

// What stands before the routes on the port: enrolments are counted, and noted with the address they came from.
class ControlServer::EnrolmentDoor final : public control::HttpHandler {
 public:
  EnrolmentDoor(ControlServer& server, std::string address) : server_(server), address_(std::move(address)) {}

  [[nodiscard]] io::Task<control::HttpResponse> handle(io::Scope& scope, const control::HttpRequest& request,
                                                       const Caller& caller) override {
    const bool enrols = request.method == control::Method::post && request.target == "/v1/enrol";
    if (enrols && !server_.enrolments_.admit(source_of(address_), server_.platform_.reactor.now())) {
      server_.refusals_.note(address_,
                             "an enrolment from " + address_ + " is turned away: too many in the last minute");
      control::HttpResponse response = control::error_response(
          {.code = ErrorCode::limit_exceeded,
           .what = "enrol",
           .detail = "too many enrolments were tried at this replica in the last minute; wait a minute and try again"});
      response.connection = control::Connection::close;
      co_return response;
    }
    auto handling = server_.handler_.handle(scope, request, caller);
    control::HttpResponse response = co_await handling;
    if (enrols) {
      server_.log_.info("an enrolment from " + address_ + " was answered with status " +
                        std::to_string(response.status));
    } else if (response.status == 401 || response.status == 403) {
      server_.refusals_.note(address_, "control: a request for " + request.target.substr(0, target_bytes_shown) +
                                           " from " + address_ + " is refused with status " +
                                           std::to_string(response.status));
    }
    co_return response;
  }

 private:
  ControlServer& server_;
  std::string address_;
};

ControlServer::ControlServer(const io::Platform& platform, PeerTrust& trust, control::HttpHandler& handler, Log& log,
                             ControlServerOptions options)
    : platform_(platform),
      trust_(trust),
      handler_(handler),
      log_(log),
      options_(options),
      newcomers_(options.newcomers),
      peer_places_(options.peers),
      local_places_({.of_all = options.local_max, .of_one_source = options.local_max}),
      enrolments_(options.enrolments),
      refusals_(platform.reactor, log),
      port_(*this),
      socket_(*this),
      port_acceptor_(platform.reactor, "the control port", port_, log),
      socket_acceptor_(platform.reactor, "the control socket", socket_, log) {}

io::Task<Status> ControlServer::start(io::Scope& scope, io::Endpoint port, std::string socket) {
  AFI_CO_TRY(std::unique_ptr<io::Listener> remote, platform_.network.listen(scope, std::move(port)));
  io::Endpoint place;
  place.unix_path = std::move(socket);
  AFI_CO_TRY(std::unique_ptr<io::Listener> local, platform_.network.listen(scope, std::move(place)));
  port_acceptor_.start(std::move(remote));
  socket_acceptor_.start(std::move(local));
  co_return Status{};
}

io::Task<void> ControlServer::stop() {
  auto stopping_socket = socket_acceptor_.stop();
  co_await stopping_socket;
  auto stopping_port = port_acceptor_.stop();
  co_await stopping_port;
}

io::Task<void> ControlServer::Socket::serve(io::Scope& scope, std::unique_ptr<io::Stream> stream) {
  const auto place = server_.local_places_.take("");
  if (!place) {
    server_.log_.warning("a connection to the control socket is turned away: there are too many");
    co_return;
  }
  auto serving = control::serve_http(scope, *stream, server_.handler_,
                                     control::local_caller(*stream, server_.options_.own_user), server_.options_.times);
  const Status status = co_await serving;
  if (!status) server_.log_.debug("a connection to the control socket ended: " + status.error().text());
}

io::Task<Result<std::unique_ptr<tls::TlsStream>>> ControlServer::Port::meet(Newcomers::Newcomer& newcomer,
                                                                            std::unique_ptr<io::Stream> raw) {
  const std::string address = raw->peer();
  if (!newcomer.is_admitted()) co_return fail(too_many_newcomers(address));
  auto establishing =
      tls::TlsStream::establish(newcomer.scope(), std::move(raw), server_.trust_.control_server(),
                                {.now = server_.platform_.clock.now(), .timeout = server_.options_.handshake_timeout});
  auto stream = co_await establishing;
  if (newcomer.gave_way()) co_return fail(too_many_newcomers(address));
  if (stream && (*stream)->identity()) AFI_CO_STATUS(server_.trust_.check(*(*stream)->identity()));
  co_return stream;
}

io::Task<void> ControlServer::Port::serve(io::Scope& scope, std::unique_ptr<io::Stream> raw) {
  const std::string address = raw->peer();
  const auto refuse = [&](const Error& why) {
    if (!scope.is_interrupted()) server_.refusals_.refused(address, "control", why);
  };
  Newcomers::Newcomer newcomer(server_.newcomers_, scope, source_of(address));
  auto meeting = meet(newcomer, std::move(raw));
  auto stream = co_await meeting;
  if (!stream) co_return refuse(stream.error());
  Caller caller{.kind = CallerKind::anonymous, .name = address};
  const auto channel = (*stream)->export_key(tls::enrolment_exporter_label);
  if (!channel) co_return server_.log_.error("control: " + address + ": " + channel.error().text());
  caller.channel = *channel;
  control::ServeTimes times = server_.options_.times;
  const std::optional<tls::PeerIdentity> identity = (*stream)->identity();
  const auto place = identity ? server_.peer_places_.take(identity->id.text()) : std::nullopt;
  std::unique_ptr<io::Stream> served;
  if (identity) {
    caller.kind = CallerKind::peer;
    caller.host = identity->id;
    caller.name = server_.trust_.name_of(identity->id);
    if (!place) co_return refuse(too_many_of(caller.name, address));
    newcomer.leave();
    served = std::make_unique<WatchedStream>(std::move(*stream), server_.trust_.sessions());
  } else {
    served = std::move(*stream);
    times.idle = std::min(times.idle, server_.options_.anonymous_idle);
  }
  EnrolmentDoor door(server_, address);
  auto serving = control::serve_http(newcomer.scope(), *served, door, std::move(caller), times);
  const Status status = co_await serving;
  if (newcomer.gave_way()) co_return refuse(too_many_newcomers(address));
  if (!status) server_.log_.debug("control: " + address + ": " + status.error().text());
}

}  // namespace afterimage::daemon
