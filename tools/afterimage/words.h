// SPDX-License-Identifier: Apache-2.0
// Quantities and tables as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/time.h"

namespace afterimage::cli {

[[nodiscard]] std::string bytes_text(std::uint64_t bytes);   // "0 B", "812 KiB", "1.4 GiB"
[[nodiscard]] std::string duration_text(Duration duration);  // "850ms", "12s", "4m 05s", "3h 12m", "9d 4h"
[[nodiscard]] std::string time_text(WallTime time);          // "2026-01-31 12:00:00Z"; "-" for unknown

// `text` without control characters: what comes from elsewhere cannot steer a terminal.
[[nodiscard]] std::string plain_text(std::string_view text);

enum class Align : std::uint8_t { left, right };

// Columns as wide as their widest cell, two spaces between them, no spaces at the ends of lines.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);  // as many as columns
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace afterimage::cli
