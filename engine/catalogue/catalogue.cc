// SPDX-License-Identifier: Apache-2.0
#include "engine/catalogue/catalogue.h"

#include <utility>

#include <SQLiteCpp/Backup.h>
#include <SQLiteCpp/Database.h>
#include <fmt/format.h>

#include "engine/catalogue/database.h"
#include "engine/catalogue/row_codec.h"

namespace afterimage::catalogue {
namespace {

constexpr std::array wal_suffixes{"-wal", "-shm"};

// Reads a list of rows with the decoder of their table.
template <typename T>
Result<std::vector<T>> decode_all(const std::vector<Row>& rows, Result<T> (*decode)(const Row&)) {
  std::vector<T> values;
  values.reserve(rows.size());
  for (const Row& row : rows) {
    AFI_TRY(T value, decode(row));
    values.push_back(std::move(value));
  }
  return values;
}

template <typename T>
Result<std::optional<T>> find_one(Database& database, const TableShape& table, const Row& key,
                                  Result<T> (*decode)(const Row&)) {
  AFI_TRY(const std::optional<Row> row, database.find(table, key));
  if (!row) return std::optional<T>{};
  AFI_TRY(T value, decode(*row));
  return std::optional<T>(std::move(value));
}

Status put_one(Database& database, const TableShape& table, Row row, Durability durability) {
  AFI_TRY(const auto transaction, database.begin(durability));
  AFI_TRY_STATUS(transaction->put(table, std::move(row)));
  return transaction->commit();
}

}  // namespace

struct KeptInMemory::Connection {
  SQLite::Database database;
  SQLite::Database durable;  // as a power cut would leave it
  bool has_durable = false;
};

KeptInMemory::KeptInMemory(const std::string& name)
    : where_(fmt::format("file:{}?mode=memory&cache=shared", name)),
      connection_(new Connection{
          .database = SQLite::Database(where_, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_URI),
          .durable = SQLite::Database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)}) {}
KeptInMemory::~KeptInMemory() = default;
void KeptInMemory::refuse_writes() { connection_->database.exec("BEGIN IMMEDIATE"); }
void KeptInMemory::take_writes() { connection_->database.exec("ROLLBACK"); }

void KeptInMemory::keep_durable() const {
  SQLite::Backup copying(connection_->durable, connection_->database);
  [[maybe_unused]] const int done = copying.executeStep();  // all of it, or an exception
  connection_->has_durable = true;
}

void KeptInMemory::forget_lazy_commits() {
  if (!connection_->has_durable) return;
  SQLite::Backup copying(connection_->database, connection_->durable);
  [[maybe_unused]] const int done = copying.executeStep();
}

Catalogue::Catalogue(io::Workers& workers, std::unique_ptr<Database> database)
    : workers_(workers), database_(std::move(database)) {}
Catalogue::~Catalogue() = default;

template <typename T>
io::Task<Result<T>> Catalogue::on_worker(io::Scope& scope, std::move_only_function<Result<T>(Database&)> work) {
  AFI_CO_TRY([[maybe_unused]] const io::Lock::Guard guard, lock_.acquire(scope));
  std::optional<Result<T>> result;
  auto running = workers_.run("use host.db", [&result, &work, this] { result.emplace(work(*database_)); });
  co_await running;
  failure_ = database_->doubt();
  co_return std::move(*result);
}

io::Task<Result<std::unique_ptr<Catalogue>>> Catalogue::open(io::Scope& scope, io::Workers& workers,
                                                             CatalogueLocation location) {
  AFI_CO_STATUS(scope.check());
  std::optional<Result<std::unique_ptr<Database>>> opened;
  auto running = workers.run("open host.db", [&opened, &location] {
    opened.emplace(Database::open(location.where, all_tables(), location.made_durable));
  });
  co_await running;
  AFI_CO_RESULT(std::unique_ptr<Database> database, std::move(*opened));
  co_return std::unique_ptr<Catalogue>(new Catalogue(workers, std::move(database)));
}

io::Task<Result<std::string>> Catalogue::move_aside(io::Scope& scope, io::Disk& disk, std::string path, WallTime now) {
  AFI_CO_RESULT(const io::SplitPath split, io::split_path(path));
  AFI_CO_TRY(const std::unique_ptr<io::Directory> folder, disk.open_directory(scope, split.directory));
  const std::string aside = fmt::format("{}.damaged-{}", split.name, to_rfc3339(now));
  // The WAL first: a database without its WAL is only older, a WAL without its database would be applied to the next
  // one.
  for (const char* suffix : wal_suffixes) {
    auto renaming = folder->rename_new(scope, split.name + suffix, aside + suffix);
    const Status renamed = co_await renaming;
    if (!renamed && renamed.error().code != ErrorCode::not_found) co_return std::unexpected(renamed.error());
  }
  AFI_CO_TRY_STATUS(folder->rename_new(scope, split.name, aside));
  AFI_CO_TRY_STATUS(folder->sync(scope));
  co_return split.directory + "/" + aside;
}

