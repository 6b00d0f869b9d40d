// SPDX-License-Identifier: Apache-2.0
// Catalogue: host.db. Authority for peers, permissions, registration keys and stores; an index of machines and points,
// which tells recovery how far a journal had come (a point known here and missing there was lost, and that is said
// loudly).
//
// Every call runs on a worker, one after the other. What is authority is durable when the call returns; the index of
// points survives a kill and may lose its newest rows in a power cut, after which the journals fill it again. Errors of
// all calls: damaged (a row that does not verify), no_space, io_failed, internal; those of the scope. Thread: the
// reactor's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalogue/rows.h"
#include "io/base/result.h"
#include "io/lock.h"
#include "io/platform.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::catalogue {

class Database;

// Where a catalogue is. A file for a host; in memory, with a name, under the simulator (KeptInMemory keeps it).
struct CatalogueLocation {
  std::string where;
  std::function<void()> made_durable = {};  // of one in memory: told after each commit that is to survive a power cut
  [[nodiscard]] static CatalogueLocation file(std::string path) { return {.where = std::move(path)}; }
};

// Keeps a catalogue in memory alive at its last commit, however often the host that uses it dies.
class KeptInMemory {
 public:
  explicit KeptInMemory(const std::string& name);  // unique in the process
  ~KeptInMemory();
  [[nodiscard]] CatalogueLocation location() const {
    return {.where = where_, .made_durable = [this] { keep_durable(); }};
  }
  // A power cut that takes all it may: what was committed lazily since the last durable commit. Nobody has it open.
  void forget_lazy_commits();
  // Between the two every write of the catalogue fails, as on a device that takes none.
  void refuse_writes();
  void take_writes();

 private:
  void keep_durable() const;
  struct Connection;
  std::string where_;
  std::unique_ptr<Connection> connection_;
};

class Catalogue {
 public:
  // Opens, checks everything, or makes it new. Errors: damaged and unsupported (the detail says which check failed and
  // that `move_aside` is the way out), busy (another process has it).
  [[nodiscard]] static io::Task<Result<std::unique_ptr<Catalogue>>> open(io::Scope& scope, io::Workers& workers,
                                                                         CatalogueLocation location);
  // Renames a catalogue that cannot be opened (and its WAL) to host.db.damaged-TIME; never deletes it. The path it has
  // now. Opening then makes a new one: stores fill in machines and points, peers, permissions and keys are gone.
  [[nodiscard]] static io::Task<Result<std::string>> move_aside(io::Scope& scope, io::Disk& disk, std::string path,
                                                                WallTime now);
  ~Catalogue();

  // Peers.
  [[nodiscard]] io::Task<Result<std::vector<PeerRow>>> peers(io::Scope& scope);
  [[nodiscard]] io::Task<Result<std::optional<PeerRow>>> peer(io::Scope& scope, HostId id);
  [[nodiscard]] io::Task<Status> put_peer(io::Scope& scope, const PeerRow& peer);
  // not_found if there is none such.
  [[nodiscard]] io::Task<Status> revoke_peer(io::Scope& scope, HostId id);
  [[nodiscard]] io::Task<Status> note_seen(io::Scope& scope, HostId id, WallTime when);

  // Permissions.
  [[nodiscard]] io::Task<Result<std::optional<PermissionRow>>> permission(io::Scope& scope, HostId peer);
  [[nodiscard]] io::Task<Status> put_permission(io::Scope& scope, const PermissionRow& permission);

  // Registration keys.
  [[nodiscard]] io::Task<Status> put_key(io::Scope& scope, const KeyRow& key);
  [[nodiscard]] io::Task<Result<std::optional<KeyRow>>> key(io::Scope& scope, Digest secret_digest);
  [[nodiscard]] io::Task<Result<std::vector<KeyRow>>> keys(io::Scope& scope);
  // A primary joins: marks the key as used by `joiner` and keeps peer and permission, in one transaction. A key used
  // by the same one is fine (the answer was lost); by another: authentication; no such key: not_found.
  [[nodiscard]] io::Task<Status> complete_enrolment(io::Scope& scope, Digest secret_digest, Digest joiner,
                                                    const PeerRow& peer, const PermissionRow& permission);
  // Keys that expired before `before`. The number removed.
  [[nodiscard]] io::Task<Result<std::size_t>> remove_keys_expired(io::Scope& scope, WallTime before);

  // Stores by name.
  [[nodiscard]] io::Task<Result<std::optional<StoreRow>>> store(io::Scope& scope, std::string name);
  [[nodiscard]] io::Task<Status> put_store(io::Scope& scope, const StoreRow& store);

  // Machines and their points.
  [[nodiscard]] io::Task<Result<std::vector<MachineRow>>> machines(io::Scope& scope);
  // already_exists if the owner has another machine of that name here.
  [[nodiscard]] io::Task<Status> put_machine(io::Scope& scope, MachineRow machine);
  [[nodiscard]] io::Task<Status> remove_machine(io::Scope& scope, MachineId machine);  // with its points
  [[nodiscard]] io::Task<Result<std::vector<PointRow>>> points(io::Scope& scope, MachineId machine);
  // Inserts or replaces.
  [[nodiscard]] io::Task<Status> put_points(io::Scope& scope, std::vector<PointRow> points);

  // Not empty: why a write failed, or could not be brought into the file, since the last that was. What is durable when
  // a call returns is so in this time, too: it is refused otherwise.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  // Writes something that changes nothing, durably: ends the failure if the device takes it.
  [[nodiscard]] io::Task<Status> prove_writes(io::Scope& scope);

 private:
  Catalogue(io::Workers& workers, std::unique_ptr<Database> database);
  template <typename T>
  [[nodiscard]] io::Task<Result<T>> on_worker(io::Scope& scope, std::move_only_function<Result<T>(Database&)> work);

  io::Workers& workers_;
  io::Lock lock_;
  std::unique_ptr<Database> database_;
  std::string failure_;  // as the database had it after the last call
};

}  // namespace afterimage::catalogue
