// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/afterimaged/host_world.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "engine/plan/machine_description.h"
#include "io/base/check.h"
#include "transport/tls/pki_files.h"

namespace afterimage::daemon::test {

bool KeptLog::has(std::string_view part) const {
  for (const std::string& line : lines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

std::string KeptLog::all() const {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

namespace {

// Opens, and has nothing.
class FakeSink final : public PointSink {
 public:
  FakeSink(int& living, Status verdict) : living_(living), verdict_(std::move(verdict)) { ++living_; }
  ~FakeSink() override { --living_; }
  [[nodiscard]] io::Task<Result<Welcome>> open(io::Scope&, const MachineDescription&, SeedBy) override {
    if (!verdict_) co_return std::unexpected(verdict_.error());
    co_return Welcome{};
  }
  [[nodiscard]] io::Task<Result<Need>> begin(io::Scope&, BeginEpoch) override { co_return Need{}; }
  [[nodiscard]] io::Task<Status> append(io::Scope&, Bytes) override { co_return Status{}; }
  [[nodiscard]] io::Task<Result<Receipt>> commit(io::Scope&, const format::PointRecord&) override {
    co_return Receipt{};
  }
  [[nodiscard]] io::Task<Result<std::vector<format::BlockHash>>> block_hashes(io::Scope&, DiskId, Extent) override {
    co_return std::vector<format::BlockHash>{};
  }
  [[nodiscard]] io::Task<Status> remove_machine(io::Scope&) override { co_return Status{}; }

 private:
  int& living_;
  Status verdict_;
};

std::string make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "afterimaged-test-XXXXXX").string();
  AFI_CHECK(::mkdtemp(name.data()) != nullptr);
  return name;
}

io::Task<Status> write_identity(io::Scope& scope, io::Disk& disk, std::string folder, tls::PkiTexts texts) {
  AFI_CO_TRY(const std::unique_ptr<io::Directory> pki, disk.make_directory(scope, folder));
  AFI_CO_TRY_STATUS(tls::write_pki(scope, *pki, std::move(texts)));
  co_return Status{};
}

// Below the range that the kernel takes the ports of outgoing connections from: nobody has it until it is listened on.
std::uint16_t free_port(io::posix::PosixPlatform& posix, io::Scope& scope) {
  constexpr std::uint64_t first = 10'000;
  constexpr std::uint64_t count = 22'000;
  for (;;) {
    std::array<std::byte, 8> chance{};
    posix.platform().random.fill(chance);
    const auto port = static_cast<std::uint16_t>(first + load<std::uint64_t>(chance.data()) % count);
    const io::Endpoint at{.host = "127.0.0.1", .port = port};
    if (io::block_on(posix.reactor(), posix.platform().network.listen(scope, at)).has_value()) return port;
  }
}

}  // namespace

io::Task<Result<std::unique_ptr<PointSink>>> FakeGate::admit(io::Scope&, Peer peer) {
  if (!verdict) co_return std::unexpected(verdict.error());
  admitted.push_back(peer.name);
  std::unique_ptr<PointSink> sink = std::make_unique<FakeSink>(living, machine_verdict);
  co_return sink;
}

io::Task<Result<std::vector<host::MachineStatus>>> NoCommands::status(io::Scope&, std::optional<std::string>) {
  co_return std::vector<host::MachineStatus>{};
}
io::Task<Result<std::vector<host::PointInfo>>> NoCommands::points(io::Scope&, std::string) {
  co_return std::vector<host::PointInfo>{};
}
Result<host::JobInfo> NoCommands::job(host::JobId) const { return fail(ErrorCode::not_found, "no jobs"); }
io::Task<Result<host::JobInfo>> NoCommands::wait_for_job(io::Scope&, host::JobId, Duration) {
  co_return fail(ErrorCode::not_found, "no jobs");
}
io::Task<Result<host::Started>> NoCommands::none() { co_return fail(ErrorCode::refused, "no commands"); }
io::Task<Status> NoCommands::nothing() { co_return Status{}; }

TestHost::TestHost(io::posix::PosixPlatform& shared, TestClock& clock, Options wanted)
    : posix(shared),
      platform{.reactor = shared.platform().reactor,
               .disk = shared.platform().disk,
               .network = shared.platform().network,
               .clock = clock,
               .random = shared.platform().random,
               .workers = shared.platform().workers},
      scope(shared.reactor()),
      options(std::move(wanted)),
      folder(make_folder()),
      database(options.name + folder),
      served(posix.reactor(), log, PeerSide::primary),
      dialled(posix.reactor(), log, PeerSide::replica) {
  label = {.id = platform.random.make_id<HostId>(), .name = options.name};
  auto texts = tls::create_pki(label, clock.now());
  AFI_CHECK(texts.has_value());
  auto identity = tls::load_identity(texts->host_key, texts->host_certificate, texts->authority_certificate);
  AFI_CHECK(identity.has_value());
  AFI_CHECK(run(write_identity(scope, platform.disk, folder, std::move(*texts))).has_value());
  auto opened = run(catalogue::Catalogue::open(scope, platform.workers, database.location()));
  AFI_CHECK(opened.has_value());
  catalogue = std::move(*opened);
  auto made = PeerTrust::create(std::move(*identity), clock, log);
  AFI_CHECK(made.has_value());
  trust = std::move(*made);
  keeper = std::make_unique<CertificateKeeper>(platform, *trust, log, folder);
  connector = std::make_unique<TlsConnector>(
      platform, *trust, dialled,
      TlsConnectorOptions{
          .host_name = options.name, .lanes = options.lanes, .handshake_timeout = options.handshake_timeout});
  // Ports are known before the servers are: a key names them.
  const std::uint16_t control_port = free_port(posix, scope);
  const std::uint16_t replication_port = free_port(posix, scope);
  daemon_trust = std::make_unique<DaemonTrust>(platform, *catalogue, *trust, *keeper, log,
                                               DaemonTrustOptions{.host = label,
                                                                  .pki_dir = folder,
                                                                  .stores = options.stores,
                                                                  .key_address = "127.0.0.1",
                                                                  .control_port = control_port,
                                                                  .replication_port = replication_port});
  router = std::make_unique<control::Router>(
      commands, *daemon_trust, control::VersionInfo{.version = "0", .host_name = options.name, .host_id = label.id});
  if (options.stores.empty()) return;
  replication = std::make_unique<ReplicationServer>(
      platform, *trust, gate, served, log,
      ReplicationServerOptions{
          .host_name = options.name, .newcomers = options.newcomers, .handshake_timeout = options.handshake_timeout});
  AFI_CHECK(run(replication->start(scope, {.host = "127.0.0.1", .port = replication_port})).has_value());
  this->control = std::make_unique<ControlServer>(platform, *trust, *router, log,
                                                  ControlServerOptions{.own_user = 0,
                                                                       .newcomers = options.newcomers,
                                                                       .handshake_timeout = options.handshake_timeout,
                                                                       .enrolments = options.enrolments});
  AFI_CHECK(run(this->control->start(scope, {.host = "127.0.0.1", .port = control_port}, folder + "/control.sock"))
                .has_value());
}

void TestHost::stop() {
  if (control) run(control->stop());
  if (replication) run(replication->stop());
  control.reset();
  replication.reset();
  run(connector->join());
}

TestHost::~TestHost() {
  stop();
  std::filesystem::remove_all(folder);
}

std::string TestHost::make_key(Duration expires, std::string store) {
  auto made = run(daemon_trust->make_key(scope, {.expires = expires, .store = std::move(store)}));
  AFI_CHECK(made.has_value());
  return std::get<control::IssuedKey>(*made).key;
}

Result<host::PeerInfo> TestHost::join(const std::string& key) {
  auto joined = run(daemon_trust->join(scope, {.key = key, .address = std::nullopt}));
  if (!joined) return std::unexpected(joined.error());
  return std::get<host::PeerInfo>(std::move(*joined));
}

Result<std::unique_ptr<PointSink>> TestHost::connect_to(const TestHost& replica) {
  return run(connector->connect(scope, replica.label.id));
}

Status TestHost::ask(PointSink& sink) {
  const MachineDescription machine{
      .id = MachineId{{std::byte{1}}},
      .name = "web1",
      .lineage = LineageId{{std::byte{2}}},
      .disks = {
          {.id = DiskId{{std::byte{3}}}, .name = "root", .size = ByteCount(std::uint64_t{1} << 20), .secret = {}}}};
  const auto welcome = run(sink.open(scope, machine, SeedBy::network));
  if (!welcome) return std::unexpected(welcome.error());
  return {};
}

Status TestHost::revoke(const std::string& name) {
  const auto revoked = run(daemon_trust->revoke(scope, {.peer = name}));
  if (!revoked) return std::unexpected(revoked.error());
  return {};
}

}  // namespace afterimage::daemon::test
