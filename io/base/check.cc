// SPDX-License-Identifier: Apache-2.0
#include "io/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace afterimage {

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace afterimage
