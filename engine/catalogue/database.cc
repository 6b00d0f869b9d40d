// SPDX-License-Identifier: Apache-2.0
#include "engine/catalogue/database.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <fmt/format.h>
#include <sqlite3.h>

namespace afterimage::catalogue {
namespace {

constexpr int schema_version = 1;
constexpr int busy_timeout_ms = 2000;

constexpr std::array<Column, 3> totals_columns{
    {{"name", ColumnType::text}, {"rows", ColumnType::integer}, {"checks", ColumnType::integer}}};
constexpr TableShape totals{.name = "totals", .columns = totals_columns, .key_columns = 1};

ErrorCode code_of_sqlite(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT: return ErrorCode::damaged;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorCode::busy;
    case SQLITE_FULL: return ErrorCode::no_space;
    case SQLITE_CANTOPEN: return ErrorCode::not_found;
    case SQLITE_IOERR:
    case SQLITE_READONLY: return ErrorCode::io_failed;
    case SQLITE_PERM:
    case SQLITE_AUTH: return ErrorCode::permission_denied;
    default: return ErrorCode::internal;
  }
}

std::unexpected<Error> fail_sqlite(const SQLite::Exception& exception, const char* what) {
  return fail(code_of_sqlite(exception.getErrorCode()), what,
              fmt::format("the catalogue (host.db): {}: {}", what, exception.what()));
}

// Of a write: it is remembered.
std::unexpected<Error> fail_write(std::string& doubt, const SQLite::Exception& exception, const char* what) {
  std::unexpected<Error> failed = fail_sqlite(exception, what);
  doubt = failed.error().text();
  return failed;
}

std::unexpected<Error> damaged(std::string why) {
  return fail(ErrorCode::damaged, "check the catalogue", "the catalogue (host.db) is damaged: " + std::move(why));
}

const char* type_name(ColumnType type) {
  switch (type) {
    case ColumnType::integer: return "INTEGER";
    case ColumnType::text: return "TEXT";
    case ColumnType::blob: return "BLOB";
  }
  return "";
}

std::string key_list(const TableShape& table) {
  std::string list;
  for (std::size_t i = 0; i < table.key_columns; ++i) list += (i == 0 ? "" : ", ") + std::string(table.columns[i].name);
  return list;
}

std::string create_statement(const TableShape& table) {
  std::string sql = fmt::format("CREATE TABLE {} (", table.name);
  for (const Column& column : table.columns)
    sql += fmt::format("{} {} NOT NULL, ", column.name, type_name(column.type));
  return sql + fmt::format("row_check INTEGER NOT NULL, PRIMARY KEY ({})) STRICT, WITHOUT ROWID", key_list(table));
}

std::string where_clause(const TableShape& table, std::size_t columns) {
  std::string sql;
  for (std::size_t i = 0; i < columns; ++i)
    sql += fmt::format("{} {} = ?{}", i == 0 ? " WHERE" : " AND", table.columns[i].name, i + 1);
  return sql;
}

void bind(SQLite::Statement& statement, int index, const Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    statement.bind(index, *number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    statement.bind(index, *text);
  } else {
    const auto& bytes = std::get<Bytes>(value);
    statement.bind(index, bytes.data(), static_cast<int>(bytes.size()));
  }
}
void bind_all(SQLite::Statement& statement, const Row& row) {
  for (std::size_t i = 0; i < row.size(); ++i) bind(statement, static_cast<int>(i) + 1, row[i]);
}

Result<Value> read_column(const SQLite::Column& column, const TableShape& table, const Column& shape) {
  switch (shape.type) {
    case ColumnType::integer:
      if (column.isInteger()) return Value(std::int64_t{column.getInt64()});
      break;
    case ColumnType::text:
      if (column.isText()) return Value(column.getString());
      break;
    case ColumnType::blob:
      if (column.isBlob()) {
        const auto* from = static_cast<const std::byte*>(column.getBlob());
        return Value(Bytes(from, from + column.getBytes()));
      }
      break;
  }
  return damaged(fmt::format("a value of {}.{} has the wrong type", table.name, shape.name));
}

struct CheckedRow {
  Row row;
  std::uint64_t check = 0;
};

Result<CheckedRow> read_row(SQLite::Statement& statement, const TableShape& table) {
  CheckedRow read;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    AFI_TRY(Value value, read_column(statement.getColumn(static_cast<int>(i)), table, table.columns[i]));
    read.row.push_back(std::move(value));
  }
  const Column check{.name = "row_check", .type = ColumnType::integer};
  AFI_TRY(const Value stored, read_column(statement.getColumn(static_cast<int>(table.columns.size())), table, check));
  read.check = number_of(stored);
  if (read.check != check_of_row(table.name, read.row))
    return damaged(fmt::format("a row of {} does not match its check", table.name));
  return read;
}

