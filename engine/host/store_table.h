// SPDX-License-Identifier: Apache-2.0
// StoreTable: the stores this host is a replica for, and which they were before. A store that was there before is
// never made anew: when its volume is not mounted, an empty one in its place would be believed.
//
//   DIR/state/stores/<name>     a copy of the store's marker, written once the store was opened
//
// The first store holds host.db, so that a host does not start without it. Another one that cannot be opened keeps
// neither the rest of the stores nor the machines that this host protects from working: its machines are shown with
// the reason, and it is tried again with growing pauses. Thread: the reactor's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/catalogue/catalogue.h"
#include "engine/host/commands.h"
#include "engine/plan/retry_schedule.h"
#include "engine/replica/replica_store.h"
#include "io/platform.h"

namespace afterimage::host {

using Stores = std::vector<std::unique_ptr<replica::ReplicaStore>>;

// A store that could not be opened.
struct StoreTrouble {
  replica::StoreOptions options;
  Error error;
  RetrySchedule retry;
  // That it keeps, as host.db knew at the start: nothing adds to them meanwhile, and status answers without host.db.
  std::vector<catalogue::MachineRow> machines;
};

class StoreTable {
 public:
  // `tell` may be empty.
  StoreTable(const io::Platform& platform, std::vector<replica::StoreOptions> options, Tell tell);
  void use(catalogue::Catalogue& catalogue) { catalogue_ = &catalogue; }

  // Reads which stores this host has had. A file that does not parse is as none; `notices` names it.
  [[nodiscard]] io::Task<Status> read_known(io::Scope& scope, io::Directory& state, std::vector<std::string>& notices);
  // Before host.db is opened or made in the first store: it is the one it was, or it is new. Its folder is there when
  // it returns. Errors: refused (its volume is not mounted), io_failed …
  [[nodiscard]] io::Task<Status> check_first(io::Scope& scope);
  // Opens them. Errors: what ReplicaStore::open says of the first; busy of any.
  [[nodiscard]] io::Task<Status> open_all(io::Scope& scope, std::vector<std::string>& notices);

  // From here on what has stopped is tried again, until the scope ends.
  [[nodiscard]] io::Task<void> keep_mending(io::Scope& scope);
  [[nodiscard]] io::Task<void> close();

  [[nodiscard]] bool is_configured() const { return !options_.empty(); }
  [[nodiscard]] const Stores& all() const { return stores_; }
  [[nodiscard]] const std::vector<StoreTrouble>& troubles() const { return troubles_; }
  // Errors: refused (it is not open, with the reason), permission_denied (it is not configured).
  [[nodiscard]] Result<replica::ReplicaStore*> find(const std::string& name) const;

 private:
  [[nodiscard]] io::Task<Status> open(io::Scope& scope, replica::StoreOptions options);
  [[nodiscard]] io::Task<Status> note_trouble(io::Scope& scope, replica::StoreOptions options, Error error);
  [[nodiscard]] io::Task<void> try_again(io::Scope& scope, std::string name);
  void tell(Health health, const std::string& line) const;

  io::Platform platform_;
  std::vector<replica::StoreOptions> options_;  // as configured, with what is known of each
  Tell tell_;
  catalogue::Catalogue* catalogue_ = nullptr;
  std::unique_ptr<io::Directory> known_folder_;
  Stores stores_;  // never moved in memory: a command keeps a store while others are opened
  std::vector<StoreTrouble> troubles_;
};

}  // namespace afterimage::host
