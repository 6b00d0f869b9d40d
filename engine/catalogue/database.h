// SPDX-License-Identifier: Apache-2.0
// Database: checked tables in one SQLite file. SQLite is trusted for its own crashes (WAL, EXCLUSIVE, synchronous=FULL)
// and not trusted for the bytes below it: everything is read and checked when it is opened, and each row again when it
// is used. It knows shapes, no meanings. Calls block: it lives on a worker. Thread: externally serialised.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalogue/table.h"
#include "io/base/result.h"

namespace afterimage::catalogue {

// durable: on the medium when the transaction returns, and the WAL is emptied into the file (a WAL that rots is cut by
// SQLite without a word, so nothing that matters stays there). lazy: survives a kill, and may be lost in a power cut.
enum class Durability : std::uint8_t { durable, lazy };

class Database {
 public:
  // Opens or makes it. `where` is an absolute path or "file:NAME?mode=memory&cache=shared". Errors: damaged (any check;
  // the detail says which), unsupported (another schema), busy (another process has it), no_space, io_failed.
  // `made_durable` is of one in memory (CatalogueLocation).
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const std::string& where,
                                                              std::span<const TableShape* const> tables,
                                                              std::function<void()> made_durable = {});
  ~Database();

  // All or nothing: the puts and removes between begin and commit. An error has rolled back.
  class Transaction {
   public:
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();  // rolls back what was not committed
    // Inserts the row, replacing one with the same key.
    [[nodiscard]] Status put(const TableShape& table, Row row);
    // True if there was such a row.
    [[nodiscard]] Result<bool> remove(const TableShape& table, const Row& key);
    [[nodiscard]] Status commit();

   private:
    friend class Database;
    [[nodiscard]] Status write_again(const TableShape& table, Row row);
    Transaction(Database& database, Durability durability) : database_(database), durability_(durability) {}
    Database& database_;
    Durability durability_;
    bool open_ = true;
  };
  [[nodiscard]] Result<std::unique_ptr<Transaction>> begin(Durability durability);

  [[nodiscard]] Result<std::optional<Row>> find(const TableShape& table, const Row& key);
  // Not empty: why a write failed, or what was committed did not get into the file, since all of it last did. Until
  // then nothing durable is believed for its own sync alone: SQLite asks the WAL to be synced again after a failed
  // sync, and is answered well about pages that never reached the device.
  [[nodiscard]] const std::string& doubt() const;
  // Writes what is there already, durably: ends the doubt if the device takes it.
  [[nodiscard]] Status prove_writes();
  // Rows whose key begins with `prefix`, in order of the key.
  [[nodiscard]] Result<std::vector<Row>> list(const TableShape& table, const Row& prefix = {});

  struct Connection;

 private:
  explicit Database(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace afterimage::catalogue
