// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/command_line.h"

#include <algorithm>

#include "tools/afterimage/command_tree.h"
#include "tools/afterimage/words.h"

namespace afterimage::cli {
namespace {

// The deepest command that was named.
const CLI::App& innermost(const CLI::App& app) {
  const auto named = app.get_subcommands();
  return named.empty() ? app : innermost(*named.front());
}

void collect(const CLI::App& app, const std::vector<std::string>& before, std::vector<std::vector<std::string>>& out) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (!before.empty() && (commands.empty() || app.get_require_subcommand_min() == 0)) out.push_back(before);
  for (const CLI::App* command : commands) {
    std::vector<std::string> words = before;
    words.push_back(command->get_name());
    collect(*command, words, out);
  }
}

// "afterimage enrol" for the command `join` in it; empty for the program itself.
std::string words_before(const CLI::App& app) {
  std::string words;
  for (const CLI::App* parent = app.get_parent(); parent != nullptr; parent = parent->get_parent()) {
    if (!words.empty()) words.insert(0, " ");
    words.insert(0, parent->get_name());
  }
  return words;
}

std::string usage_text(const CLI::App& app, std::string what) {
  const CLI::App& command = innermost(app);
  const auto commands = command.get_subcommands([](const CLI::App*) { return true; });
  if (const auto unknown = command.remaining();
      !unknown.empty() && !commands.empty() && !unknown.front().starts_with('-')) {
    what = "there is no command '" + unknown.front() + "'";
  } else if (command.get_require_subcommand_min() != 0 && command.get_subcommands().empty() && unknown.empty()) {
    what = "a command is missing";
  }
  const std::string before = words_before(command);
  const std::string words = before.empty() ? command.get_name() : before + " " + command.get_name();
  return "afterimage: " + plain_text(what) + "; see '" + words + " --help'\n";
}

}  // namespace

std::variant<Invocation, Printed> parse_command_line(std::span<const std::string> arguments) {
  CommandTree tree;
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    tree.app().parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const CLI::App& command = innermost(tree.app());
    return Printed{.text = command.help(words_before(command))};
  } catch (const CLI::CallForVersion& version) {
    return Printed{.text = std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return Printed{.status = ExitStatus::usage, .sink = Sink::err, .text = usage_text(tree.app(), error.what())};
  }
  return tree.invocation();
}

std::vector<std::vector<std::string>> command_words() {
  CommandTree tree;
  std::vector<std::vector<std::string>> out;
  collect(tree.app(), {}, out);
  return out;
}

}  // namespace afterimage::cli
