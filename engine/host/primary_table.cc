// SPDX-License-Identifier: Apache-2.0
#include "engine/host/primary_table.h"

#include <algorithm>
#include <utility>

#include "io/durable_file.h"

namespace afterimage::host {
namespace {

bool has_image(const source::PrimaryMachine& machine, const std::string& path) {
  const std::vector<std::string>& paths = machine.record().image_paths;
  return std::ranges::find(paths, path) != paths.end();
}

Error another_is_protected(const std::string& name) {
  return Error{.code = ErrorCode::already_exists,
               .what = "open a machine",
               .detail = "another machine " + name + " is protected meanwhile"};
}

// What was read and does not verify will not read another time, and of whose name there is another, that name is known.
bool may_read_again(ErrorCode code) {
  return code != ErrorCode::damaged && code != ErrorCode::unsupported && code != ErrorCode::already_exists;
}

}  // namespace

std::string Primary::name() const { return machine ? machine->record().description.name : folder; }

io::Task<Status> PrimaryTable::open(io::Scope& scope, io::Directory& state) {
  AFI_CO_TRY(machines_, state.make_directory(scope, "machines"));
  AFI_CO_TRY_STATUS(state.sync(scope));
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, machines_->list(scope));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.kind == io::EntryKind::directory) AFI_CO_TRY_STATUS(open_machine(scope, entry.name));
  }
  co_return Status{};
}

// Opens the machine in primary.folder.
io::Task<Status> PrimaryTable::fill(io::Scope& scope, Primary& primary) {
  AFI_CO_TRY(std::unique_ptr<io::Directory> directory, machines_->open_directory(scope, primary.folder));
  AFI_CO_TRY(primary.machine, source::PrimaryMachine::open(scope, platform_, std::move(directory)));
  primary.machine->set_compression(compression_);
  primary.machine->set_sizes(sizes_);
  co_return Status{};
}

io::Task<Status> PrimaryTable::open_machine(io::Scope& scope, std::string folder) {
  const auto primary = std::make_shared<Primary>();
  primary->folder = folder;
  auto filling = fill(scope, *primary);
  const Status filled = co_await filling;
  if (!filled && filled.error().code == ErrorCode::not_found) {
    // Its record was never durable: a protect that was cut, or an unprotect that was.
    AFI_CO_TRY(const std::unique_ptr<io::Directory> leftover, machines_->open_directory(scope, folder));
    AFI_CO_TRY_STATUS(io::clear_directory(scope, *leftover));
    AFI_CO_TRY_STATUS(machines_->remove_directory(scope, folder));
    co_return Status{};
  }
  if (!filled) {
    primary->damage = filled.error();
    primary->retry.begin(platform_.reactor.now());
  }
  admit(primary);
  co_return Status{};
}

// Of two with one name the one that has points keeps it: the other was never seeded, or its replica is another. It is
// shown under the name of its folder.
void PrimaryTable::admit(std::shared_ptr<Primary> primary) {
  std::string name = primary->name();
  const auto known = primaries_.find(name);
  if (known != primaries_.end()) {
    const auto has_points = [](const Primary& of) { return of.machine && of.machine->record().acknowledged; };
    if (!has_points(*known->second) && has_points(*primary)) std::swap(known->second, primary);
    primary->machine.reset();
    primary->damage = another_is_protected(name);
    primary->retry.begin(platform_.reactor.now());
    name = primary->folder;
  }
  primaries_.emplace(std::move(name), std::move(primary));
}

io::Task<void> PrimaryTable::keep_mending(io::Scope& scope) {
  while (!scope.is_interrupted()) {
    std::vector<std::string> due;
    std::optional<MonotonicTime> next;
    const MonotonicTime now = platform_.reactor.now();
    for (const auto& [name, primary] : primaries_) {
      if (primary->machine) continue;
      if (primary->retry.is_due(now)) due.push_back(primary->folder);
      next = std::min(next.value_or(primary->retry.due()), primary->retry.due());
    }
    if (!next) co_return;  // none is damaged after the start that was not then
    for (const std::string& folder : due) {
      auto opening = open_again(scope, folder);
      co_await opening;
    }
    if (!due.empty()) continue;
    auto sleeping = io::sleep_for(scope, *next - now);
    [[maybe_unused]] const Status slept = co_await sleeping;
  }
}

io::Task<void> PrimaryTable::open_asked(io::Scope& scope) {
  std::vector<std::string> folders;
  for (const auto& [name, primary] : primaries_) {
    if (!primary->machine && primary->retry.may_be_asked(platform_.reactor.now())) folders.push_back(primary->folder);
  }
  for (const std::string& folder : folders) {
    auto opening = open_again(scope, folder);
    co_await opening;
  }
}

