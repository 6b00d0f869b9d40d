// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/daemon.h"

#include <algorithm>
#include <array>
#include <utility>

#include <unistd.h>

#include "io/base/limits.h"
#include "tools/afterimaged/certificate_health.h"
#include "tools/config/version.h"
#include "transport/tls/pki_files.h"

namespace afterimage::daemon {
namespace {

constexpr Duration look_every = std::chrono::minutes(1);

// What a key names as the address of this host: where it listens, else the name of the system.
std::string own_address(const tools::Config& config) {
  const std::string& listening = config.listen_address;
  if (!listening.empty() && listening != "0.0.0.0" && listening != "::") return listening;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0 && name.front() != '\0') return name.data();
  return config.host_name;
}

Severity severity_of(host::Health health) {
  switch (health) {
    case host::Health::normal: return Severity::info;
    case host::Health::warning: return Severity::warning;
    case host::Health::critical: return Severity::error;
  }
  return Severity::error;
}

}  // namespace

io::Task<Result<tls::Identity>> read_own_identity(io::Scope& scope, io::Disk& disk, const tools::Config& config) {
  auto opening = disk.open_directory(scope, config.pki_dir);
  const auto pki = co_await opening;
  if (!pki && pki.error().code == ErrorCode::not_found) {
    co_return fail(ErrorCode::refused, "read the identity",
                   "there is no folder " + config.pki_dir + " with the keys of this host; run 'afterimage host init'");
  }
  if (!pki) co_return std::unexpected(pki.error());
  AFI_CO_TRY(tls::Identity identity, tls::read_identity(scope, **pki));
  if (identity.host.id != config.host_id) {
    co_return fail(ErrorCode::refused, "read the identity",
                   config.pki_dir + " has the identity of host " + identity.host.id.text() +
                       ", and the configuration is of host " + config.host_id.text() +
                       "; put the files together that belong together");
  }
  co_return identity;
}

Daemon::Daemon(const io::Platform& platform, tools::Config config, Log& log)
    : platform_(platform),
      config_(std::move(config)),
      log_(log),
      served_log_(platform.reactor, log, PeerSide::primary),
      dialled_log_(platform.reactor, log, PeerSide::replica),
      background_(platform.reactor),
      tasks_(platform.reactor) {}

io::Task<Result<std::unique_ptr<Daemon>>> Daemon::start(io::Scope& scope, const io::Platform& platform,
                                                        tools::Config config, Log& log) {
  std::unique_ptr<Daemon> daemon(new Daemon(platform, std::move(config), log));
  auto opening = daemon->open(scope);
  const Status opened = co_await opening;
  if (!opened) {
    auto stopping = daemon->stop();
    co_await stopping;
    co_return std::unexpected(opened.error());
  }
  daemon->introduce();
  co_return daemon;
}

io::Task<Status> Daemon::open(io::Scope& scope) {
  AFI_CO_TRY(tls::Identity identity, read_own_identity(scope, platform_.disk, config_));
  AFI_CO_RESULT(peer_trust_, PeerTrust::create(std::move(identity), platform_.clock, log_));
  keeper_.emplace(platform_, *peer_trust_, log_, config_.pki_dir);
  connector_.emplace(platform_, *peer_trust_, dialled_log_,
                     TlsConnectorOptions{.host_name = config_.host_name, .lanes = config_.lanes});
  AFI_CO_TRY_STATUS(open_host(scope));
  AFI_CO_TRY(std::vector<catalogue::PeerRow> peers, host_->catalogue().peers(scope));
  AFI_CO_STATUS(peer_trust_->set_peers(std::move(peers)));
  auto looking = keeper_->look(scope);  // a certificate that ended while this host was down is renewed first
  co_await looking;
  AFI_CO_TRY_STATUS(listen(scope));
  tasks_.spawn(watch_time());
  co_return Status{};
}