io::Task<Result<std::vector<PeerRow>>> Catalogue::peers(io::Scope& scope) {
  return on_worker<std::vector<PeerRow>>(scope, [](Database& database) -> Result<std::vector<PeerRow>> {
    AFI_TRY(const std::vector<Row> rows, database.list(peers_table));
    return decode_all(rows, decode_peer);
  });
}

io::Task<Result<std::optional<PeerRow>>> Catalogue::peer(io::Scope& scope, HostId id) {
  return on_worker<std::optional<PeerRow>>(
      scope, [id](Database& database) { return find_one(database, peers_table, {value_of(id)}, decode_peer); });
}

io::Task<Status> Catalogue::put_peer(io::Scope& scope, const PeerRow& peer) {
  return on_worker<void>(scope, [row = encode(peer)](Database& database) mutable {
    return put_one(database, peers_table, std::move(row), Durability::durable);
  });
}

io::Task<Status> Catalogue::revoke_peer(io::Scope& scope, HostId id) {
  return on_worker<void>(scope, [id](Database& database) -> Status {
    AFI_TRY(std::optional<PeerRow> peer, find_one(database, peers_table, {value_of(id)}, decode_peer));
    if (!peer) return fail(ErrorCode::not_found, "revoke a peer", "this host knows no peer with the id " + id.text());
    peer->state = PeerState::revoked;
    return put_one(database, peers_table, encode(*peer), Durability::durable);
  });
}

io::Task<Status> Catalogue::note_seen(io::Scope& scope, HostId id, WallTime when) {
  return on_worker<void>(scope, [id, when](Database& database) -> Status {
    AFI_TRY(std::optional<PeerRow> peer, find_one(database, peers_table, {value_of(id)}, decode_peer));
    if (!peer) return {};
    peer->last_seen = when;
    return put_one(database, peers_table, encode(*peer), Durability::lazy);
  });
}

io::Task<Result<std::optional<PermissionRow>>> Catalogue::permission(io::Scope& scope, HostId peer) {
  return on_worker<std::optional<PermissionRow>>(scope, [peer](Database& database) {
    return find_one(database, permissions_table, {value_of(peer)}, decode_permission);
  });
}

io::Task<Status> Catalogue::put_permission(io::Scope& scope, const PermissionRow& permission) {
  return on_worker<void>(scope, [row = encode(permission)](Database& database) mutable {
    return put_one(database, permissions_table, std::move(row), Durability::durable);
  });
}

io::Task<Status> Catalogue::put_key(io::Scope& scope, const KeyRow& key) {
  return on_worker<void>(scope, [row = encode(key)](Database& database) mutable {
    return put_one(database, keys_table, std::move(row), Durability::durable);
  });
}

io::Task<Result<std::optional<KeyRow>>> Catalogue::key(io::Scope& scope, Digest secret_digest) {
  return on_worker<std::optional<KeyRow>>(scope, [secret_digest](Database& database) {
    return find_one(database, keys_table, {value_of(secret_digest)}, decode_key);
  });
}

io::Task<Result<std::vector<KeyRow>>> Catalogue::keys(io::Scope& scope) {
  return on_worker<std::vector<KeyRow>>(scope, [](Database& database) -> Result<std::vector<KeyRow>> {
    AFI_TRY(const std::vector<Row> rows, database.list(keys_table));
    return decode_all(rows, decode_key);
  });
}

io::Task<Status> Catalogue::complete_enrolment(io::Scope& scope, Digest secret_digest, Digest joiner,
                                               const PeerRow& peer, const PermissionRow& permission) {
  return on_worker<void>(
      scope,
      [secret_digest, joiner, peer_row = encode(peer),
       permission_row = encode(permission)](Database& database) mutable -> Status {
        AFI_TRY(std::optional<KeyRow> key, find_one(database, keys_table, {value_of(secret_digest)}, decode_key));
        if (!key)
          return fail(ErrorCode::not_found, "use a registration key",
                      "this host has given out no such registration key");
        if (key->used_by && *key->used_by != joiner) {
          return fail(ErrorCode::authentication, "use a registration key",
                      "the registration key was used by another host; print a new one with 'afterimage enrol key'");
        }
        key->used_by = joiner;
        AFI_TRY(const auto transaction, database.begin(Durability::durable));
        AFI_TRY_STATUS(transaction->put(keys_table, encode(*key)));
        AFI_TRY_STATUS(transaction->put(peers_table, std::move(peer_row)));
        AFI_TRY_STATUS(transaction->put(permissions_table, std::move(permission_row)));
        return transaction->commit();
      });
}