// A prepared statement in use. Once its use ends it holds no lock, however that came.
class Running {
 public:
  explicit Running(SQLite::Statement& statement) : statement_(statement) {}
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    [[maybe_unused]] const int told = statement_.tryReset();  // the error of the last step, which was thrown already
  }
  SQLite::Statement* operator->() const { return &statement_; }
  SQLite::Statement& operator*() const { return statement_; }

 private:
  SQLite::Statement& statement_;
};

}  // namespace

struct Database::Connection {
  SQLite::Database sqlite;
  bool in_memory;
  Durability durability = Durability::durable;
  std::map<std::string, SQLite::Statement, std::less<>> prepared;  // dies before its database
  std::string doubt;
  std::function<void()> made_durable;

  Connection(const std::string& where, bool memory)
      : sqlite(where, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_URI, busy_timeout_ms),
        in_memory(memory) {}

  void configure() {
    sqlite3_db_config(sqlite.getHandle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    if (in_memory) return;
    sqlite.exec("PRAGMA locking_mode = EXCLUSIVE");
    sqlite.exec("PRAGMA journal_mode = WAL");
    sqlite.exec("PRAGMA synchronous = FULL");
    sqlite.exec("PRAGMA cell_size_check = ON");
  }
  void tell_durable() const {
    if (in_memory && made_durable) made_durable();
  }
  // A statement that is prepared once. To compile one takes longer than to run it.
  [[nodiscard]] SQLite::Statement& statement(const std::string& sql) {
    const auto known = prepared.find(sql);
    if (known != prepared.end()) return known->second;
    return prepared.try_emplace(sql, sqlite, sql).first->second;
  }
  void run(const char* sql) {
    const Running running(statement(sql));
    running->exec();
  }
  void set_durability(Durability wanted) {
    if (in_memory || wanted == durability) return;
    sqlite.exec(wanted == Durability::durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    durability = wanted;
  }
  [[nodiscard]] int pragma_number(const char* name) {
    return sqlite.execAndGet(fmt::format("PRAGMA {}", name)).getInt();
  }

  void create(std::span<const TableShape* const> tables) {
    sqlite.exec("BEGIN IMMEDIATE");
    sqlite.exec(create_statement(totals));
    for (const TableShape* table : tables) {
      sqlite.exec(create_statement(*table));
      write(totals, {std::string(table->name), std::int64_t{0}, std::int64_t{0}});
    }
    sqlite.exec(fmt::format("PRAGMA user_version = {}", schema_version));
    sqlite.exec("COMMIT");
  }

  [[nodiscard]] Status check_schema(std::span<const TableShape* const> tables) {
    std::vector<std::string> expected{create_statement(totals)};
    for (const TableShape* table : tables) expected.push_back(create_statement(*table));
    std::ranges::sort(expected);
    std::vector<std::string> found;
    SQLite::Statement query(sqlite, "SELECT sql FROM sqlite_schema ORDER BY sql");
    while (query.executeStep()) found.push_back(query.getColumn(0).getString());
    if (found != expected) return damaged("its tables are not those of this version");
    SQLite::Statement check(sqlite, "PRAGMA integrity_check(1)");
    if (!check.executeStep() || check.getColumn(0).getString() != "ok") {
      return damaged("SQLite's own check says: " + check.getColumn(0).getString());
    }
    return {};
  }

  [[nodiscard]] Status check_totals(const TableShape& table) {
    std::uint64_t rows = 0;
    std::uint64_t checks = 0;
    SQLite::Statement query(sqlite, fmt::format("SELECT * FROM {}", table.name));
    while (query.executeStep()) {
      AFI_TRY(const CheckedRow row, read_row(query, table));
      ++rows;
      checks += row.check;
    }
    AFI_TRY(const std::optional<CheckedRow> total, find(totals, {std::string(table.name)}));
    if (!total || number_of(total->row[1]) != rows || number_of(total->row[2]) != checks) {
      return damaged(fmt::format("rows of {} are missing or too many", table.name));
    }
    return {};
  }

  [[nodiscard]] Result<std::optional<CheckedRow>> find(const TableShape& table, const Row& key) {
    const Running query(
        statement(fmt::format("SELECT * FROM {}{}", table.name, where_clause(table, table.key_columns))));
    bind_all(*query, key);
    if (!query->executeStep()) return std::optional<CheckedRow>{};
    AFI_TRY(CheckedRow row, read_row(*query, table));
    return std::optional<CheckedRow>(std::move(row));
  }

  // Inserts or replaces; the check of the new row.
  std::uint64_t write(const TableShape& table, Row row) {
    const std::uint64_t check = check_of_row(table.name, row);
    std::string sql = fmt::format("INSERT OR REPLACE INTO {} VALUES (", table.name);
    for (std::size_t i = 0; i <= row.size(); ++i) sql += fmt::format("{}?{}", i == 0 ? "" : ", ", i + 1);
    const Running insert(statement(sql + ")"));
    row.push_back(value_of(check));
    bind_all(*insert, row);
    insert->exec();
    return check;
  }

  [[nodiscard]] Status add_to_totals(const TableShape& table, std::uint64_t rows, std::uint64_t checks) {
    AFI_TRY(std::optional<CheckedRow> total, find(totals, {std::string(table.name)}));
    if (!total) return damaged(fmt::format("the total of {} is missing", table.name));
    total->row[1] = value_of(number_of(total->row[1]) + rows);
    total->row[2] = value_of(number_of(total->row[2]) + checks);
    write(totals, std::move(total->row));
    return {};
  }

  [[nodiscard]] Status put(const TableShape& table, Row row) {
    const Row key(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(table.key_columns));
    AFI_TRY(const std::optional<CheckedRow> old, find(table, key));
    const std::uint64_t check = write(table, std::move(row));
    return add_to_totals(table, old ? 0 : 1, check - (old ? old->check : 0));
  }

  [[nodiscard]] Result<bool> remove(const TableShape& table, const Row& key) {
    AFI_TRY(const std::optional<CheckedRow> old, find(table, key));
    if (!old) return false;
    const Running erase(statement(fmt::format("DELETE FROM {}{}", table.name, where_clause(table, table.key_columns))));
    bind_all(*erase, key);
    erase->exec();
    AFI_TRY_STATUS(add_to_totals(table, ~std::uint64_t{0}, ~old->check + 1));
    return true;
  }
};

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const std::string& where, std::span<const TableShape* const> tables,
                                                 std::function<void()> made_durable) try {
  auto connection = std::make_unique<Connection>(where, where.find("mode=memory") != std::string::npos);
  connection->made_durable = std::move(made_durable);
  connection->configure();
  const int version = connection->pragma_number("user_version");
  const bool is_empty = connection->sqlite.execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
  if (version == 0 && is_empty) {
    connection->create(tables);
    connection->tell_durable();
  } else if (version != schema_version) {
    return fail(
        ErrorCode::unsupported, "open the catalogue",
        fmt::format(
            "the catalogue (host.db) has version {}, this program knows {}: it was written by another version or "
            "is damaged",
            version, schema_version));
  }
  AFI_TRY_STATUS(connection->check_schema(tables));
  for (const TableShape* table : tables) AFI_TRY_STATUS(connection->check_totals(*table));
  return std::unique_ptr<Database>(new Database(std::move(connection)));
} catch (const SQLite::Exception& exception) {
  return fail_sqlite(exception, "open");
}

Result<std::unique_ptr<Database::Transaction>> Database::begin(Durability durability) try {
  connection_->set_durability(durability);
  connection_->run("BEGIN IMMEDIATE");
  return std::unique_ptr<Transaction>(new Transaction(*this, durability));
} catch (const SQLite::Exception& exception) {
  return fail_write(connection_->doubt, exception, "begin a change");
}

Database::Transaction::~Transaction() {
  if (!open_) return;
  [[maybe_unused]] const int ignored =
      database_.connection_->sqlite.tryExec("ROLLBACK");  // no transaction is left in any case
}

Status Database::Transaction::put(const TableShape& table, Row row) try {
  return database_.connection_->put(table, std::move(row));
} catch (const SQLite::Exception& exception) {
  return fail_write(database_.connection_->doubt, exception, "write a row");
}

Result<bool> Database::Transaction::remove(const TableShape& table, const Row& key) try {
  return database_.connection_->remove(table, key);
} catch (const SQLite::Exception& exception) {
  return fail_write(database_.connection_->doubt, exception, "remove a row");
}

Status Database::Transaction::commit() try {
  Connection& connection = *database_.connection_;
  connection.run("COMMIT");
  open_ = false;
  if (connection.in_memory) connection.doubt.clear();
  if (durability_ == Durability::durable) connection.tell_durable();
  if (durability_ == Durability::lazy || connection.in_memory) return {};
  const int emptied = connection.sqlite.tryExec("PRAGMA wal_checkpoint(TRUNCATE)");
  if (emptied == SQLITE_OK) {  // all of it was written to the file now, and synced there
    connection.doubt.clear();
    return {};
  }
  // What was committed is durable in the WAL, if nothing failed before; the next change tries again.
  const bool was_sound = connection.doubt.empty();
  const auto failed = fail(
      code_of_sqlite(emptied), "empty the WAL of the catalogue",
      fmt::format("the catalogue (host.db): its WAL could not be written into the file: {}", sqlite3_errstr(emptied)));
  connection.doubt = failed.error().text();
  if (was_sound) return {};
  return failed;
} catch (const SQLite::Exception& exception) {
  return fail_write(database_.connection_->doubt, exception, "commit a change");
}

const std::string& Database::doubt() const { return connection_->doubt; }

Status Database::prove_writes() {
  AFI_TRY(std::vector<Row> rows, list(totals));
  AFI_TRY(const auto transaction, begin(Durability::durable));
  for (Row& row : rows) AFI_TRY_STATUS(transaction->write_again(totals, std::move(row)));
  return transaction->commit();
}

Status Database::Transaction::write_again(const TableShape& table, Row row) try {
  [[maybe_unused]] const std::uint64_t check = database_.connection_->write(table, std::move(row));
  return {};
} catch (const SQLite::Exception& exception) {
  return fail_write(database_.connection_->doubt, exception, "write a row");
}

Result<std::optional<Row>> Database::find(const TableShape& table, const Row& key) try {
  AFI_TRY(std::optional<CheckedRow> found, connection_->find(table, key));
  if (!found) return std::optional<Row>{};
  return std::optional<Row>(std::move(found->row));
} catch (const SQLite::Exception& exception) {
  return fail_sqlite(exception, "find a row");
}

Result<std::vector<Row>> Database::list(const TableShape& table, const Row& prefix) try {
  const Running query(connection_->statement(
      fmt::format("SELECT * FROM {}{} ORDER BY {}", table.name, where_clause(table, prefix.size()), key_list(table))));
  bind_all(*query, prefix);
  std::vector<Row> rows;
  while (query->executeStep()) {
    AFI_TRY(CheckedRow read, read_row(*query, table));
    rows.push_back(std::move(read.row));
  }
  return rows;
} catch (const SQLite::Exception& exception) {
  return fail_sqlite(exception, "read rows");
}

}  // namespace afterimage::catalogue
