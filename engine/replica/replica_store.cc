// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/replica_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/replica/receiver.h"
#include "engine/replica/store_files.h"
#include "engine/replica/store_folder.h"
#include "io/base/limits.h"
#include "io/durable_file.h"

namespace afterimage::replica {
namespace {

constexpr const char* filesystem_folder = "lost+found";  // of the root of an ext file system
constexpr const char* catalogue_prefix = "host.db";      // a host keeps it, its WAL and what was moved aside here

bool is_not_found(const Error& error) { return error.code == ErrorCode::not_found; }

}  // namespace

ReplicaStore::ReplicaStore(const io::Platform& platform, catalogue::Catalogue& catalogue, StoreOptions options)
    : platform_(platform),
      catalogue_(catalogue),
      options_(std::move(options)),
      scope_(platform.reactor),
      runs_(options_.sizes.run_cache_bytes),
      tasks_(platform.reactor) {}

ReplicaStore::~ReplicaStore() = default;

MachineContext ReplicaStore::context() {
  return MachineContext{.platform = platform_,
                        .catalogue = catalogue_,
                        .runs = runs_,
                        .scope = scope_,
                        .trouble = trouble_,
                        .storing = tasks_,
                        .store = options_.name,
                        .segment_bytes = options_.segment_bytes,
                        .sizes = options_.sizes};
}

io::Task<Result<std::unique_ptr<ReplicaStore>>> ReplicaStore::open(io::Scope& scope, const io::Platform& platform,
                                                                   catalogue::Catalogue& catalogue,
                                                                   StoreOptions options) {
  AFI_CO_STATUS(check_name("store", options.name));
  std::unique_ptr<ReplicaStore> store(new ReplicaStore(platform, catalogue, std::move(options)));
  AFI_CO_TRY_STATUS(store->take_folder(scope));
  AFI_CO_TRY_STATUS(store->load_machines(scope));
  co_return store;
}

io::Task<Status> ReplicaStore::take_folder(io::Scope& scope) {
  AFI_CO_TRY(const std::optional<catalogue::StoreRow> row, catalogue_.store(scope, options_.name));
  std::optional<StoreId> known = options_.known;
  if (!known && row) known = row->id;
  if (known) {
    AFI_CO_TRY(folder_, open_known_store(scope, platform_.disk, options_.name, options_.path, *known));
  } else {
    AFI_CO_TRY(folder_, platform_.disk.make_directory(scope, options_.path));
    AFI_CO_TRY_STATUS(check_new_folder(scope));
  }
  AFI_CO_TRY_STATUS(lock(scope));
  AFI_CO_TRY_STATUS(take_marker(scope));
  if (!row) AFI_CO_TRY_STATUS(catalogue_.put_store(scope, catalogue::StoreRow{.name = options_.name, .id = id_}));
  if (row && row->id != id_) {
    co_return fail(ErrorCode::refused, "open a store",
                   fmt::format("{} is store {}, and host.db knows {} as {}; does that host.db belong to this host?",
                               options_.path, id_.text(), options_.name, row->id.text()));
  }
  AFI_CO_TRY(machines_folder_, folder_->make_directory(scope, machines_folder_name));
  auto syncing = folder_->sync(scope);
  co_return co_await syncing;
}

// A store is made in a folder without anything, or taken as it is.
io::Task<Status> ReplicaStore::check_new_folder(io::Scope& scope) {
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, folder_->list(scope));
  const auto is_marker = [](const io::DirectoryEntry& entry) { return entry.name == marker_file_name; };
  const auto is_other = [](const io::DirectoryEntry& entry) {
    const bool is_ours = entry.name == lock_file_name || entry.name == std::string(marker_file_name) + ".new";
    return !is_ours && entry.name != filesystem_folder && !entry.name.starts_with(catalogue_prefix);
  };
  if (std::ranges::any_of(entries, is_marker) || std::ranges::none_of(entries, is_other)) co_return Status{};
  co_return fail(ErrorCode::refused, "make a store",
                 fmt::format("{} is not empty and is no store; name an empty folder", options_.path));
}