io::Task<Result<std::size_t>> Catalogue::remove_keys_expired(io::Scope& scope, WallTime before) {
  return on_worker<std::size_t>(scope, [before](Database& database) -> Result<std::size_t> {
    AFI_TRY(const std::vector<Row> rows, database.list(keys_table));
    AFI_TRY(const std::vector<KeyRow> keys, decode_all(rows, decode_key));
    AFI_TRY(const auto transaction, database.begin(Durability::durable));
    std::size_t removed = 0;
    for (const KeyRow& key : keys) {
      if (key.expires >= before) continue;
      AFI_TRY([[maybe_unused]] const bool was_there, transaction->remove(keys_table, {value_of(key.secret_digest)}));
      ++removed;
    }
    AFI_TRY_STATUS(transaction->commit());
    return removed;
  });
}

io::Task<Result<std::optional<StoreRow>>> Catalogue::store(io::Scope& scope, std::string name) {
  return on_worker<std::optional<StoreRow>>(scope, [name = std::move(name)](Database& database) {
    return find_one(database, stores_table, {name}, decode_store);
  });
}

io::Task<Status> Catalogue::put_store(io::Scope& scope, const StoreRow& store) {
  return on_worker<void>(scope, [row = encode(store)](Database& database) mutable {
    return put_one(database, stores_table, std::move(row), Durability::durable);
  });
}

io::Task<Result<std::vector<MachineRow>>> Catalogue::machines(io::Scope& scope) {
  return on_worker<std::vector<MachineRow>>(scope, [](Database& database) -> Result<std::vector<MachineRow>> {
    AFI_TRY(const std::vector<Row> rows, database.list(machines_table));
    return decode_all(rows, decode_machine);
  });
}

io::Task<Status> Catalogue::put_machine(io::Scope& scope, MachineRow machine) {
  return on_worker<void>(scope, [machine = std::move(machine)](Database& database) -> Status {
    AFI_TRY(const std::vector<Row> rows, database.list(machines_table));
    AFI_TRY(const std::vector<MachineRow> known, decode_all(rows, decode_machine));
    for (const MachineRow& other : known) {
      if (other.id == machine.id || other.owner != machine.owner || other.name != machine.name) continue;
      return fail(
          ErrorCode::already_exists, "keep a machine",
          fmt::format("this replica already keeps another machine named {} of that host (id {}); remove it here, or "
                      "protect under another name",
                      machine.name, other.id.text()));
    }
    return put_one(database, machines_table, encode(machine), Durability::durable);
  });
}

io::Task<Status> Catalogue::remove_machine(io::Scope& scope, MachineId machine) {
  return on_worker<void>(scope, [machine](Database& database) -> Status {
    AFI_TRY(const std::vector<Row> points, database.list(points_table, {value_of(machine)}));
    AFI_TRY(const auto transaction, database.begin(Durability::durable));
    for (const Row& point : points) {
      AFI_TRY([[maybe_unused]] const bool was_there, transaction->remove(points_table, {point[0], point[1]}));
    }
    AFI_TRY([[maybe_unused]] const bool was_known, transaction->remove(machines_table, {value_of(machine)}));
    return transaction->commit();
  });
}

io::Task<Result<std::vector<PointRow>>> Catalogue::points(io::Scope& scope, MachineId machine) {
  return on_worker<std::vector<PointRow>>(scope, [machine](Database& database) -> Result<std::vector<PointRow>> {
    AFI_TRY(const std::vector<Row> rows, database.list(points_table, {value_of(machine)}));
    return decode_all(rows, decode_point);
  });
}

io::Task<Status> Catalogue::put_points(io::Scope& scope, std::vector<PointRow> points) {
  return on_worker<void>(scope, [points = std::move(points)](Database& database) -> Status {
    AFI_TRY(const auto transaction, database.begin(Durability::lazy));
    for (const PointRow& point : points) AFI_TRY_STATUS(transaction->put(points_table, encode(point)));
    return transaction->commit();
  });
}

io::Task<Status> Catalogue::prove_writes(io::Scope& scope) {
  return on_worker<void>(scope, [](Database& database) { return database.prove_writes(); });
}

}  // namespace afterimage::catalogue
