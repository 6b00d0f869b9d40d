// SPDX-License-Identifier: Apache-2.0
// The conformance suite: what every platform must do, as tests that run on each of them alike. A platform joins with
//
//   AFI_CONFORMANCE(Posix, make_posix_fixture);       in one .cc of its test program, which links
//   afterimage_conformance
//
// where make_posix_fixture() returns a fresh PlatformFixture. One fixture lives for one test.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "io/platform.h"
#include "io/reactor.h"
#include "io/scope.h"
#include "tests/io/conformance/stream_pair.h"

namespace afterimage::io::conformance {

class PlatformFixture {
 public:
  virtual ~PlatformFixture() = default;
  [[nodiscard]] virtual Platform platform() = 0;         // the same one each time
  [[nodiscard]] virtual std::string folder() const = 0;  // the absolute path of an empty folder, gone with the fixture
  [[nodiscard]] virtual std::string loopback() const { return "127.0.0.1"; }  // a host name that leads here
};

using FixtureFactory = std::unique_ptr<PlatformFixture> (*)();

struct PlatformCase {
  const char* name;
  FixtureFactory make;
};

// What the tests stand on: a platform, a scope, an open empty folder, and run(task).
class ConformanceTest : public testing::TestWithParam<PlatformCase> {
 protected:
  ConformanceTest();
  ~ConformanceTest() override;

  // Runs a task to its end.
  template <typename T>
  T run(Task<T> task) {
    return block_on(platform_.reactor, std::move(task));
  }
  [[nodiscard]] std::string path(std::string_view name) const { return fixture_->folder() + "/" + std::string(name); }
  [[nodiscard]] std::unique_ptr<File> open(std::string name,
                                           OpenMode mode);  // in the folder; the test fails if it cannot
  [[nodiscard]] StreamPair connect_pair();                  // over TCP; the test fails if it cannot

  std::unique_ptr<PlatformFixture> fixture_;
  Platform platform_;
  Scope scope_;
  std::unique_ptr<Directory> folder_;
};

class FilesOf : public ConformanceTest {};
class DirectoriesOf : public ConformanceTest {};
class DurableFilesOf : public ConformanceTest {};
class StreamsOf : public ConformanceTest {};
class UnixSocketsOf : public ConformanceTest {};
class TimeOf : public ConformanceTest {};
class TasksOf : public ConformanceTest {};
class WorkersOf : public ConformanceTest {};

[[nodiscard]] inline std::string name_of_case(const testing::TestParamInfo<PlatformCase>& info) {
  return info.param.name;
}

}  // namespace afterimage::io::conformance

#define AFI_CONFORMANCE_SUITE(platform_name, factory, suite) \
  INSTANTIATE_TEST_SUITE_P(platform_name, suite,             \
                           testing::Values(PlatformCase{.name = #platform_name, .make = factory}), name_of_case)

#define AFI_CONFORMANCE(platform_name, factory)                  \
  namespace afterimage::io::conformance {                        \
  AFI_CONFORMANCE_SUITE(platform_name, factory, FilesOf);        \
  AFI_CONFORMANCE_SUITE(platform_name, factory, DirectoriesOf);  \
  AFI_CONFORMANCE_SUITE(platform_name, factory, DurableFilesOf); \
  AFI_CONFORMANCE_SUITE(platform_name, factory, StreamsOf);      \
  AFI_CONFORMANCE_SUITE(platform_name, factory, UnixSocketsOf);  \
  AFI_CONFORMANCE_SUITE(platform_name, factory, TimeOf);         \
  AFI_CONFORMANCE_SUITE(platform_name, factory, TasksOf);        \
  AFI_CONFORMANCE_SUITE(platform_name, factory, WorkersOf);      \
  }                                                              \
  static_assert(true)
