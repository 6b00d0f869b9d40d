// SPDX-License-Identifier: Apache-2.0
#include "engine/host/store_table.h"

#include <algorithm>
#include <utility>

#include "engine/replica/store_files.h"
#include "engine/replica/store_folder.h"
#include "io/durable_file.h"

namespace afterimage::host {
namespace {

const std::string known_folder_name = "stores";

}  // namespace

StoreTable::StoreTable(const io::Platform& platform, std::vector<replica::StoreOptions> options, Tell tell)
    : platform_(platform), options_(std::move(options)), tell_(std::move(tell)) {
  stores_.reserve(options_.size());
}

io::Task<Status> StoreTable::read_known(io::Scope& scope, io::Directory& state, std::vector<std::string>& notices) {
  if (options_.empty()) co_return Status{};
  AFI_CO_TRY(known_folder_, state.make_directory(scope, known_folder_name));
  AFI_CO_TRY_STATUS(state.sync(scope));
  for (replica::StoreOptions& store : options_) {
    AFI_CO_STATUS(check_name("store", store.name));
    auto reading = io::read_file(scope, *known_folder_, store.name, replica::StoreMarker::bytes_max);
    const Result<Bytes> bytes = co_await reading;
    if (!bytes && bytes.error().code == ErrorCode::not_found) continue;
    if (!bytes && bytes.error().code != ErrorCode::limit_exceeded) co_return std::unexpected(bytes.error());
    const auto marker = bytes ? replica::StoreMarker::parse(*bytes) : std::unexpected(bytes.error());
    if (marker) {
      store.known = marker->id;
    } else {
      notices.push_back(known_folder_->path() + "/" + store.name +
                        ", which says what store was there before, does not read: " + marker.error().text());
    }
  }
  co_return Status{};
}

io::Task<Status> StoreTable::check_first(io::Scope& scope) {
  if (options_.empty()) co_return Status{};
  const replica::StoreOptions& first = options_.front();
  auto opening = first.known ? replica::open_known_store(scope, platform_.disk, first.name, first.path, *first.known)
                             : platform_.disk.make_directory(scope, first.path);
  const auto opened = co_await opening;
  if (!opened) co_return std::unexpected(opened.error());
  co_return Status{};
}

io::Task<Status> StoreTable::open(io::Scope& scope, replica::StoreOptions options) {
  const std::string name = options.name;
  const bool was_known = options.known.has_value();
  AFI_CO_TRY(std::unique_ptr<replica::ReplicaStore> store,
             replica::ReplicaStore::open(scope, platform_, *catalogue_, std::move(options)));
  if (!was_known) {
    const Bytes marker = replica::StoreMarker{.id = store->id()}.encode();
    AFI_CO_TRY_STATUS(io::replace_file(scope, *known_folder_, name, marker));
  }
  stores_.push_back(std::move(store));
  co_return Status{};
}

io::Task<Status> StoreTable::open_all(io::Scope& scope, std::vector<std::string>& notices) {
  const std::vector<replica::StoreOptions> configured = options_;
  for (const replica::StoreOptions& options : configured) {
    auto opening = open(scope, options);
    const Status opened = co_await opening;
    if (opened) {
      const replica::ReplicaStore& store = *stores_.back();
      for (const std::shared_ptr<replica::Machine>& machine : store.machines()) {
        for (const std::string& finding : machine->findings())
          notices.push_back(machine->description().name + ": " + finding);
      }
      for (const replica::MachineTrouble& trouble : store.troubles())
        notices.push_back(trouble.id.text() + ": " + trouble.reason);
      continue;
    }
    const ErrorCode code = opened.error().code;
    const bool must_open = options.name == configured.front().name;
    if (must_open || code == ErrorCode::busy || code == ErrorCode::cancelled) co_return opened;
    AFI_CO_TRY_STATUS(note_trouble(scope, options, opened.error()));
    notices.push_back("store " + options.name + " is not used until it can be opened: " + opened.error().text());
  }
  co_return Status{};
}

io::Task<Status> StoreTable::note_trouble(io::Scope& scope, replica::StoreOptions options, Error error) {
  AFI_CO_TRY(std::vector<catalogue::MachineRow> machines, catalogue_->machines(scope));
  std::erase_if(machines, [&options](const catalogue::MachineRow& row) { return row.store != options.name; });
  StoreTrouble trouble{
      .options = std::move(options), .error = std::move(error), .retry = {}, .machines = std::move(machines)};
  trouble.retry.begin(platform_.reactor.now());
  troubles_.push_back(std::move(trouble));
  co_return Status{};
}

void StoreTable::tell(Health health, const std::string& line) const {
  if (tell_) tell_(health, line);
}

io::Task<void> StoreTable::keep_mending(io::Scope& scope) {
  for (const std::unique_ptr<replica::ReplicaStore>& store : stores_) store->begin_mending();
  while (!troubles_.empty() && !scope.is_interrupted()) {
    const auto due = [](const StoreTrouble& trouble) { return trouble.retry.due(); };
    const auto next = std::ranges::min_element(troubles_, {}, due);
    const std::string name = next->options.name;
    auto sleeping = io::sleep_for(scope, std::max(Duration{}, next->retry.due() - platform_.reactor.now()));
    if (const Status slept = co_await sleeping; !slept) co_return;
    auto trying = try_again(scope, name);
    co_await trying;
  }
}

io::Task<void> StoreTable::try_again(io::Scope& scope, std::string name) {
  const auto named = [&name](const StoreTrouble& trouble) { return trouble.options.name == name; };
  auto opening = open(scope, std::ranges::find_if(troubles_, named)->options);
  Status opened = co_await opening;
  const auto trouble = std::ranges::find_if(troubles_, named);
  if (!opened) {
    trouble->error = std::move(opened.error());
    trouble->retry.note_failed(platform_.reactor.now(), platform_.clock.now());
    co_return;
  }
  stores_.back()->begin_mending();
  troubles_.erase(trouble);
  tell(Health::normal, "store " + name + " is open and used again");
}

io::Task<void> StoreTable::close() {
  for (const std::unique_ptr<replica::ReplicaStore>& store : stores_) {
    auto closing = store->close();
    co_await closing;
  }
}

Result<replica::ReplicaStore*> StoreTable::find(const std::string& name) const {
  const auto found = std::ranges::find_if(stores_, [&](const auto& store) { return store->name() == name; });
  if (found != stores_.end()) return found->get();
  for (const StoreTrouble& trouble : troubles_) {
    if (trouble.options.name != name) continue;
    return fail(ErrorCode::refused, "use a store",
                "store " + name + " of the replica is not open: " + trouble.error.text());
  }
  return fail(ErrorCode::permission_denied, "use a store", "the store " + name + " is not configured on this replica");
}

}  // namespace afterimage::host
