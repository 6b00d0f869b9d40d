// SPDX-License-Identifier: Apache-2.0
// Daemon: the host with its network: trust, connector, servers. It owns all of it, in the order in which it is started;
// it is stopped in the reverse: no new connections, sessions and requests told, jobs cancelled, the host's files
// closed. Thread: the reactor's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/host/host.h"
#include "io/platform.h"
#include "io/task_group.h"
#include "tools/afterimaged/certificate_keeper.h"
#include "tools/afterimaged/control_server.h"
#include "tools/afterimaged/daemon_trust.h"
#include "tools/afterimaged/log.h"
#include "tools/afterimaged/logged_commands.h"
#include "tools/afterimaged/logged_sessions.h"
#include "tools/afterimaged/peer_trust.h"
#include "tools/afterimaged/replication_server.h"
#include "tools/afterimaged/tls_connector.h"
#include "tools/config/config.h"
#include "transport/control/router.h"

namespace afterimage::daemon {

// The identity in the configuration's pki folder, checked to be that host's. refused, with what to do.
[[nodiscard]] io::Task<Result<tls::Identity>> read_own_identity(io::Scope& scope, io::Disk& disk,
                                                                const tools::Config& config);

class Daemon {
 public:
  // Everything stands when it returns: recovered, listening. After an error nothing is left behind. `log` outlives it.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<Daemon>>> start(io::Scope& scope, const io::Platform& platform,
                                                                       tools::Config config, Log& log);
  // Key and certificate of this host, read again, and renewed where it is due. An error leaves the old ones in use.
  [[nodiscard]] io::Task<Status> reload(io::Scope& scope);
  // Call it before the destructor. May take as long as a disk does.
  [[nodiscard]] io::Task<void> stop();

 private:
  Daemon(const io::Platform& platform, tools::Config config, Log& log);
  [[nodiscard]] io::Task<Status> open(io::Scope& scope);
  [[nodiscard]] io::Task<Status> open_host(io::Scope& scope);
  [[nodiscard]] io::Task<Status> listen(io::Scope& scope);
  [[nodiscard]] io::Task<void> watch_time();
  [[nodiscard]] DaemonTrustOptions trust_options() const;
  void introduce();

  io::Platform platform_;
  tools::Config config_;
  Log& log_;
  LoggedSessions served_log_;
  LoggedSessions dialled_log_;
  std::unique_ptr<PeerTrust> peer_trust_;
  std::optional<CertificateKeeper> keeper_;
  std::optional<TlsConnector> connector_;
  std::unique_ptr<host::Host> host_;
  std::optional<LoggedCommands> commands_;
  std::optional<DaemonTrust> trust_;
  std::optional<control::Router> router_;
  std::optional<ReplicationServer> replication_;
  std::optional<ControlServer> control_;
  io::Scope background_;
  io::TaskGroup tasks_;
};

}  // namespace afterimage::daemon
