// SPDX-License-Identifier: Apache-2.0
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {

ConformanceTest::ConformanceTest()
    : fixture_(GetParam().make()), platform_(fixture_->platform()), scope_(platform_.reactor) {
  auto opened = run(platform_.disk.open_directory(scope_, fixture_->folder()));
  if (!opened) {
    ADD_FAILURE() << "the fixture's folder cannot be opened: " << opened.error().text();
    return;
  }
  folder_ = std::move(*opened);
}

ConformanceTest::~ConformanceTest() = default;

std::unique_ptr<File> ConformanceTest::open(std::string name, OpenMode mode) {
  auto opened = run(folder_->open_file(scope_, name, mode));
  EXPECT_TRUE(opened) << "cannot open " << name << ": " << (opened ? "" : opened.error().text());
  return opened ? std::move(*opened) : nullptr;
}

}  // namespace afterimage::io::conformance
