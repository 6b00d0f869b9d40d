// SPDX-License-Identifier: Apache-2.0
// What every command works with, and the ways in which commands end.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "io/platform.h"
#include "io/scope.h"
#include "io/task.h"
#include "tools/afterimage/arguments.h"
#include "tools/afterimage/daemon.h"
#include "tools/afterimage/exit_status.h"
#include "tools/afterimage/terminal.h"

namespace afterimage::cli {

struct Session {  // NOLINT(cppcoreguidelines-pro-type-member-init): a platform is nothing but references
  io::Scope& scope;
  io::Platform platform;
  Terminal& terminal;
  Common common;

  [[nodiscard]] bool is_json() const { return common.form == Form::json; }
  [[nodiscard]] bool is_dry_run() const { return common.execution == host::Execution::dry_run; }
  // Text for people goes nowhere with --json, a document nowhere without it.
  void say(std::string_view text);
  void show(const nlohmann::ordered_json& document);
  void warn(std::string_view sentence);  // one line on stderr: "afterimage: warning: …"
  // The one line on stderr, and the status that goes with it.
  ExitStatus fail(const Error& error);
  ExitStatus fail(ErrorCode code, std::string sentence);
  [[nodiscard]] std::string absolute(std::string_view path) const;

  [[nodiscard]] io::Task<Result<nlohmann::ordered_json>> call(control::Method method, std::string target,
                                                              nlohmann::ordered_json body = {});
};

}  // namespace afterimage::cli
