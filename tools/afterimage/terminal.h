// SPDX-License-Identifier: Apache-2.0
// Where a command writes, and what it knows of its surroundings. Tests put their own in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace afterimage::cli {

enum class Sink : std::uint8_t { out, err };

class Terminal {
 public:
  virtual ~Terminal() = default;
  virtual void write(Sink sink, std::string_view text) = 0;
  [[nodiscard]] virtual bool is_sound() const = 0;  // false once something could not be written to `out`: a full disk
  [[nodiscard]] virtual bool is_terminal(Sink sink) const = 0;
  [[nodiscard]] virtual std::optional<std::string> variable(const std::string& name) const = 0;  // of the environment
  [[nodiscard]] virtual std::string working_folder() const = 0;                                  // absolute

  [[nodiscard]] std::size_t columns() const;        // COLUMNS, or 80
  [[nodiscard]] bool has_colours(Sink sink) const;  // a terminal, not a dumb one, and no NO_COLOR
};

// stdout, stderr and the environment of this process. A reader that went away ends the process quietly.
[[nodiscard]] std::unique_ptr<Terminal> make_process_terminal();

}  // namespace afterimage::cli
