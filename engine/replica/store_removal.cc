// SPDX-License-Identifier: Apache-2.0
// How a machine goes. It needs no space that is not there: a full store is one reason why people remove machines, and a
// device that is full takes neither a row of host.db nor, perhaps, the name of a new file. So the files go before the
// rows, and a name that is there already can become the marker.
//
//   marker `removed`, durable -> files, their space with them -> host.db forgets it -> marker -> folder
//
// A cut anywhere is finished at the next open, a failure with the mending: until then the machine is a trouble that
// says so, and `remove` may be asked again.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/replica/replica_store.h"
#include "engine/replica/store_files.h"
#include "io/durable_file.h"

namespace afterimage::replica {
namespace {

bool is_not_found(const Error& error) { return error.code == ErrorCode::not_found; }

}  // namespace

void ReplicaStore::note_unfinished_removal(MachineId id, std::string machine_name, const Error& error) {
  MachineTrouble& trouble = note_trouble(id, std::move(machine_name), "its removal is not finished: " + error.text());
  trouble.is_going = true;
}

io::Task<Status> ReplicaStore::remove_machine(io::Scope& scope, MachineId id) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, machines_lock_.acquire(scope));
  const std::shared_ptr<Machine> machine = find(id);
  if (machine == nullptr) {
    if (std::ranges::find(troubles_, id, &MachineTrouble::id) == troubles_.end())
      co_return fail(ErrorCode::not_found, "remove a machine", "the store has no such machine");
    auto removing = remove_quiet(id, nullptr);
    co_return co_await removing;
  }
  machine->fence();
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard quiet, machine->lock().acquire(scope));
  auto removing = remove_quiet(id, machine);
  co_return co_await removing;
}

// What an earlier protection under the same name left that never brought anything: whoever asks loses nothing with it.
io::Task<Result<bool>> ReplicaStore::remove_if_blank(io::Scope& scope, std::shared_ptr<Machine> machine) {
  if (machine == nullptr) co_return false;
  auto looking = machine->holds_nothing();
  if (!co_await looking) co_return false;
  machine->fence();
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard quiet, machine->lock().acquire(scope));
  if (!machine->is_blank()) co_return false;
  AFI_CO_TRY_STATUS(remove_quiet(machine->description().id, machine));
  co_return true;
}

io::Task<void> ReplicaStore::forget_if_abandoned(MachineId id) {
  auto acquiring = machines_lock_.acquire(scope_);
  const auto guard = co_await acquiring;
  if (!guard) co_return;
  const std::shared_ptr<Machine> machine = find(id);
  if (machine == nullptr || !machine->is_abandoned()) co_return;
  auto removing = remove_if_blank(scope_, machine);
  [[maybe_unused]] const Result<bool> removed = co_await removing;  // what remains is named, and tried again
}

// Where nobody came back to a machine that never had a byte: it would keep a name, a place among the primary's
// machines, and files open.
io::Task<void> ReplicaStore::sweep_abandoned() {
  const std::vector<std::shared_ptr<Machine>> all = machines();
  for (const std::shared_ptr<Machine>& machine : all) {
    if (scope_.is_interrupted()) co_return;
    if (!machine->is_abandoned()) continue;
    auto forgetting = forget_if_abandoned(machine->description().id);
    co_await forgetting;
  }
}

// Requires: machines_lock_, and that of the machine if there is one.
io::Task<Status> ReplicaStore::remove_quiet(MachineId id, std::shared_ptr<Machine> machine) {
  std::string name = machine == nullptr ? "" : machine->description().name;
  AFI_CO_TRY_STATUS(mark_removed(id));
  if (machine != nullptr) {
    machine->retire();
    machines_.erase(id);
  }
  auto finishing = finish_removal(scope_, id);
  const Status finished = co_await finishing;
  const auto trouble = std::ranges::find(troubles_, id, &MachineTrouble::id);
  if (finished) {
    if (trouble != troubles_.end()) troubles_.erase(trouble);
  } else if (trouble == troubles_.end()) {
    note_unfinished_removal(id, std::move(name), finished.error());
    trouble_.set();
  } else {
    trouble->is_going = true;
    trouble->reason = "its removal is not finished: " + finished.error().text();
    trouble->retry.note_failed(platform_.reactor.now(), platform_.clock.now());
  }
  co_return finished;
}

io::Task<Status> ReplicaStore::mark_removed(MachineId id) {
  auto opening = machines_folder_->open_directory(scope_, id.text());
  const auto folder = co_await opening;
  if (!folder && is_not_found(folder.error())) co_return Status{};  // only its rows are left
  if (!folder) co_return std::unexpected(folder.error());
  const Bytes nothing;
  auto marking = io::replace_file(scope_, **folder, removed_file_name, nothing);
  Status marked = co_await marking;
  if (marked || marked.error().code != ErrorCode::no_space) co_return marked;
  for (const char* name : {machine_copy_name, machine_file_name}) {
    auto renaming = (*folder)->replace(scope_, name, removed_file_name);
    if (const Status renamed = co_await renaming; !renamed) continue;
    auto syncing = (*folder)->sync(scope_);
    co_return co_await syncing;
  }
  co_return marked;
}

io::Task<Status> ReplicaStore::finish_removal(io::Scope& scope, MachineId id) {
  auto opening = machines_folder_->open_directory(scope, id.text());
  const auto folder = co_await opening;
  if (!folder && !is_not_found(folder.error())) co_return std::unexpected(folder.error());
  if (folder) AFI_CO_TRY_STATUS(clear_machine_folder(scope, **folder));
  AFI_CO_TRY_STATUS(catalogue_.remove_machine(scope, id));
  if (!folder) co_return Status{};
  AFI_CO_TRY_STATUS(io::remove_if_there(scope, **folder, removed_file_name));
  AFI_CO_TRY_STATUS(machines_folder_->remove_directory(scope, id.text()));
  auto syncing = machines_folder_->sync(scope);
  co_return co_await syncing;
}

// All but the marker.
io::Task<Status> ReplicaStore::clear_machine_folder(io::Scope& scope, io::Directory& folder) {
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, folder.list(scope));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.name == removed_file_name) continue;
    if (entry.kind == io::EntryKind::directory) {
      AFI_CO_TRY(const std::unique_ptr<io::Directory> inner, folder.open_directory(scope, entry.name));
      AFI_CO_TRY_STATUS(io::clear_directory(scope, *inner));
      AFI_CO_TRY_STATUS(folder.remove_directory(scope, entry.name));
    } else {
      AFI_CO_TRY_STATUS(folder.remove_file(scope, entry.name));
    }
  }
  auto syncing = folder.sync(scope);
  co_return co_await syncing;
}

}  // namespace afterimage::replica
