// SPDX-License-Identifier: Apache-2.0
// The tree of commands as CLI11 objects. Private to command_line.cc, command_tree.cc and completion.cc.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include <CLI/CLI.hpp>

#include "tools/afterimage/arguments.h"

namespace afterimage::cli {

// Built anew for each parse; values are read into `invocation`, whose command is set by the command that was given.
class CommandTree {
 public:
  CommandTree();
  CommandTree(const CommandTree&) = delete;
  CommandTree& operator=(const CommandTree&) = delete;

  [[nodiscard]] CLI::App& app() { return app_; }
  // After parsing.
  [[nodiscard]] const Invocation& invocation() const { return invocation_; }

 private:
  enum class Takes : unsigned { nothing = 0, dry_run = 1, detach = 2, socket = 4 };
  friend constexpr Takes operator|(Takes a, Takes b) {
    return static_cast<Takes>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
  }

  // A command whose arguments are kept for as long as the tree lives, and become the invocation's when it is given.
  template <typename Arguments>
  Arguments& add(CLI::App& parent, const std::string& name, const std::string& help, Takes takes, CLI::App*& command);
  void add_common(CLI::App& command, Takes takes);

  void add_host(CLI::App& app);
  void add_trust(CLI::App& app);
  void add_protecting(CLI::App& app);
  void add_machine_verbs(CLI::App& app);
  void add_recovering(CLI::App& app);
  void add_media(CLI::App& app);
  void add_jobs(CLI::App& app);
  void add_offline(CLI::App& app);

  Invocation invocation_;
  std::deque<std::shared_ptr<void>> kept_;
  CLI::App app_;
};

}  // namespace afterimage::cli
