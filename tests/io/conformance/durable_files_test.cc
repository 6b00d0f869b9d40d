// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "io/durable_file.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {

TEST_P(DurableFilesOf, ReplaceAndReadAgain) {
  ASSERT_TRUE(run(replace_file(scope_, *folder_, "state", view_of("one"))));
  ASSERT_TRUE(run(replace_file(scope_, *folder_, "state", view_of("second"))));
  const auto content = run(read_file(scope_, *folder_, "state", 100));
  ASSERT_TRUE(content);
  EXPECT_EQ(text_of(*content), "second");
  EXPECT_EQ(run(folder_->list(scope_))->size(), 1U);
}

TEST_P(DurableFilesOf, ALeftoverMeansNothing) {
  const auto leftover = open("state.new", OpenMode::create);
  ASSERT_TRUE(run(leftover->write_at(scope_, ByteOffset{}, view_of("a long leftover"))));
  ASSERT_TRUE(run(replace_file(scope_, *folder_, "state", view_of("x"))));
  EXPECT_EQ(text_of(run(read_file(scope_, *folder_, "state", 100)).value()), "x");
}

TEST_P(DurableFilesOf, AFileLargerThanItCanBeIsRefused) {
  ASSERT_TRUE(run(replace_file(scope_, *folder_, "state", view_of("12345"))));
  EXPECT_TRUE(run(read_file(scope_, *folder_, "state", 5)));
  EXPECT_EQ(run(read_file(scope_, *folder_, "state", 4)).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(run(read_file(scope_, *folder_, "missing", 4)).error().code, ErrorCode::not_found);
}

TEST_P(DurableFilesOf, RemoveIfThereIsContentWithNothing) {
  EXPECT_TRUE(run(remove_if_there(scope_, *folder_, "state")));
  ASSERT_TRUE(run(replace_file(scope_, *folder_, "state", view_of("x"))));
  EXPECT_TRUE(run(remove_if_there(scope_, *folder_, "state")));
  EXPECT_TRUE(run(folder_->list(scope_))->empty());
}

TEST_P(DurableFilesOf, ClearDirectoryRemovesAllBelowIt) {
  ASSERT_TRUE(run(platform_.disk.make_directory(scope_, path("a/b/c"))));
  ASSERT_TRUE(run(platform_.disk.open_file(scope_, path("a/b/f"), OpenMode::create)));
  ASSERT_NE(open("g", OpenMode::create), nullptr);
  ASSERT_TRUE(run(clear_directory(scope_, *folder_)));
  EXPECT_TRUE(run(folder_->list(scope_))->empty());
}

}  // namespace afterimage::io::conformance