io::Task<Status> ReplicaStore::lock(io::Scope& scope) {
  AFI_CO_TRY(lock_file_, folder_->open_file(scope, lock_file_name, io::OpenMode::open_or_create));
  Status locked = lock_file_->try_lock(io::LockMode::exclusive);
  if (locked || locked.error().code != ErrorCode::busy) co_return locked;
  co_return fail(ErrorCode::busy, "lock a store", fmt::format("another afterimaged uses store {}", options_.path));
}

// Reads which store it is, or makes it one.
io::Task<Status> ReplicaStore::take_marker(io::Scope& scope) {
  auto reading = io::read_file(scope, *folder_, marker_file_name, StoreMarker::bytes_max);
  const Result<Bytes> bytes = co_await reading;
  if (bytes) {
    AFI_CO_RESULT(const StoreMarker marker, StoreMarker::parse(*bytes));
    id_ = marker.id;
    co_return Status{};
  }
  if (!is_not_found(bytes.error())) co_return std::unexpected(bytes.error());
  id_ = platform_.random.make_id<StoreId>();
  const Bytes encoded = StoreMarker{.id = id_}.encode();
  auto making = io::replace_file(scope, *folder_, marker_file_name, encoded);
  co_return co_await making;
}

io::Task<Status> ReplicaStore::load_machines(io::Scope& scope) {
  AFI_CO_TRY(const std::vector<catalogue::MachineRow> known, catalogue_.machines(scope));
  AFI_CO_TRY(const std::vector<io::DirectoryEntry> entries, machines_folder_->list(scope));
  for (const io::DirectoryEntry& entry : entries) {
    const auto id = MachineId::parse(entry.name);
    if (entry.kind != io::EntryKind::directory || !id) continue;
    AFI_CO_TRY_STATUS(load_machine(scope, *id, known));
  }
  for (const catalogue::MachineRow& row : known) {
    if (row.store != options_.name || machines_.contains(row.id)) continue;
    const bool is_named =
        std::ranges::any_of(troubles_, [&](const MachineTrouble& trouble) { return trouble.id == row.id; });
    if (is_named) continue;
    AFI_CO_TRY(const std::vector<catalogue::PointRow> points, catalogue_.points(scope, row.id));
    if (points.empty()) {  // a removal that was cut off after the folder had gone, or a machine that never had a point
      AFI_CO_TRY_STATUS(catalogue_.remove_machine(scope, row.id));
      continue;
    }
    note_trouble(row.id, row.name, "its folder is missing from the store");
  }
  co_return Status{};
}

io::Task<Result<std::vector<io::DirectoryEntry>>> ReplicaStore::read_machine_folder(
    io::Scope& scope, MachineId id, std::shared_ptr<io::Directory>& folder) {
  AFI_CO_TRY(folder, machines_folder_->open_directory(scope, id.text()));
  auto listing = folder->list(scope);
  co_return co_await listing;
}

