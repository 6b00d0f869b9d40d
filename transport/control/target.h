// SPDX-License-Identifier: Apache-2.0
// The target of a request: a path of segments and a query. Segments are decoded one by one and never joined or
// normalised: no "..", "//" or "%2F" in a target can make it another path.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/base/result.h"

namespace afterimage::control {

struct Target {
  std::vector<std::string> written;                        // the segments as they were written, escapes and all
  std::vector<std::string> segments;                       // "/v1/jobs/7" -> "v1", "jobs", "7"
  std::vector<std::pair<std::string, std::string>> query;  // "?wait=2&dry_run" -> {"wait","2"}, {"dry_run",""}
};

// invalid_argument: no absolute path, an empty segment, a query of nothing, a bad escape, control characters, a name
// twice in the query.
[[nodiscard]] Result<Target> parse_target(std::string_view target);

// "/v1/machines/web%201/sync?dry_run=1": every part escaped.
[[nodiscard]] std::string make_target(std::initializer_list<std::string_view> segments,
                                      const std::vector<std::pair<std::string, std::string>>& query = {});

}  // namespace afterimage::control
