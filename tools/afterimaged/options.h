// SPDX-License-Identifier: Apache-2.0
// The command line of afterimaged, its configuration file, and its exit statuses.
#pragma once

#include <string>
#include <vector>

#include "io/base/result.h"
#include "io/platform.h"
#include "tools/config/config.h"

namespace afterimage::daemon {

// The same numbers as those of afterimage, as far as a daemon can meet them.
enum class ExitStatus : int {
  stopped = 0,
  failed = 1,
  usage = 2,            // wrong command line or configuration
  busy = 11,            // another daemon has the state, a store or a port
  authentication = 12,  // of this host's own keys and certificate
  refused = 15,         // for safety: the message names the way out
};
[[nodiscard]] ExitStatus exit_status_of(const Error& error) noexcept;

enum class Action : std::uint8_t { run, check_config, print };

struct Options {
  Action action = Action::run;
  std::string config;  // absolute
  std::string text;    // of print: help or version
};

// `arguments` without the program's name. invalid_argument with a sentence.
[[nodiscard]] Result<Options> parse_options(std::vector<std::string> arguments);

// Reads and checks the file. Errors name it.
[[nodiscard]] io::Task<Result<tools::Config>> read_config(io::Scope& scope, io::Disk& disk, std::string path);

}  // namespace afterimage::daemon