io::Task<Status> ReplicaStore::load_machine(io::Scope& scope, MachineId id,
                                            const std::vector<catalogue::MachineRow>& known) {
  const auto row = std::ranges::find(known, id, &catalogue::MachineRow::id);
  std::shared_ptr<io::Directory> folder;
  auto reading = read_machine_folder(scope, id, folder);
  const Result<std::vector<io::DirectoryEntry>> entries = co_await reading;
  if (!entries && entries.error().code == ErrorCode::cancelled) co_return std::unexpected(entries.error());
  if (!entries) {  // it keeps no other from being used
    note_trouble(id, row == known.end() ? "" : row->name, entries.error().text());
    co_return Status{};
  }
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(*entries, [name](const auto& entry) { return entry.name == name; });
  };
  // Half removed, or half made: its description is written last, and its catalogue row after that.
  const bool is_described = has(machine_file_name) || has(machine_copy_name);
  if (has(removed_file_name) || (!is_described && row == known.end())) {
    auto finishing = finish_removal(scope, id);
    const Status finished = co_await finishing;
    if (finished || finished.error().code == ErrorCode::cancelled) co_return finished;
    note_unfinished_removal(id, row == known.end() ? "" : row->name, finished.error());
    co_return Status{};
  }
  auto opening = open_machine(id, std::move(folder));
  auto machine = co_await opening;
  if (machine) {
    machines_.emplace(id, std::move(*machine));
  } else if (machine.error().code == ErrorCode::cancelled) {
    co_return std::unexpected(machine.error());
  } else {
    note_trouble(id, row == known.end() ? "" : row->name, machine.error().text());
  }
  co_return Status{};
}

io::Task<Result<std::shared_ptr<Machine>>> ReplicaStore::open_machine(MachineId id,
                                                                      std::shared_ptr<io::Directory> folder) {
  AFI_CO_TRY(std::shared_ptr<Machine> machine, Machine::load(context(), std::move(folder)));
  if (machine->description().id == id) co_return machine;
  co_return fail(ErrorCode::damaged, "open a machine", "its folder holds the description of another machine");
}

MachineTrouble& ReplicaStore::note_trouble(MachineId id, std::string machine_name, std::string reason) {
  MachineTrouble trouble{.id = id, .name = std::move(machine_name), .reason = std::move(reason), .retry = {}};
  trouble.retry.begin(platform_.reactor.now());
  return troubles_.emplace_back(std::move(trouble));
}

std::vector<std::shared_ptr<Machine>> ReplicaStore::machines() const {
  std::vector<std::shared_ptr<Machine>> machines;
  machines.reserve(machines_.size());
  for (const auto& [id, machine] : machines_) machines.push_back(machine);
  return machines;
}

std::shared_ptr<Machine> ReplicaStore::find(MachineId id) const {
  const auto found = machines_.find(id);
  return found == machines_.end() ? nullptr : found->second;
}

std::unique_ptr<PointSink> ReplicaStore::receiver(Peer peer, Admission admission) {
  return std::make_unique<Receiver>(*this, std::move(peer), admission);
}

void ReplicaStore::fence_sessions_of(HostId peer) {
  for (const auto& [id, machine] : machines_) {
    if (machine->file().owner == peer) machine->fence();
  }
}

io::Task<void> ReplicaStore::close() {
  for (const std::shared_ptr<Machine>& machine : machines()) {
    machine->fence();
    auto waiting = machine->lock().acquire(scope_);
    [[maybe_unused]] const auto guard = co_await waiting;  // what was being written has been
  }
  scope_.cancel();
  auto joining = tasks_.join();
  co_await joining;
}

io::Task<Result<catalogue::PermissionRow>> ReplicaStore::check_permission(io::Scope& scope, const Peer& peer) {
  AFI_CO_TRY(const std::optional<catalogue::PeerRow> row, catalogue_.peer(scope, peer.id));
  if (!row || row->state == catalogue::PeerState::revoked) {
    co_return fail(ErrorCode::permission_denied, "check permissions",
                   fmt::format("host {} {} by this replica", peer.name, row ? "was revoked" : "is not known"));
  }
  AFI_CO_TRY(const std::optional<catalogue::PermissionRow> permission, catalogue_.permission(scope, peer.id));
  if (!permission || permission->store != options_.name) {
    co_return fail(ErrorCode::permission_denied, "check permissions",
                   fmt::format("host {} may not replicate into store {}", peer.name, options_.name));
  }
  if (!permission->quota) co_return *permission;
  ByteCount taken;
  for (const std::shared_ptr<Machine>& machine : machines()) {
    if (machine->file().owner != peer.id) continue;
    AFI_CO_TRY(const ByteCount bytes, machine->stored_bytes());
    taken += bytes;
  }
  if (taken < *permission->quota) co_return *permission;
  co_return fail(ErrorCode::no_space, "check a quota",
                 fmt::format("the machines of host {} take {} bytes here, and its quota is {}", peer.name,
                             taken.value(), permission->quota->value()));
}

