// SPDX-License-Identifier: Apache-2.0
#include "io/uring/platform.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io {

std::unique_ptr<posix::HostPlatform> posix::make_platform(PosixOptions options) {
  auto made = uring::UringPlatform::create({.host = options});
  if (!made) std::abort();
  return std::move(*made);
}

namespace uring {
namespace {

// Where there is no io_uring nothing of this program can be shown.
class NeedsRing final : public testing::Environment {
 public:
  void SetUp() override {
    if (const Status usable = is_available(); !usable) GTEST_SKIP() << usable.error().text();
  }
};
[[maybe_unused]] const testing::Environment* const needs_ring = testing::AddGlobalTestEnvironment(new NeedsRing);

}  // namespace
}  // namespace uring
}  // namespace afterimage::io
