// SPDX-License-Identifier: Apache-2.0
// A platform on io_uring, with a hand in what the kernel answers; a scope, an empty folder.
#pragma once

#include "io/uring/platform.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io::uring {

class UringTest : public testing::Test {
 protected:
  explicit UringTest(RingOptions ring = {}) {
    auto made = UringPlatform::create({.host = {.disk_threads = 1, .workers_max = 1}, .ring = ring});
    if (!made) std::abort();
    uring_ = std::move(*made);
    platform_.emplace(uring_->platform());
    scope_.emplace(platform_->reactor);
  }

  template <typename T>
  T run(Task<T> task) {
    return block_on(platform_->reactor, std::move(task));
  }
  // Turns until what was started is in the kernel, and a little more.
  void let_start() { EXPECT_TRUE(run(sleep_for(*scope_, std::chrono::milliseconds(2)))); }

  template <typename T>
  [[nodiscard]] static std::unique_ptr<T> unwrap(Result<std::unique_ptr<T>> result) {
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    return result ? std::move(*result) : nullptr;
  }
  [[nodiscard]] std::unique_ptr<File> open(std::string_view name, OpenMode mode) {
    return unwrap(run(platform_->disk.open_file(*scope_, folder_.path() + "/" + std::string(name), mode)));
  }
  [[nodiscard]] std::unique_ptr<Listener> listen() {
    return unwrap(run(platform_->network.listen(*scope_, Endpoint{.host = "127.0.0.1"})));
  }

  posix::TemporaryFolder folder_;
  std::unique_ptr<UringPlatform> uring_;
  std::optional<Platform> platform_;
  std::optional<Scope> scope_;
};

}  // namespace afterimage::io::uring