Status PrimaryTable::check_unknown(const std::string& name) const {
  for (const auto& [shown, primary] : primaries_) {
    if (primary->machine || !may_read_again(primary->damage.code)) continue;
    return fail(ErrorCode::refused, "look for a machine",
                "whether this host protects " + name + " is not known: " + primary->damage.text() +
                    "; run the command again when that can be read. If it is lost for good, stop afterimaged and move "
                    "the folder machines/" +
                    primary->folder + " out of its state");
  }
  return {};
}

// Under the name of its folder until it opens. Whatever its folder looks like now, nothing in it is removed.
io::Task<void> PrimaryTable::open_again(io::Scope& scope, std::string folder) {
  // Two that open one folder would each take the other's new files for leftovers.
  auto acquiring = opening_.acquire(scope);
  const auto guard = co_await acquiring;
  if (!guard || !is_unread(folder)) co_return;
  const auto fresh = std::make_shared<Primary>();
  fresh->folder = folder;
  auto filling = fill(scope, *fresh);
  const Status filled = co_await filling;
  const auto found = primaries_.find(folder);
  if (found == primaries_.end() || (!filled && filled.error().code == ErrorCode::cancelled)) co_return;
  if (filled && !primaries_.contains(fresh->name())) {
    primaries_.erase(found);
    primaries_.emplace(fresh->name(), fresh);
    co_return;
  }
  found->second->damage = filled ? another_is_protected(fresh->name()) : filled.error();
  found->second->retry.note_failed(platform_.reactor.now(), platform_.clock.now());
}

bool PrimaryTable::is_unread(const std::string& folder) const {
  const auto found = primaries_.find(folder);
  return found != primaries_.end() && !found->second->machine;
}

io::Task<Result<std::shared_ptr<Primary>>> PrimaryTable::add(io::Scope& scope, PrimaryRecord record) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, opening_.acquire(scope));
  const std::string name = record.description.name;
  if (primaries_.contains(name)) {
    co_return fail(ErrorCode::already_exists, "protect a machine",
                   name + " is protected already; 'afterimage status " + name + "' shows it");
  }
  AFI_CO_STATUS(check_unknown(name));
  AFI_CO_TRY_STATUS(open_folder_again(scope));
  const std::string folder = record.description.id.text();
  AFI_CO_TRY(std::unique_ptr<io::Directory> directory, machines_->make_directory(scope, folder));
  AFI_CO_TRY_STATUS(machines_->sync(scope));
  auto primary = std::make_shared<Primary>();
  primary->folder = folder;
  auto creating = source::PrimaryMachine::create(scope, platform_, std::move(directory), std::move(record));
  auto created = co_await creating;
  if (!created) {
    // Its record may be there all the same, and the next start would find a machine that nobody was told of.
    auto removing = remove_folder(scope, folder);
    [[maybe_unused]] const Status removed = co_await removing;
    co_return std::unexpected(created.error());
  }
  primary->machine = std::move(*created);
  primary->machine->set_compression(compression_);
  primary->machine->set_sizes(sizes_);
  primaries_.emplace(name, primary);  // looked for above, and nothing adds a name in between: opening_ is held
  co_return primary;
}

// A folder whose sync has failed once may answer so to every later one.
io::Task<Status> PrimaryTable::open_folder_again(io::Scope& scope) {
  AFI_CO_TRY(machines_, platform_.disk.open_directory(scope, machines_->path()));
  co_return Status{};
}

io::Task<Status> PrimaryTable::remove(io::Scope& scope, std::string name) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, opening_.acquire(scope));
  AFI_CO_TRY_STATUS(open_folder_again(scope));
  const auto found = primaries_.find(name);
  if (found == primaries_.end()) co_return Status{};
  const std::string folder = found->second->folder;
  primaries_.erase(found);
  auto removing = remove_folder(scope, folder);
  co_return co_await removing;
}

io::Task<Status> PrimaryTable::remove_folder(io::Scope& scope, std::string folder) {
  AFI_CO_TRY(const std::unique_ptr<io::Directory> directory, machines_->open_directory(scope, folder));
  // The record first: without it a start takes the rest for a leftover.
  AFI_CO_TRY_STATUS(io::remove_if_there(scope, *directory, source::record_file_name));
  AFI_CO_TRY_STATUS(io::clear_directory(scope, *directory));
  AFI_CO_TRY_STATUS(machines_->remove_directory(scope, folder));
  auto syncing = machines_->sync(scope);
  co_return co_await syncing;
}

std::shared_ptr<Primary> PrimaryTable::find(const std::string& name) const {
  const auto found = primaries_.find(name);
  return found == primaries_.end() ? nullptr : found->second;
}

std::shared_ptr<Primary> PrimaryTable::find_image(const std::string& path) const {
  for (const auto& [name, primary] : primaries_) {
    if (primary->machine && has_image(*primary->machine, path)) return primary;
  }
  return nullptr;
}

std::vector<std::shared_ptr<Primary>> PrimaryTable::all() const {
  std::vector<std::shared_ptr<Primary>> list;
  list.reserve(primaries_.size());
  for (const auto& [name, primary] : primaries_) list.push_back(primary);
  return list;
}

}  // namespace afterimage::host