io::Task<Status> Daemon::open_host(io::Scope& scope) {
  host::HostOptions options{.id = config_.host_id, .name = config_.host_name, .state_path = config_.state_dir};
  options.compression = config_.compression;
  options.tell = [this](host::Health health, std::string_view line) { log_.write(severity_of(health), line); };
  for (const tools::StoreConfig& store : config_.stores) {
    options.stores.push_back(
        {.name = store.name, .path = store.path, .segment_bytes = ByteCount(store.segment_mebibytes * limits::MiB)});
  }
  AFI_CO_TRY(host_, host::Host::open(scope, platform_, std::move(options), *connector_));
  for (const std::string& notice : host_->notices()) log_.warning(notice);
  co_return Status{};
}

DaemonTrustOptions Daemon::trust_options() const {
  DaemonTrustOptions options{.host = {.id = config_.host_id, .name = config_.host_name},
                             .pki_dir = config_.pki_dir,
                             .key_address = own_address(config_),
                             .control_port = config_.control_port,
                             .replication_port = config_.replication_port,
                             .restricted = [this](const HostId& peer) { host_->fence_sessions_of(peer); }};
  for (const tools::StoreConfig& store : config_.stores) options.stores.push_back(store.name);
  return options;
}

io::Task<Status> Daemon::listen(io::Scope& scope) {
  commands_.emplace(platform_.reactor, *host_, log_, [this](std::vector<host::MachineStatus>& machines) {
    judge_machines(machines, keeper_->health(), peer_trust_->infos());
  });
  trust_.emplace(platform_, host_->catalogue(), *peer_trust_, *keeper_, log_, trust_options());
  router_.emplace(*commands_, *trust_,
                  control::VersionInfo{
                      .version = tools::program_version(), .host_name = config_.host_name, .host_id = config_.host_id});
  if (!config_.stores.empty()) {
    replication_.emplace(platform_, *peer_trust_, *host_, served_log_, log_,
                         ReplicationServerOptions{.host_name = config_.host_name});
    AFI_CO_TRY_STATUS(replication_->start(scope, {.host = config_.listen_address, .port = config_.replication_port}));
  }
  control_.emplace(platform_, *peer_trust_, *router_, log_, ControlServerOptions{.own_user = ::getuid()});
  AFI_CO_TRY_STATUS(
      control_->start(scope, {.host = config_.listen_address, .port = config_.control_port}, config_.control_socket));
  co_return Status{};
}

void Daemon::introduce() {
  log_.info(std::string("afterimaged ") + tools::program_version() + ", host '" + config_.host_name + "' (" +
            config_.host_id.text() + ")");
  for (const auto& store : host_->stores()) log_.info("store '" + store->name() + "' in " + store->path());
  log_.info(replication_ ? "replication on " + replication_->local().text()
                         : "no store, so nothing is replicated to this host and the replication port stays closed");
  log_.info("control on " + control_->local().text() + " and " + config_.control_socket);
  log_.info(std::to_string(peer_trust_->peers().size()) + " peer(s) known");
}

// What no event tells: certificates end.
io::Task<void> Daemon::watch_time() {
  while (!background_.is_interrupted()) {
    peer_trust_->review();
    auto looking = keeper_->look(background_);
    co_await looking;
    Duration pause = look_every;
    if (const auto expiry = peer_trust_->sessions().next_expiry()) {
      pause = std::clamp<Duration>(*expiry - platform_.clock.now(), std::chrono::seconds(1), look_every);
    }
    auto sleeping = io::sleep_for(background_, pause);
    const Status slept = co_await sleeping;
    if (!slept) break;
  }
}

io::Task<Status> Daemon::reload(io::Scope& scope) { return keeper_->reload(scope); }

io::Task<void> Daemon::stop() {
  background_.cancel();
  if (control_) {
    auto stopping = control_->stop();
    co_await stopping;
  }
  if (replication_) {
    auto stopping = replication_->stop();
    co_await stopping;
  }
  if (host_) {
    auto stopping = host_->stop();
    co_await stopping;
  }
  if (commands_) {
    auto stopping = commands_->stop();
    co_await stopping;
  }
  if (connector_) {
    auto joining = connector_->join();
    co_await joining;
  }
  auto joining = tasks_.join();
  co_await joining;
}

}  // namespace afterimage::daemon
