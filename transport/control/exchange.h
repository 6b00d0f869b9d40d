// SPDX-License-Identifier: Apache-2.0
// One request on its way through a handler of the router. Private to the .cc files of this folder.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/host/commands.h"
#include "transport/control/caller.h"
#include "transport/control/router.h"

namespace afterimage::control {

struct Exchange {
  const Caller& caller;
  std::vector<std::string> parameters;                     // what stood in the places of the pattern, in order
  std::vector<std::pair<std::string, std::string>> query;  // what the route has not taken yet
  nlohmann::ordered_json body;
  host::Execution execution = host::Execution::real;  // dry_run if the query says so

  // The value of the query's `name`, taken out of it; nothing if it is not there.
  [[nodiscard]] std::optional<std::string> take(std::string_view name);
  // The same for a switch: "", "1", "true" and "0", "false".
  [[nodiscard]] Result<bool> take_switch(std::string_view name);
  // invalid_argument if the query has anything left.
  [[nodiscard]] Status finish_query() const;
  // A command that is a dry run by the query or by its body.
  [[nodiscard]] host::Execution merged(host::Execution said) const {
    return said == host::Execution::dry_run ? said : execution;
  }
};

struct Answer {
  unsigned status = 200;
  nlohmann::ordered_json document;
};

}  // namespace afterimage::control
