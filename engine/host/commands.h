// SPDX-License-Identifier: Apache-2.0
// Every command of a host as a struct, and what it answers. The control API and the simulator speak these; JSON and
// tables are made at the edge. Names are as operators know them; ids stay inside.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/format/point_record.h"
#include "io/base/error.h"
#include "io/base/identity.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage::host {

enum class Role : std::uint8_t { primary, replica };
enum class Health : std::uint8_t { normal, warning, critical };
// One line for the log of the host.
using Tell = std::function<void(Health, std::string_view)>;
enum class ImageFormat : std::uint8_t { raw };
enum class TrackerKind : std::uint8_t { scan };
enum class SeedKind : std::uint8_t { network, media };
enum class ReplicaRemoval : std::uint8_t { keep, remove };
enum class TargetExists : std::uint8_t { refuse, overwrite };  // --force
enum class Execution : std::uint8_t { real, dry_run };
enum class Confirmation : std::uint8_t { missing, given };  // --yes

// ---- commands
// ----------------------------------------------------------------------------------------------------------

struct ProtectDisk {
  std::string name;
  std::string path;  // absolute
  TrackerKind tracker = TrackerKind::scan;
};
struct Protect {
  std::string machine;
  std::string replica;  // a peer's name or address
  std::vector<ProtectDisk> disks;
  SeedKind seed = SeedKind::network;
  Execution execution = Execution::real;
};
struct Sync {
  std::string machine;
  Execution execution = Execution::real;
};
struct Unprotect {
  std::string machine;
  ReplicaRemoval replica_removal = ReplicaRemoval::keep;
  Execution execution = Execution::real;
};
// On the replica: its copy of a machine, all points of it, and its name.
struct Remove {
  std::string machine;  // name, OWNER/NAME or id
  Confirmation confirmation = Confirmation::missing;
  Execution execution = Execution::real;
};
struct Restore {
  std::string machine;
  std::string point = "latest";  // as the operator wrote it: number, latest, oldest, time, duration ago
  std::string disk;
  std::string to;  // absolute
  TargetExists target = TargetExists::refuse;
  Execution execution = Execution::real;
};
struct Verify {
  std::string machine;
  std::optional<std::string> point;  // nothing = all
};
struct Export {
  std::string machine;
  std::string to;  // absolute folder
  Execution execution = Execution::real;
};
struct Import {
  std::string from;  // absolute folder
  Execution execution = Execution::real;
};

// What a dry run answers: nothing was changed.
struct Plan {
  std::vector<std::string> steps;  // sentences
  std::optional<ByteCount> bytes;  // to be read, sent or written, as far as it can be known
};

// ---- what is shown
// -----------------------------------------------------------------------------------------------------

struct PointInfo {
  Sequence sequence;
  WallTime time;      // of the freeze, primary's clock
  WallTime received;  // replica's clock
  format::Consistency consistency = format::Consistency::crash;
  Digest digest;
  ByteCount changed_bytes;
  ByteCount stored_bytes;
  std::optional<WallTime> verified_at;  // on the replica, when verify last read it without a fault
  std::string damage;                   // not empty: what verify or recovery found
};

struct CycleInfo {
  Duration seconds{};
  ByteCount changed_bytes;  // changed blocks found, times 4 KiB
  ByteCount sent_bytes;     // handed to the transport in frames and records
  ByteCount stored_bytes;
};

struct DiskStatus {
  std::string name;
  std::string path;  // primary: the image; replica: the base
  ByteCount size;
  std::optional<ByteCount> dirty;  // unknown for scan before it has looked
};

