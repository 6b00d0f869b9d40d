// SPDX-License-Identifier: Apache-2.0
// What a table of the catalogue looks like, and rows as plain values. Every row carries a check over its table and all
// its values, and every table has a row in `totals` with the number of its rows and the sum of their checks: a bit that
// flips in the file is refused, whether it changes a value or makes a row disappear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/identity.h"

namespace afterimage::catalogue {

using Value = std::variant<std::int64_t, std::string, Bytes>;
using Row = std::vector<Value>;

enum class ColumnType : std::uint8_t { integer, text, blob };

struct Column {
  const char* name;
  ColumnType type;
};

// The first key_columns columns are the key, in which order rows are read.
struct TableShape {
  const char* name;
  std::span<const Column> columns;
  std::size_t key_columns;
};

// XXH3-64 over the table's name and, for each value, its type, its length and its bytes.
[[nodiscard]] std::uint64_t check_of_row(std::string_view table, std::span<const Value> row);

// Values from and to the types of the engine. The readers trust the shape: the database has checked it.
template <typename Tag>
[[nodiscard]] Value value_of(const RandomId<Tag>& id) {
  return Bytes(id.bytes.begin(), id.bytes.end());
}
[[nodiscard]] Value value_of(const Digest& digest);
[[nodiscard]] Value value_of(std::uint64_t number);  // as a two's complement integer

// `damaged` if the blob has not the length of the id.
[[nodiscard]] Status read_value(const Value& value, MutableBytes out);
[[nodiscard]] std::uint64_t number_of(const Value& value);
[[nodiscard]] const std::string& text_of_value(const Value& value);

}  // namespace afterimage::catalogue
