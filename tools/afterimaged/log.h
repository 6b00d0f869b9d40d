// SPDX-License-Identifier: Apache-2.0
// Log: one line for each thing that an operator may have to know later. Names and texts of peers are made printable
// here, in one place; secrets never come here. Thread: the reactor's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tools/config/config.h"

namespace afterimage::daemon {

enum class Severity : std::uint8_t { error, warning, info, debug };

class Log {
 public:
  virtual ~Log() = default;
  virtual void write(Severity severity, std::string_view text) = 0;

  void error(std::string_view text) { write(Severity::error, text); }
  void warning(std::string_view text) { write(Severity::warning, text); }
  void info(std::string_view text) { write(Severity::info, text); }
  void debug(std::string_view text) { write(Severity::debug, text); }
};

// What reads the lines: the journal of systemd wants a priority in front and adds the time itself.
enum class LogForm : std::uint8_t { plain, journal };

// Journal where JOURNAL_STREAM says that stderr goes there.
[[nodiscard]] LogForm log_form_of_environment();

// Lines on stderr, those as severe as `level` or more.
[[nodiscard]] std::unique_ptr<Log> make_stderr_log(tools::LogLevel level, LogForm form);

// "<4>text", as the journal takes it.
[[nodiscard]] std::string journal_line(Severity severity, std::string_view text);

}  // namespace afterimage::daemon
