// SPDX-License-Identifier: Apache-2.0
#include "io/posix/platform.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io::posix {

std::unique_ptr<HostPlatform> make_platform(PosixOptions options) {
  auto made = PosixPlatform::create(options);
  if (!made) std::abort();
  return std::move(*made);
}

}  // namespace afterimage::io::posix
