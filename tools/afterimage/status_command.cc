// SPDX-License-Identifier: Apache-2.0
// status: once, or again and again. Where it is watched, Ctrl-C is its ordinary end.
#include "tools/afterimage/commands.h"
#include "tools/afterimage/show.h"
#include "transport/control/answer_json.h"
#include "transport/control/target.h"

namespace afterimage::cli {

using io::Task;

namespace {

Task<ExitStatus> look(Session& session, const ShowStatus& arguments, std::string before) {
  std::vector<std::pair<std::string, std::string>> query;
  if (!arguments.machine.empty()) query.emplace_back("machine", arguments.machine);
  auto calling = session.call(control::Method::get, control::make_target({"v1", "status"}, query));
  const auto document = co_await calling;
  if (!document) {
    if (arguments.repeat == Repeat::watch && session.scope.is_interrupted()) co_return ExitStatus::cancelled;
    co_return session.fail(document.error());
  }
  const auto status = control::status_from(*document);
  if (!status) co_return session.fail(status.error());
  const Colours colours = session.terminal.has_colours(Sink::out) ? Colours::yes : Colours::no;
  session.show(*document);
  const bool one = !arguments.machine.empty() && status->machines.size() == 1;
  session.say(before + (one ? machine_text(status->machines.front(), colours) : status_text(*status, colours)));
  co_return ExitStatus::done;
}

}  // namespace

Task<ExitStatus> run(Session& session, const ShowStatus& arguments) {
  if (!arguments.machine.empty()) {
    if (const auto named = check_name("machine", arguments.machine); !named) co_return session.fail(named.error());
  }
  const auto interval = parse_duration(arguments.interval);
  if (!interval) co_return session.fail(ErrorCode::invalid_argument, "--interval: " + interval.error().text());
  const bool redraws = session.terminal.is_terminal(Sink::out) && session.terminal.has_colours(Sink::out);
  while (true) {
    const bool watches = arguments.repeat == Repeat::watch;
    auto looking = look(session, arguments, watches && redraws ? "\x1b[H\x1b[2J" : "");
    const ExitStatus status = co_await looking;
    if (watches && status == ExitStatus::cancelled) co_return ExitStatus::done;
    if (!watches || status != ExitStatus::done) co_return status;
    auto sleeping = io::sleep_for(session.scope, *interval);
    const auto slept = co_await sleeping;
    if (!slept) co_return ExitStatus::done;
    if (!redraws) session.say("\n");
  }
}

}  // namespace afterimage::cli
