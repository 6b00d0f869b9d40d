// SPDX-License-Identifier: Apache-2.0
// ReplicaStore: one store of this host: a folder that holds the machines of its primaries.
//
//   STORE/afterimage-store              this folder is a store, and which (replaced whole)
//   STORE/lock                          one daemon to a store
//   STORE/machines/<machine id>/        description, seeding, journal/, <disk id>/base.raw, <disk id>/base.sums
//
// A folder that holds other things, another store than the one that is remembered, or nothing where one is remembered
// (a volume that is not mounted) is refused: a store is never made twice. A machine that cannot be
// used does not keep the others from being used; troubles() names it. What has stopped, or could not be opened, is
// tried again with growing pauses (store_mending.cc). Thread: the reactor's.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "engine/plan/sizes.h"
#include "engine/port/point_sink.h"
#include "engine/port/replica_gate.h"
#include "engine/replica/machine.h"
#include "engine/replica/run_cache.h"
#include "io/base/limits.h"
#include "io/lock.h"
#include "io/platform.h"
#include "io/task_group.h"

namespace afterimage::replica {

struct StoreOptions {
  std::string name;  // check_name
  std::string path;  // absolute
  // At about this size a segment of a journal is sealed; at most limits::segment_bytes_max.
  ByteCount segment_bytes = ByteCount(limits::segment_bytes_max);
  StoreSizes sizes = {};
  // Which store it was before: then no other is opened, and none is made. The catalogue's word if there is none.
  std::optional<StoreId> known = {};
};

// Who comes: a primary, bound by its permissions, or this host's operator, who imports a medium on its behalf.
enum class Admission : std::uint8_t { primary, local_operator };

// A machine that could not be opened at all.
struct MachineTrouble {
  MachineId id;
  std::string name;  // as the catalogue has it; empty if it has not
  std::string reason;
  RetrySchedule retry;
  bool is_going = false;  // its removal has begun, and could not be finished yet
};

// A machine, and the word that somebody has a session with it.
struct Attended {
  std::shared_ptr<Machine> machine;
  std::shared_ptr<void> presence;
};

class ReplicaStore {
 public:
  // Opens or makes the store and brings back its machines. `platform` and `catalogue` outlive it. Errors: refused (see
  // above), busy (another afterimaged uses it), damaged and unsupported (its marker), io_failed.
  [[nodiscard]] static io::Task<Result<std::unique_ptr<ReplicaStore>>> open(io::Scope& scope,
                                                                            const io::Platform& platform,
                                                                            catalogue::Catalogue& catalogue,
                                                                            StoreOptions options);
  ~ReplicaStore();
  // From here on machines that have stopped are opened again as soon as their devices let them, until close().
  void begin_mending();
  // Ends all sessions and waits for what is being written. Nothing else is called after it.
  [[nodiscard]] io::Task<void> close();

  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const std::string& path() const { return options_.path; }
  [[nodiscard]] StoreId id() const { return id_; }
  [[nodiscard]] std::vector<std::shared_ptr<Machine>> machines() const;  // ordered by id
  [[nodiscard]] std::shared_ptr<Machine> find(MachineId id) const;       // nullptr if there is none
  [[nodiscard]] const std::vector<MachineTrouble>& troubles() const { return troubles_; }

  // A session for that peer, for one machine, which it names at open. Permissions are checked at open and at begin.
  [[nodiscard]] std::unique_ptr<PointSink> receiver(Peer peer, Admission admission = Admission::primary);
  // Ends the sessions of a peer: its permissions have changed.
  void fence_sessions_of(HostId peer);
  // Removes a machine, or what is left of one that could not be opened, and all its points; its sessions end. Needs no
  // free space. Durable when it returns; a cut in the middle is finished at the next open, a failure in the middle with
  // the mending. Requires no permission: the operator's word, or checked by the receiver. not_found.
  [[nodiscard]] io::Task<Status> remove_machine(io::Scope& scope, MachineId id);
  // For the receiver, when a session was refused: a machine that never came to anything goes with it.
  [[nodiscard]] io::Task<void> forget_if_abandoned(MachineId id);
  // For the receiver: a session has ended. Safe in a destructor.
  void session_over() { trouble_.set(); }

