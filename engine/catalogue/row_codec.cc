// SPDX-License-Identifier: Apache-2.0
#include "engine/catalogue/row_codec.h"

namespace afterimage::catalogue {
namespace {

constexpr std::array<Column, 8> peer_columns{{{"host", ColumnType::blob},
                                              {"name", ColumnType::text},
                                              {"role", ColumnType::integer},
                                              {"address", ColumnType::text},
                                              {"root", ColumnType::text},
                                              {"state", ColumnType::integer},
                                              {"joined", ColumnType::integer},
                                              {"last_seen", ColumnType::integer}}};
constexpr std::array<Column, 5> permission_columns{{{"host", ColumnType::blob},
                                                    {"store", ColumnType::text},
                                                    {"machines_max", ColumnType::integer},
                                                    {"quota_bytes", ColumnType::integer},
                                                    {"removal", ColumnType::integer}}};
constexpr std::array<Column, 4> key_columns{{{"secret_digest", ColumnType::blob},
                                             {"expires", ColumnType::integer},
                                             {"store", ColumnType::text},
                                             {"used_by", ColumnType::blob}}};
constexpr std::array<Column, 2> store_columns{{{"name", ColumnType::text}, {"id", ColumnType::blob}}};
constexpr std::array<Column, 4> machine_columns{{{"machine", ColumnType::blob},
                                                 {"name", ColumnType::text},
                                                 {"owner", ColumnType::blob},
                                                 {"store", ColumnType::text}}};
constexpr std::array<Column, 10> point_columns{{{"machine", ColumnType::blob},
                                                {"sequence", ColumnType::integer},
                                                {"digest", ColumnType::blob},
                                                {"frozen", ColumnType::integer},
                                                {"received", ColumnType::integer},
                                                {"consistency", ColumnType::integer},
                                                {"changed_bytes", ColumnType::integer},
                                                {"stored_bytes", ColumnType::integer},
                                                {"verified_at", ColumnType::integer},
                                                {"damage", ColumnType::text}}};

constexpr std::int64_t absent = -1;  // of times and sizes, which are never negative

Value time_value(WallTime time) { return time.nanoseconds; }
Value time_value(const std::optional<WallTime>& time) { return time ? time->nanoseconds : absent; }
WallTime time_of(const Value& value) { return WallTime{static_cast<std::int64_t>(number_of(value))}; }
std::optional<WallTime> optional_time_of(const Value& value) {
  const WallTime time = time_of(value);
  if (time.nanoseconds == absent) return std::nullopt;
  return time;
}

// A number that stands for an enumerator, at most `last`.
Result<std::uint8_t> enumerator_of(const Value& value, std::uint8_t last) {
  const std::uint64_t number = number_of(value);
  if (number > last) return fail(ErrorCode::damaged, "a value of the catalogue is out of bounds");
  return static_cast<std::uint8_t>(number);
}

}  // namespace

constexpr TableShape peers_table{.name = "peers", .columns = peer_columns, .key_columns = 1};
constexpr TableShape permissions_table{.name = "permissions", .columns = permission_columns, .key_columns = 1};
constexpr TableShape keys_table{.name = "registration_keys", .columns = key_columns, .key_columns = 1};
constexpr TableShape stores_table{.name = "stores", .columns = store_columns, .key_columns = 1};
constexpr TableShape machines_table{.name = "machines", .columns = machine_columns, .key_columns = 1};
constexpr TableShape points_table{.name = "points", .columns = point_columns, .key_columns = 2};

std::span<const TableShape* const> all_tables() {
  static constexpr std::array<const TableShape*, 6> tables{&peers_table,  &permissions_table, &keys_table,
                                                           &stores_table, &machines_table,    &points_table};
  return tables;
}

Row encode(const PeerRow& peer) {
  return {value_of(peer.id),
          peer.name,
          value_of(std::uint64_t{static_cast<std::uint8_t>(peer.role)}),
          peer.address,
          peer.root_pem,
          value_of(std::uint64_t{static_cast<std::uint8_t>(peer.state)}),
          time_value(peer.joined),
          time_value(peer.last_seen)};
}

Result<PeerRow> decode_peer(const Row& row) {
  PeerRow peer;
  AFI_TRY_STATUS(read_value(row[0], peer.id.bytes));
  peer.name = text_of_value(row[1]);
  AFI_TRY(const std::uint8_t role, enumerator_of(row[2], 3));
  if (role == 0) return fail(ErrorCode::damaged, "a peer has no role");
  peer.role = static_cast<PeerRole>(role);
  peer.address = text_of_value(row[3]);
  peer.root_pem = text_of_value(row[4]);
  AFI_TRY(const std::uint8_t state, enumerator_of(row[5], 1));
  peer.state = static_cast<PeerState>(state);
  peer.joined = time_of(row[6]);
  peer.last_seen = optional_time_of(row[7]);
  return peer;
}

Row encode(const PermissionRow& permission) {
  return {value_of(permission.peer), permission.store, value_of(permission.machines_max),
          permission.quota ? value_of(permission.quota->value()) : Value(absent),
          value_of(std::uint64_t{static_cast<std::uint8_t>(permission.removal)})};
}

Result<PermissionRow> decode_permission(const Row& row) {
  PermissionRow permission;
  AFI_TRY_STATUS(read_value(row[0], permission.peer.bytes));
  permission.store = text_of_value(row[1]);
  permission.machines_max = number_of(row[2]);
  if (std::get<std::int64_t>(row[3]) != absent) permission.quota = ByteCount(number_of(row[3]));
  AFI_TRY(const std::uint8_t removal, enumerator_of(row[4], 1));
  permission.removal = static_cast<MachineRemoval>(removal);
  return permission;
}

Row encode(const KeyRow& key) {
  return {value_of(key.secret_digest), time_value(key.expires), key.store, value_of(key.used_by.value_or(Digest{}))};
}

Result<KeyRow> decode_key(const Row& row) {
  KeyRow key;
  AFI_TRY_STATUS(read_value(row[0], key.secret_digest.bytes));
  key.expires = time_of(row[1]);
  key.store = text_of_value(row[2]);
  Digest used_by;
  AFI_TRY_STATUS(read_value(row[3], used_by.bytes));
  if (!used_by.is_none()) key.used_by = used_by;
  return key;
}

Row encode(const StoreRow& store) { return {store.name, value_of(store.id)}; }

Result<StoreRow> decode_store(const Row& row) {
  StoreRow store;
  store.name = text_of_value(row[0]);
  AFI_TRY_STATUS(read_value(row[1], store.id.bytes));
  return store;
}

Row encode(const MachineRow& machine) {
  return {value_of(machine.id), machine.name, value_of(machine.owner), machine.store};
}

Result<MachineRow> decode_machine(const Row& row) {
  MachineRow machine;
  AFI_TRY_STATUS(read_value(row[0], machine.id.bytes));
  machine.name = text_of_value(row[1]);
  AFI_TRY_STATUS(read_value(row[2], machine.owner.bytes));
  machine.store = text_of_value(row[3]);
  return machine;
}

Row encode(const PointRow& point) {
  return {value_of(point.machine),         value_of(point.sequence.value()),
          value_of(point.digest),          time_value(point.frozen),
          time_value(point.received),      value_of(std::uint64_t{static_cast<std::uint8_t>(point.consistency)}),
          value_of(point.changed.value()), value_of(point.stored.value()),
          time_value(point.verified_at),   point.damage};
}

Result<PointRow> decode_point(const Row& row) {
  PointRow point;
  AFI_TRY_STATUS(read_value(row[0], point.machine.bytes));
  point.sequence = Sequence(number_of(row[1]));
  AFI_TRY_STATUS(read_value(row[2], point.digest.bytes));
  point.frozen = time_of(row[3]);
  point.received = time_of(row[4]);
  AFI_TRY(const std::uint8_t consistency, enumerator_of(row[5], 1));
  point.consistency = static_cast<format::Consistency>(consistency);
  point.changed = ByteCount(number_of(row[6]));
  point.stored = ByteCount(number_of(row[7]));
  point.verified_at = optional_time_of(row[8]);
  point.damage = text_of_value(row[9]);
  return point;
}

}  // namespace afterimage::catalogue
