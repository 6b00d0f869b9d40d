// SPDX-License-Identifier: Apache-2.0
// What the tests of platforms on the real machine stand on: a platform, a scope, an empty folder. Which platform it is
// says the program that they are linked to: it defines make_platform().
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "io/posix/host_platform.h"
#include "io/scope.h"

namespace afterimage::io::posix {

// An empty folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "afterimage-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = std::move(pattern);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A file system mounted for a test, unmounted with it. Making one needs root and a kernel that lets us.
class Mounted {
 public:
  // `what` is the rest of the mount command before the folder: "-t tmpfs -o size=1m none".
  Mounted(const std::string& what, std::string folder) : folder_(std::move(folder)) {
    is_mounted_ = std::system(("mount " + what + " " + folder_ + " 2>/dev/null").c_str()) == 0;
  }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted() {
    if (is_mounted_ && std::system(("umount " + folder_).c_str()) != 0) std::abort();
  }
  [[nodiscard]] bool is_mounted() const { return is_mounted_; }

 private:
  std::string folder_;
  bool is_mounted_ = false;
};

// Aborts when there is none to be had.
[[nodiscard]] std::unique_ptr<HostPlatform> make_platform(PosixOptions options = {});

class PosixTest : public testing::Test {
 protected:
  explicit PosixTest(const SystemCalls* calls = nullptr)
      : posix_(make_platform({.calls = calls})), platform_(posix_->platform()), scope_(platform_.reactor) {}

  template <typename T>
  T run(Task<T> task) {
    return block_on(platform_.reactor, std::move(task));
  }
  [[nodiscard]] std::string path(std::string_view name) const { return folder_.path() + "/" + std::string(name); }
  // Both fail the test and give nullptr when they cannot.
  [[nodiscard]] std::unique_ptr<File> open(std::string_view name, OpenMode mode) {
    return unwrap(run(platform_.disk.open_file(scope_, path(name), mode)));
  }
  [[nodiscard]] std::unique_ptr<Directory> open_folder() {
    return unwrap(run(platform_.disk.open_directory(scope_, folder_.path())));
  }

  template <typename T>
  [[nodiscard]] static std::unique_ptr<T> unwrap(Result<std::unique_ptr<T>> result) {
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    return result ? std::move(*result) : nullptr;
  }

  TemporaryFolder folder_;
  std::unique_ptr<HostPlatform> posix_;
  Platform platform_;
  Scope scope_;
};

// The code of an error, for comparison; fails the test when there is none.
template <typename T>
[[nodiscard]] ErrorCode code_of_error(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? ErrorCode::internal : result.error().code;
}

[[nodiscard]] inline ByteOffset at(std::uint64_t offset) { return ByteOffset(offset); }
[[nodiscard]] inline ByteCount bytes(std::uint64_t count) { return ByteCount(count); }
[[nodiscard]] inline Bytes filled(std::size_t size, unsigned value) {
  return Bytes(size, static_cast<std::byte>(value));
}

[[nodiscard]] inline std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace afterimage::io::posix