struct MachineStatus {
  std::string name;
  MachineId id;
  Role role = Role::primary;
  std::string peer;  // the other host's name
  HostId peer_id;
  std::string state;  // "seeding", "waiting for medium", "idle", "syncing", "paused", "resync required", "stopped"
  Health health = Health::normal;
  std::vector<std::string> reasons;
  std::optional<Duration> rpo_lag;
  std::uint64_t generation = 1;
  std::optional<PointInfo> latest_point;
  std::uint64_t points = 0;
  std::optional<CycleInfo> last_cycle;
  std::string compression;  // of a primary's cycles: "zstd 3", "auto: zstd 1"; empty for a replica
  std::vector<DiskStatus> disks;
};

// A certificate, as far as this host knows it.
struct CertificateInfo {
  WallTime ends;
  std::int64_t left_days = 0;  // whole days, rounded down; negative when it has ended
};
enum class Renewal : std::uint8_t { automatic, by_operator };  // who sees to a new certificate in time

// This host itself.
struct HostInfo {
  HostId id;
  std::string name;
  Health health = Health::normal;
  std::vector<std::string> reasons;
  CertificateInfo certificate;
  CertificateInfo authority;  // the root that signed it
  Renewal renewal = Renewal::automatic;
};

struct PeerInfo {
  HostId id;
  std::string name;
  std::string address;  // "chi.example:8084"; empty for a host that only comes to us
  std::string role;     // "replica" (we send to it), "primary" (it sends to us), "both"
  bool revoked = false;
  WallTime joined;
  std::optional<WallTime> last_seen;
  std::optional<CertificateInfo> certificate;  // as it showed it last; unknown until it has, since the daemon's start
  std::optional<CertificateInfo> authority;
  Health health = Health::normal;  // of its certificates
  std::vector<std::string> reasons;
};

// ---- jobs
// --------------------------------------------------------------------------------------------------------------

using JobId = std::uint64_t;
enum class JobState : std::uint8_t { running, done, failed, cancelled };

struct SyncResult {
  std::string machine;
  Sequence sequence;
  Digest digest;
  ByteCount changed_bytes;
  ByteCount sent_bytes;
  Duration seconds{};
};
struct ProtectResult {
  std::string machine;
  std::optional<SyncResult> first_point;  // nothing when a medium is awaited
  std::vector<DiskStatus> disks;
};
struct RestoreResult {
  std::string machine;
  Sequence sequence;
  std::string disk;
  std::string path;
  ByteCount size;
  ByteCount written;
};
// One damaged place, named for people.
struct DamageReport {
  std::string machine;
  std::string disk;      // empty where it is the journal itself
  Sequence first_point;  // the points that read it
  Sequence last_point;
  std::optional<Extent> extent;
  std::string what;  // which file, which check
};
struct VerifyResult {
  std::string machine;
  std::uint64_t points_verified = 0;
  std::uint64_t points_damaged = 0;
  ByteCount bytes_read;
  std::vector<DamageReport> damage;  // the first 1,000
};
struct TransferResult {  // export, import
  std::string machine;
  std::string path;
  ByteCount bytes;         // content
  ByteCount stored_bytes;  // on the medium
  std::optional<Sequence> sequence;
  std::optional<Digest> digest;
};
struct RemovalResult {
  std::string machine;
  bool replica_removed = false;
  std::uint64_t points = 0;  // of remove: that went with it
  ByteCount freed;           // of remove: about
};
using JobResult =
    std::variant<std::monostate, SyncResult, ProtectResult, RestoreResult, VerifyResult, TransferResult, RemovalResult>;

struct JobInfo {
  JobId id = 0;
  std::string kind;  // "protect", "sync", "restore", "verify", "export", "import", "unprotect", "remove"
  std::string machine;
  JobState state = JobState::running;
  std::string phase;  // "reading", "sending", "verifying"
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;  // 0 = not known
  WallTime started;
  std::optional<WallTime> finished;
  std::optional<Error> error;         // of a failed job
  std::vector<std::string> warnings;  // of a done job: exit status 3
  JobResult result;
};

// A long command answers with its job, a dry run with its plan.
using Started = std::variant<JobId, Plan>;

}  // namespace afterimage::host
