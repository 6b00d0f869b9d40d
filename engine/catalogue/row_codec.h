// SPDX-License-Identifier: Apache-2.0
// The tables of the catalogue and their rows: from values to columns and back.
#pragma once

#include <array>
#include <span>

#include "engine/catalogue/rows.h"
#include "engine/catalogue/table.h"
#include "io/base/result.h"

namespace afterimage::catalogue {

extern const TableShape peers_table;
extern const TableShape permissions_table;
extern const TableShape keys_table;
extern const TableShape stores_table;
extern const TableShape machines_table;
extern const TableShape points_table;
[[nodiscard]] std::span<const TableShape* const> all_tables();

[[nodiscard]] Row encode(const PeerRow& peer);
[[nodiscard]] Row encode(const PermissionRow& permission);
[[nodiscard]] Row encode(const KeyRow& key);
[[nodiscard]] Row encode(const StoreRow& store);
[[nodiscard]] Row encode(const MachineRow& machine);
[[nodiscard]] Row encode(const PointRow& point);

// Errors: damaged (a value that no row can have).
[[nodiscard]] Result<PeerRow> decode_peer(const Row& row);
[[nodiscard]] Result<PermissionRow> decode_permission(const Row& row);
[[nodiscard]] Result<KeyRow> decode_key(const Row& row);
[[nodiscard]] Result<StoreRow> decode_store(const Row& row);
[[nodiscard]] Result<MachineRow> decode_machine(const Row& row);
[[nodiscard]] Result<PointRow> decode_point(const Row& row);

}  // namespace afterimage::catalogue
