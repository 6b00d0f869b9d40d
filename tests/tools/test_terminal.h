// SPDX-License-Identifier: Apache-2.0
// A terminal that keeps what was written to it.
#pragma once

#include <map>
#include <string>

#include "tools/afterimage/terminal.h"

namespace afterimage::cli {

class TestTerminal final : public Terminal {
 public:
  void write(Sink sink, std::string_view text) override { (sink == Sink::out ? out : err) += text; }
  [[nodiscard]] bool is_sound() const override { return true; }
  [[nodiscard]] bool is_terminal(Sink) const override { return interactive; }
  [[nodiscard]] std::optional<std::string> variable(const std::string& name) const override {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  }
  [[nodiscard]] std::string working_folder() const override { return "/d"; }

  std::string out;
  std::string err;
  std::map<std::string, std::string> variables = {{"HOME", "/home/op"}, {"TERM", "xterm"}};
  bool interactive = false;
};

}  // namespace afterimage::cli
