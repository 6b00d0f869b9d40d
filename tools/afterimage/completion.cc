// SPDX-License-Identifier: Apache-2.0
// Completion for shells: a table "commands so far -> what may follow", made from the tree of commands. Where none of
// that fits, names of files are offered.
#include <fmt/format.h>

#include "tools/afterimage/command_line.h"
#include "tools/afterimage/command_tree.h"

namespace afterimage::cli {
namespace {

struct Tables {
  std::string steps;  // '/host/init'|…: words that lead further into the tree
  std::string cases;  // one line of a `case` for each command
};

// `given` is the path to `app`: "/host/init", empty for the program itself.
void add_tables(const CLI::App& app, const std::string& given, Tables& out) {
  std::string follow;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) follow += command->get_name() + " ";
  if (given == "/completion") follow += "bash zsh ";
  if (given == "/jobs") follow += "cancel ";
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) follow += "--" + name + " ";
  }
  if (!follow.empty()) follow.pop_back();
  out.cases += fmt::format("    '{}') follow='{}' ;;\n", given, follow);
  for (const CLI::App* command : commands) {
    const std::string path = given + "/" + command->get_name();
    out.steps += (out.steps.empty() ? "'" : "|'") + path + "'";
    add_tables(*command, path, out);
  }
}

constexpr std::string_view bash_form = R"script(# bash completion for afterimage: source it, or keep it as
# /usr/share/bash-completion/completions/afterimage
_afterimage() {
  local current=${COMP_WORDS[COMP_CWORD]} given='' word follow=''
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$given/$word" in
    @STEPS@) given="$given/$word" ;;
    esac
  done
  case "$given" in
@CASES@  esac
  COMPREPLY=($(compgen -W "$follow" -- "$current"))
  if [[ ${#COMPREPLY[@]} == 0 && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _afterimage afterimage
)script";

constexpr std::string_view zsh_form = R"script(#compdef afterimage
# zsh completion for afterimage: keep it as _afterimage in a folder of $fpath, or
# eval "$(afterimage completion zsh)"
_afterimage() {
  local given='' word follow=''
  for word in "${(@)words[2,CURRENT-1]}"; do
    case "$given/$word" in
    @STEPS@) given="$given/$word" ;;
    esac
  done
  case "$given" in
@CASES@  esac
  compadd -- ${=follow}
  _files
}
if [ "$funcstack[1]" = "_afterimage" ]; then
  _afterimage "$@"
else
  compdef _afterimage afterimage
fi
)script";

std::string filled(std::string_view form, const Tables& tables) {
  std::string out(form);
  out.replace(out.find("@STEPS@"), std::string_view("@STEPS@").size(), tables.steps);
  out.replace(out.find("@CASES@"), std::string_view("@CASES@").size(), tables.cases);
  return out;
}

}  // namespace

std::string completion_script(Shell shell) {
  CommandTree tree;
  Tables tables;
  add_tables(tree.app(), "", tables);
  switch (shell) {
    case Shell::bash: return filled(bash_form, tables);
    case Shell::zsh: return filled(zsh_form, tables);
  }
  return {};
}

}  // namespace afterimage::cli
