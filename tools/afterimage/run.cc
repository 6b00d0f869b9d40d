// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/run.h"

#include "tools/afterimage/command_line.h"
#include "tools/afterimage/commands.h"

namespace afterimage::cli {

io::Task<ExitStatus> run_cli(io::Scope& scope, io::Platform platform, Terminal& terminal,
                             std::vector<std::string> arguments) {
  const auto parsed = parse_command_line(arguments);
  if (const auto* printed = std::get_if<Printed>(&parsed)) {
    terminal.write(printed->sink, printed->text);
    co_return printed->status;
  }
  const Invocation& invocation = std::get<Invocation>(parsed);
  Session session{.scope = scope, .platform = platform, .terminal = terminal, .common = invocation.common};
  auto running = std::visit([&session](const auto& command) { return run(session, command); }, invocation.command);
  const ExitStatus status = co_await running;
  co_return status;
}

}  // namespace afterimage::cli
