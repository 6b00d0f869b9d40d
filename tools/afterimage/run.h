// SPDX-License-Identifier: Apache-2.0
// Runs one command from its words to its exit status. Everything it touches comes in as a parameter, so that tests run
// the whole program in their own process.
#pragma once

#include <string>
#include <vector>

#include "io/platform.h"
#include "io/scope.h"
#include "io/task.h"
#include "tools/afterimage/exit_status.h"
#include "tools/afterimage/terminal.h"

namespace afterimage::cli {

// `scope` is cancelled by Ctrl-C. `arguments` without the program's name. Thread: the reactor's.
[[nodiscard]] io::Task<ExitStatus> run_cli(io::Scope& scope, io::Platform platform, Terminal& terminal,
                                           std::vector<std::string> arguments);

}  // namespace afterimage::cli
