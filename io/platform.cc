// SPDX-License-Identifier: Apache-2.0
#include "io/platform.h"

#include <utility>

namespace afterimage::io {

Task<void> Workers::run(const char* name, std::move_only_function<void()> work) {
  LongOperation watched(scope_, name);
  auto running = run_one(std::move(work));
  co_await running;
}

}  // namespace afterimage::io
