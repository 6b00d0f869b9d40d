// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/words.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "io/base/printable.h"

namespace afterimage::cli {
namespace {

constexpr std::array<std::string_view, 7> units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

// Code points: what a terminal shows in one place each, for the names that people use.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return value < 9.995 ? fmt::format("{:.2f} {}", value, units[unit])
                       : fmt::format("{:.{}f} {}", value, value < 99.95 ? 1 : 0, units[unit]);
}

std::string duration_text(Duration duration) {
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (ms < 1000) return fmt::format("{}ms", std::max<std::int64_t>(ms, 0));
  const std::int64_t seconds = ms / 1000;
  if (seconds < 10) return fmt::format("{}.{}s", seconds, ms / 100 % 10);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h {:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {}h", seconds / 86400, seconds / 3600 % 24);
}

std::string time_text(WallTime time) {
  if (time == WallTime{}) return "-";
  std::string text = to_rfc3339(time);  // 2026-01-31T12:00:00.250Z
  text[10] = ' ';
  return text.substr(0, 19) + "Z";
}

std::string plain_text(std::string_view text) { return without_controls(text, ' '); }

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = plain_text(cell);
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  widths.reserve(columns_.size());
  for (const Column& column : columns_) widths.push_back(column.title.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  const auto add_line = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = cell_of(i);
      const std::string space(widths[i] - width_of(cell), ' ');
      line += i == 0 ? "" : "  ";
      line += columns_[i].align == Align::left ? cell + space : space + cell;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  add_line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& row : rows_) add_line([&](std::size_t i) -> const std::string& { return row[i]; });
  return out;
}

}  // namespace afterimage::cli
