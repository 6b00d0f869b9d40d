// SPDX-License-Identifier: Apache-2.0
// ControlServer: the control API on port 8083 (TLS; a certificate is asked for, and enrolment is for those without one)
// and on the host's own unix socket. Who calls is decided here, what they may is decided by the routes.
// Thread: the reactor's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "io/platform.h"
#include "tools/afterimaged/acceptor.h"
#include "tools/afterimaged/attempt_limiter.h"
#include "tools/afterimaged/newcomers.h"
#include "tools/afterimaged/peer_trust.h"
#include "tools/afterimaged/places.h"
#include "tools/afterimaged/refusal_log.h"
#include "transport/control/http_server.h"

namespace afterimage::tls {
class TlsStream;
}

namespace afterimage::daemon {

struct ControlServerOptions {
  std::uint32_t own_user = 0;  // whose processes may command over the socket, beside root's
  PlacesLimits newcomers = {.of_all = 64, .of_one_source = 16};  // on the port, without certificate or not yet shown
  PlacesLimits peers = {.of_all = 128, .of_one_source = 32};     // on the port, of authenticated peers
  std::size_t local_max = 256;                                   // connections on the socket
  Duration handshake_timeout = std::chrono::seconds(10);
  AttemptLimits enrolments = {};
  Duration anonymous_idle = std::chrono::seconds(10);  // what a client without certificate may wait
  control::ServeTimes times = {};
};

class ControlServer {
 public:
  // All references outlive it.
  ControlServer(const io::Platform& platform, PeerTrust& trust, control::HttpHandler& handler, Log& log,
                ControlServerOptions options);

  // The errors of io::Network::listen.
  [[nodiscard]] io::Task<Status> start(io::Scope& scope, io::Endpoint port, std::string socket);
  [[nodiscard]] io::Endpoint local() const { return port_acceptor_.local(); }
  // Call it before the destructor if start() was begun.
  [[nodiscard]] io::Task<void> stop();

 private:
  class Port final : public ConnectionHandler {
   public:
    explicit Port(ControlServer& server) : server_(server) {}
    [[nodiscard]] io::Task<void> serve(io::Scope& scope, std::unique_ptr<io::Stream> raw) override;

   private:
    [[nodiscard]] io::Task<Result<std::unique_ptr<tls::TlsStream>>> meet(Newcomers::Newcomer& newcomer,
                                                                         std::unique_ptr<io::Stream> raw);
    ControlServer& server_;
  };
  class Socket final : public ConnectionHandler {
   public:
    explicit Socket(ControlServer& server) : server_(server) {}
    [[nodiscard]] io::Task<void> serve(io::Scope& scope, std::unique_ptr<io::Stream> stream) override;

   private:
    ControlServer& server_;
  };
  class EnrolmentDoor;

  io::Platform platform_;
  PeerTrust& trust_;
  control::HttpHandler& handler_;
  Log& log_;
  ControlServerOptions options_;
  Newcomers newcomers_;
  Places peer_places_;
  Places local_places_;
  AttemptLimiter enrolments_;
  RefusalLog refusals_;
  Port port_;
  Socket socket_;
  Acceptor port_acceptor_;
  Acceptor socket_acceptor_;
};

}  // namespace afterimage::daemon
