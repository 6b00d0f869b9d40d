// SPDX-License-Identifier: Apache-2.0
// PrimaryTable: the machines this host protects, by name, each in a folder of its own named by its id. A folder that
// does not read back is kept, shown, and tried again with growing pauses or when somebody asks, never removed. Thread:
// the reactor's.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/host/commands.h"
#include "engine/plan/retry_schedule.h"
#include "engine/source/primary_machine.h"
#include "io/lock.h"
#include "io/platform.h"

namespace afterimage::host {

// One protected machine, and what its last cycle said. Whoever waits in between holds it: it may be unprotected
// meanwhile.
struct Primary {
  std::unique_ptr<source::PrimaryMachine> machine;  // nullptr: its folder is damaged
  std::string folder;                               // under state/machines
  Error damage;                                     // why it could not be opened
  RetrySchedule retry;                              // when that is tried again
  std::optional<CycleInfo> last_cycle;
  std::optional<Error> last_failure;  // of the newest attempt, if that failed
  io::Lock changing;                  // held by whatever changes its state: jobs, and what is too short for one
  [[nodiscard]] std::string name() const;
};

class PrimaryTable {
 public:
  PrimaryTable(const io::Platform& platform, CompressionSetting compression, const CaptureSizes& sizes)
      : platform_(platform), compression_(compression), sizes_(sizes) {}

  // Opens state/machines and every machine in it.
  [[nodiscard]] io::Task<Status> open(io::Scope& scope, io::Directory& state);
  // already_exists by name; refused while it is not known whether it is there. Durable when it returns.
  [[nodiscard]] io::Task<Result<std::shared_ptr<Primary>>> add(io::Scope& scope, PrimaryRecord record);
  // Forgets the machine and removes its folder; its images are not touched.
  [[nodiscard]] io::Task<Status> remove(io::Scope& scope, std::string name);

  // Tries machines again that could not be opened, until all are; ends with the scope.
  [[nodiscard]] io::Task<void> keep_mending(io::Scope& scope);
  // Somebody asks for a machine that is none of those which are open: the others are tried now.
  [[nodiscard]] io::Task<void> open_asked(io::Scope& scope);
  // Of a name that no machine has: refused while one cannot be read that may be again, and may have it.
  [[nodiscard]] Status check_unknown(const std::string& name) const;

  [[nodiscard]] std::shared_ptr<Primary> find(const std::string& name) const;        // nullptr: there is none
  [[nodiscard]] std::shared_ptr<Primary> find_image(const std::string& path) const;  // the machine that has this image
  [[nodiscard]] std::vector<std::shared_ptr<Primary>> all() const;                   // by name

 private:
  [[nodiscard]] io::Task<Status> open_machine(io::Scope& scope, std::string folder);
  [[nodiscard]] io::Task<Status> fill(io::Scope& scope, Primary& primary);
  [[nodiscard]] io::Task<void> open_again(io::Scope& scope, std::string folder);
  // Requires: opening_ is held.
  [[nodiscard]] io::Task<Status> open_folder_again(io::Scope& scope);
  [[nodiscard]] bool is_unread(const std::string& folder) const;
  void admit(std::shared_ptr<Primary> primary);
  [[nodiscard]] io::Task<Status> remove_folder(io::Scope& scope, std::string folder);

  io::Platform platform_;
  CompressionSetting compression_;
  CaptureSizes sizes_;
  std::unique_ptr<io::Directory> machines_;
  io::Lock opening_;                                           // a folder is opened, or made, by one at a time
  std::map<std::string, std::shared_ptr<Primary>> primaries_;  // by name; a damaged one by its folder's
};

}  // namespace afterimage::host