  // For the receiver: the machine, made if it is new. permission_denied, no_space (quota), already_exists, …
  [[nodiscard]] io::Task<Result<Attended>> find_or_create(io::Scope& scope, const Peer& peer, Admission admission,
                                                          const MachineDescription& description, SeedBy seed_by);
  // permission_denied, with the reason, or no_space if the peer's machines take more than its quota.
  [[nodiscard]] io::Task<Result<catalogue::PermissionRow>> check_permission(io::Scope& scope, const Peer& peer);

 private:
  ReplicaStore(const io::Platform& platform, catalogue::Catalogue& catalogue, StoreOptions options);
  [[nodiscard]] io::Task<Status> take_folder(io::Scope& scope);
  [[nodiscard]] io::Task<Status> check_new_folder(io::Scope& scope);
  [[nodiscard]] io::Task<Status> lock(io::Scope& scope);
  [[nodiscard]] io::Task<Status> take_marker(io::Scope& scope);
  [[nodiscard]] io::Task<Status> load_machines(io::Scope& scope);
  [[nodiscard]] io::Task<Result<std::vector<io::DirectoryEntry>>> read_machine_folder(
      io::Scope& scope, MachineId id, std::shared_ptr<io::Directory>& folder);
  [[nodiscard]] io::Task<Status> load_machine(io::Scope& scope, MachineId id,
                                              const std::vector<catalogue::MachineRow>& known);
  [[nodiscard]] io::Task<Result<std::shared_ptr<Machine>>> open_machine(MachineId id,
                                                                        std::shared_ptr<io::Directory> folder);
  MachineTrouble& note_trouble(MachineId id, std::string machine_name, std::string reason);
  // store_removal.cc
  [[nodiscard]] io::Task<Result<bool>> remove_if_blank(io::Scope& scope, std::shared_ptr<Machine> machine);
  [[nodiscard]] io::Task<Status> remove_quiet(MachineId id, std::shared_ptr<Machine> machine);
  [[nodiscard]] io::Task<Status> mark_removed(MachineId id);
  [[nodiscard]] io::Task<Status> finish_removal(io::Scope& scope, MachineId id);
  [[nodiscard]] io::Task<Status> clear_machine_folder(io::Scope& scope, io::Directory& folder);
  void note_unfinished_removal(MachineId id, std::string machine_name, const Error& error);
  [[nodiscard]] io::Task<void> sweep_abandoned();
  [[nodiscard]] io::Task<Result<std::shared_ptr<Machine>>> create(io::Scope& scope, const Peer& peer,
                                                                  const MachineDescription& description,
                                                                  SeedBy seed_by);
  [[nodiscard]] MachineContext context();

  // store_mending.cc
  [[nodiscard]] io::Task<void> keep_mending();
  // Tries what is due; when the next is, if anything is left.
  [[nodiscard]] io::Task<std::optional<MonotonicTime>> mend();
  [[nodiscard]] io::Task<void> load_again(MachineId id);

  io::Platform platform_;
  catalogue::Catalogue& catalogue_;
  StoreOptions options_;
  StoreId id_;
  io::Scope scope_;
  RunCache runs_;
  std::unique_ptr<io::Directory> folder_;
  std::unique_ptr<io::File> lock_file_;
  std::unique_ptr<io::Directory> machines_folder_;
  io::Lock machines_lock_;  // making and removing machines
  std::map<MachineId, std::shared_ptr<Machine>> machines_;
  std::vector<MachineTrouble> troubles_;
  io::Event trouble_;    // something is to be mended
  io::TaskGroup tasks_;  // dies first: its frames use all of the above
};

}  // namespace afterimage::replica
