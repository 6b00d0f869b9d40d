// SPDX-License-Identifier: Apache-2.0
// The command line: one tree of commands, from which parsing, help and completion are made. CLI11 stays behind it.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "tools/afterimage/arguments.h"
#include "tools/afterimage/exit_status.h"
#include "tools/afterimage/terminal.h"

namespace afterimage::cli {

// Nothing to run: help, a version, or wrong usage.
struct Printed {
  ExitStatus status = ExitStatus::done;
  Sink sink = Sink::out;
  std::string text;
};

// `arguments` without the program's name.
[[nodiscard]] std::variant<Invocation, Printed> parse_command_line(std::span<const std::string> arguments);

// The words of every command that can be run, in the order of help: {"host", "init"}, {"sync"}, …
[[nodiscard]] std::vector<std::vector<std::string>> command_words();

// A script that completes commands and options in that shell.
[[nodiscard]] std::string completion_script(Shell shell);

}  // namespace afterimage::cli
