// SPDX-License-Identifier: Apache-2.0
// AttemptLimiter: how often enrolments may be tried, from one address and in all. Checking one costs a signature and a
// line in the log; a registration key itself cannot be guessed. Memory: one entry for each attempt that counts.
// Externally serialised.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "io/base/time.h"

namespace afterimage::daemon {

struct AttemptLimits {
  Duration window = std::chrono::minutes(1);
  std::size_t of_one_source = 20;
  std::size_t of_all = 200;
};

class AttemptLimiter {
 public:
  explicit AttemptLimiter(AttemptLimits limits = {}) : limits_(limits) {}
  // True: it may be tried, and counts. False: later; what is refused does not count.
  [[nodiscard]] bool admit(std::string_view source, MonotonicTime now);

 private:
  struct Attempt {
    MonotonicTime when;
    std::string source;
  };
  AttemptLimits limits_;
  std::deque<Attempt> attempts_;  // of the last window, oldest first
};

}  // namespace afterimage::daemon
