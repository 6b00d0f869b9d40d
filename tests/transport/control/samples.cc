// SPDX-License-Identifier: Apache-2.0
#include "tests/transport/control/samples.h"

#include "transport/control/error_json.h"

namespace afterimage::control::samples {

using namespace std::chrono_literals;

namespace {

constexpr WallTime noon{1'767'268'800'250'000'000};

Digest digest_of(unsigned char value) {
  Digest digest;
  digest.bytes.fill(std::byte{value});
  return digest;
}

template <typename Id>
Id id_of(unsigned char value) {
  Id id;
  id.bytes.fill(std::byte{value});
  return id;
}

host::SyncResult sync_result() {
  return {.machine = "web1",
          .sequence = Sequence(std::uint64_t{7}),
          .digest = digest_of(0x5a),
          .changed_bytes = ByteCount(std::uint64_t{40960}),
          .sent_bytes = ByteCount(std::uint64_t{20000}),
          .seconds = 1500ms};
}

host::DiskStatus disk() {
  return {.name = "root",
          .path = "/srv/web1.raw",
          .size = ByteCount(std::uint64_t{1} << 34),
          .dirty = ByteCount(std::uint64_t{8192})};
}

host::JobInfo job(host::JobId id, std::string kind, host::JobResult result) {
  return {.id = id,
          .kind = std::move(kind),
          .machine = "web1",
          .state = host::JobState::done,
          .phase = "sending",
          .bytes_done = 4096,
          .bytes_total = 8192,
          .started = noon,
          .finished = noon + 3s,
          .error = {},
          .warnings = {"the clock of chi is 40 s behind"},
          .result = std::move(result)};
}

}  // namespace

host::PointInfo point() {
  return {.sequence = Sequence(std::uint64_t{7}),
          .time = noon,
          .received = noon + 2s,
          .consistency = format::Consistency::application,
          .digest = digest_of(0x5a),
          .changed_bytes = ByteCount(std::uint64_t{40960}),
          .stored_bytes = ByteCount(std::uint64_t{20480}),
          .verified_at = noon + 1h,
          .damage = "block 7 of disk root reads wrong"};
}

host::MachineStatus machine() {
  return {
      .name = "web1",
      .id = id_of<MachineId>(0x11),
      .role = host::Role::replica,
      .peer = "chi",
      .state = "idle",
      .health = host::Health::warning,
      .reasons = {"no point for 2h"},
      .rpo_lag = 7200s,
      .generation = 2,
      .latest_point = point(),
      .points = 3,
      .last_cycle = host::CycleInfo{.seconds = 2500ms,
                                    .changed_bytes = ByteCount(std::uint64_t{40960}),
                                    .sent_bytes = ByteCount(std::uint64_t{20000}),
                                    .stored_bytes = ByteCount(std::uint64_t{19000})},
      .compression = "auto: zstd 1",
      .disks = {disk(), {.name = "data", .path = "/srv/data.raw", .size = ByteCount(std::uint64_t{512}), .dirty = {}}}};
}

host::HostInfo this_host() {
  return {.id = id_of<HostId>(0x33),
          .name = "rho",
          .health = host::Health::warning,
          .reasons = {"the certificate of this host ends in 20 days"},
          .certificate = {.ends = noon + 480h, .left_days = 20},
          .authority = {.ends = noon + 48000h, .left_days = 2000},
          .renewal = host::Renewal::by_operator};
}

host::PeerInfo peer() {
  return {.id = id_of<HostId>(0x22),
          .name = "chi",
          .address = "chi.example:8084",
          .role = "replica",
          .revoked = false,
          .joined = noon,
          .last_seen = noon + 5s,
          .certificate = host::CertificateInfo{.ends = noon + -24h, .left_days = -1},
          .authority = host::CertificateInfo{.ends = noon + 48000h, .left_days = 2000},
          .health = host::Health::critical,
          .reasons = {"the certificate of 'chi' expired"}};
}

host::Plan plan() {
  return {.steps = {"read 16 GiB of web1's disk root", "send it to chi"}, .bytes = ByteCount(std::uint64_t{1} << 34)};
}

std::vector<host::JobInfo> jobs() {
  std::vector<host::JobInfo> all;
  all.push_back(
      job(1, "protect", host::ProtectResult{.machine = "web1", .first_point = sync_result(), .disks = {disk()}}));
  all.push_back(job(2, "sync", sync_result()));
  all.push_back(job(3, "restore",
                    host::RestoreResult{.machine = "web1",
                                        .sequence = Sequence(std::uint64_t{7}),
                                        .disk = "root",
                                        .path = "/tmp/root.raw",
                                        .size = ByteCount(std::uint64_t{1} << 34),
                                        .written = ByteCount(std::uint64_t{1} << 30)}));
  const host::DamageReport damage{.machine = "web1",
                                  .disk = "root",
                                  .first_point = Sequence(std::uint64_t{2}),
                                  .last_point = Sequence(std::uint64_t{4}),
                                  .extent = Extent{BlockIndex(std::uint64_t{7}), BlockCount(std::uint64_t{2})},
                                  .what = "base.raw: the block's hash differs"};
  all.push_back(job(4, "verify",
                    host::VerifyResult{.machine = "web1",
                                       .points_verified = 3,
                                       .points_damaged = 1,
                                       .bytes_read = ByteCount(std::uint64_t{1} << 31),
                                       .damage = {damage}}));
  all.push_back(job(5, "export",
                    host::TransferResult{.machine = "web1",
                                         .path = "/media/seed",
                                         .bytes = ByteCount(std::uint64_t{1} << 34),
                                         .stored_bytes = ByteCount(std::uint64_t{1} << 33),
                                         .sequence = Sequence(std::uint64_t{1}),
                                         .digest = digest_of(0x77)}));
  all.push_back(job(6, "unprotect", host::RemovalResult{.machine = "web1", .replica_removed = true}));
  host::JobInfo running = job(7, "import", std::monostate{});
  running.state = host::JobState::running;
  running.bytes_total = 0;
  running.finished.reset();
  all.push_back(std::move(running));
  host::JobInfo failed = job(8, "sync", std::monostate{});
  failed.state = host::JobState::failed;
  failed.error = Error{.code = ErrorCode::no_space, .system = 28, .what = "write", .detail = "chi's store is full"};
  all.push_back(std::move(failed));
  return all;
}

IssuedKey key() { return {.key = "afi1-abcdef", .expires = noon + 120h, .store = "default"}; }

VersionInfo version() { return {.version = "0.1.0", .host_name = "rho", .host_id = id_of<HostId>(0x33)}; }

host::Protect protect() {
  return {.machine = "web1",
          .replica = "chi",
          .disks = {{.name = "root", .path = "/srv/web1.raw"}, {.name = "data", .path = "/srv/a,b=c.raw"}},
          .seed = host::SeedKind::media,
          .execution = host::Execution::dry_run};
}

tls::EnrolmentRequest enrolment_request() {
  tls::EnrolmentRequest request;
  request.secret.bytes.fill(std::byte{0x44});
  request.host = {.id = id_of<HostId>(0x33), .name = "rho"};
  request.root_pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  request.proof = Bytes(70, std::byte{0x55});
  return request;
}

tls::EnrolmentAnswer enrolment_answer() {
  return {.host = {.id = id_of<HostId>(0x22), .name = "chi"},
          .root_pem = "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n",
          .replication_port = 8084,
          .store = "default"};
}

namespace {

tls::EnrolmentRequest enrolment_request_of_own_pki() {
  tls::EnrolmentRequest request = enrolment_request();
  request.certificate_pem = request.root_pem;
  return request;
}

}  // namespace

std::vector<Named> documents() {
  std::vector<Named> all = {
      {"Version", json_of(version())},
      {"Status", status_document({.host = this_host(),
                                  .machines = {machine(), host::MachineStatus{.name = "bare", .state = "seeding"}}})},
      {"Points", json_of(MachinePoints{.machine = "web1", .points = {point(), host::PointInfo{.damage = {}}}})},
      {"Started", started_document(host::JobId{7})},
      {"Planned", plan_document(plan())},
      {"Planned", plan_document({.steps = {"pause web1"}})},
      {"Jobs", jobs_document(jobs())},
      {"Peers", peers_document({peer(), host::PeerInfo{.name = "new", .role = "primary"}})},
      {"Key", json_of(key())},
      {"ErrorDocument",
       {{"error", json_of(Error{.code = ErrorCode::not_found, .what = "find", .detail = "no machine 'x'"})}}},
      {"EnrolmentRequest", json_of(enrolment_request())},
      {"EnrolmentRequest", json_of(enrolment_request_of_own_pki())},
      {"EnrolmentAnswer", json_of(enrolment_answer())},
      {"Protect", json_of(protect())},
      {"Restore", json_of(host::Restore{.machine = "web1", .disk = "root", .to = "/tmp/x"})},
      {"Verify", json_of(host::Verify{.machine = "web1", .point = "latest"})},
      {"Export", json_of(host::Export{.machine = "web1", .to = "/media/seed"})},
      {"Import", json_of(host::Import{.from = "/media/seed"})},
      {"MakeKey", json_of(MakeKey{.store = "default", .addresses = {"chi.example:8083"}})},
      {"Join", json_of(Join{.key = "afi1-x", .address = "10.0.0.1"})},
      {"DryRun", json_of(host::Sync{.machine = "web1", .execution = host::Execution::dry_run})},
  };
  for (const host::JobInfo& job : jobs()) all.push_back({"Job", json_of(job)});
  return all;
}

}  // namespace afterimage::control::samples