io::Task<Result<Attended>> ReplicaStore::find_or_create(io::Scope& scope, const Peer& peer, Admission admission,
                                                        const MachineDescription& description, SeedBy seed_by) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, machines_lock_.acquire(scope));
  const std::shared_ptr<Machine> known = find(description.id);
  if (known != nullptr && known->file().owner != peer.id) {
    co_return fail(ErrorCode::permission_denied, "open a machine",
                   fmt::format("machine {} belongs to host {} ({})", description.name, known->file().owner_name,
                               known->file().owner.text()));
  }
  if (admission == Admission::primary) {
    AFI_CO_TRY(const catalogue::PermissionRow permission, check_permission(scope, peer));
    std::uint64_t owned = 0;
    for (const auto& [id, machine] : machines_) owned += machine->file().owner == peer.id ? 1U : 0U;
    if (known == nullptr && owned >= permission.machines_max) {
      co_return fail(
          ErrorCode::permission_denied, "keep a machine",
          fmt::format("host {} may keep {} machines here, and has them", peer.name, permission.machines_max));
    }
  }
  if (known != nullptr) co_return Attended{.machine = known, .presence = known->attend()};
  for (const MachineTrouble& trouble : troubles_) {
    if (trouble.id != description.id) continue;
    co_return fail(ErrorCode::refused, "open a machine",
                   fmt::format("machine {} cannot be used on the replica: {}", description.name, trouble.reason));
  }
  AFI_CO_TRY(std::shared_ptr<Machine> created, create(scope, peer, description, seed_by));
  std::shared_ptr<void> presence = created->attend();
  co_return Attended{.machine = std::move(created), .presence = std::move(presence)};
}

io::Task<Result<std::shared_ptr<Machine>>> ReplicaStore::create(io::Scope& scope, const Peer& peer,
                                                                const MachineDescription& description, SeedBy seed_by) {
  if (machines_.size() >= limits::machines_max)
    co_return fail(ErrorCode::limit_exceeded, "a store keeps at most 4096 machines");
  AFI_CO_TRY(const std::vector<catalogue::MachineRow> rows, catalogue_.machines(scope));
  for (const catalogue::MachineRow& row : rows) {
    if (row.owner != peer.id || row.name != description.name || row.id == description.id) continue;
    AFI_CO_TRY(const bool gone, remove_if_blank(scope, find(row.id)));
    if (gone) continue;
    co_return fail(
        ErrorCode::already_exists, "keep a machine",
        fmt::format(
            "the replica already keeps a machine {0} of host {1}, from an earlier protection; protect under "
            "another name, or, if its points are not needed any more, run 'afterimage remove {0}' on the replica",
            description.name, peer.name));
  }
  const std::string folder_name = description.id.text();
  AFI_CO_TRY(std::unique_ptr<io::Directory> made, machines_folder_->make_directory(scope, folder_name));
  AFI_CO_TRY_STATUS(machines_folder_->sync(scope));
  MachineFile file{.owner = peer.id, .owner_name = peer.name, .seed_by = seed_by, .description = description};
  auto creating = Machine::create(context(), std::move(made), std::move(file));
  auto machine = co_await creating;
  if (!machine) {  // nothing of it is left behind, here or in host.db
    auto removing = remove_quiet(description.id, nullptr);
    [[maybe_unused]] const Status removed = co_await removing;  // what remains is named, and tried again
    co_return std::unexpected(machine.error());
  }
  machines_.emplace(description.id, *machine);
  co_return std::move(*machine);
}

}  // namespace afterimage::replica
