// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/attempt_limiter.h"

#include <algorithm>

namespace afterimage::daemon {

bool AttemptLimiter::admit(std::string_view source, MonotonicTime now) {
  while (!attempts_.empty() && now - attempts_.front().when >= limits_.window) attempts_.pop_front();
  if (attempts_.size() >= limits_.of_all) return false;
  const auto is_of_source = [&](const Attempt& attempt) { return attempt.source == source; };
  if (static_cast<std::size_t>(std::ranges::count_if(attempts_, is_of_source)) >= limits_.of_one_source) return false;
  attempts_.push_back({.when = now, .source = std::string(source)});
  return true;
}

}  // namespace afterimage::daemon
