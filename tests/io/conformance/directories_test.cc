// SPDX-License-Identifier: Apache-2.0
// Directory and Disk: names.
#include <string>
#include <vector>

#include "io/disk.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {
namespace {

std::vector<std::string> names_of(const Result<std::vector<DirectoryEntry>>& entries) {
  std::vector<std::string> names;
  if (!entries) return {"error: " + entries.error().text()};
  for (const DirectoryEntry& entry : *entries) names.push_back(entry.name);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_P(DirectoriesOf, ListIsSortedAndTellsFoldersFromFiles) {
  ASSERT_NE(open("zebra", OpenMode::create), nullptr);
  ASSERT_NE(open("Ant", OpenMode::create), nullptr);
  ASSERT_TRUE(run(folder_->make_directory(scope_, "middle")));
  ASSERT_NE(open("10", OpenMode::create), nullptr);
  ASSERT_NE(open("9", OpenMode::create), nullptr);
  const auto entries = run(folder_->list(scope_));
  EXPECT_EQ(names_of(entries), (Names{"10", "9", "Ant", "middle", "zebra"}));
  EXPECT_EQ(entries->at(3).kind, EntryKind::directory);
  EXPECT_EQ(entries->at(4).kind, EntryKind::file);
}

TEST_P(DirectoriesOf, NamesThatAreNoSingleComponentAreRefused) {
  for (const char* name : {"", ".", "..", "a/b", "/", "/etc", "a/", "../x"}) {
    EXPECT_EQ(run(folder_->open_file(scope_, name, OpenMode::open_or_create)).error().code, ErrorCode::invalid_argument)
        << name;
    EXPECT_EQ(run(folder_->make_directory(scope_, name)).error().code, ErrorCode::invalid_argument) << name;
    EXPECT_EQ(run(folder_->open_directory(scope_, name)).error().code, ErrorCode::invalid_argument) << name;
    EXPECT_EQ(run(folder_->remove_file(scope_, name)).error().code, ErrorCode::invalid_argument) << name;
    EXPECT_EQ(run(folder_->remove_directory(scope_, name)).error().code, ErrorCode::invalid_argument) << name;
    EXPECT_EQ(run(folder_->replace(scope_, "x", name)).error().code, ErrorCode::invalid_argument) << name;
    EXPECT_EQ(run(folder_->rename_new(scope_, name, "x")).error().code, ErrorCode::invalid_argument) << name;
  }
  const std::string with_nul("a\0b", 3);
  EXPECT_EQ(run(folder_->open_file(scope_, with_nul, OpenMode::create)).error().code, ErrorCode::invalid_argument);
}

TEST_P(DirectoriesOf, ReplaceTakesTheTargetsPlaceInOneStep) {
  const auto old_file = open("target", OpenMode::create);
  const auto new_file = open("target.new", OpenMode::create);
  ASSERT_TRUE(run(new_file->write_at(scope_, ByteOffset{}, view_of("new"))));
  ASSERT_TRUE(run(folder_->replace(scope_, "target.new", "target")));
  EXPECT_EQ(names_of(run(folder_->list(scope_))), Names{"target"});
  const auto again = open("target", OpenMode::read);
  EXPECT_EQ(run(again->facts(scope_))->size, ByteCount(std::uint64_t{3}));
}

TEST_P(DirectoriesOf, ReplaceOfAMissingNameIsNotFound) {
  EXPECT_EQ(run(folder_->replace(scope_, "missing", "x")).error().code, ErrorCode::not_found);
}

TEST_P(DirectoriesOf, RenameNewRefusesATakenName) {
  ASSERT_NE(open("a", OpenMode::create), nullptr);
  ASSERT_NE(open("b", OpenMode::create), nullptr);
  EXPECT_EQ(run(folder_->rename_new(scope_, "a", "b")).error().code, ErrorCode::already_exists);
  EXPECT_TRUE(run(folder_->rename_new(scope_, "a", "c")));
  EXPECT_EQ(run(folder_->rename_new(scope_, "a", "d")).error().code, ErrorCode::not_found);
  EXPECT_EQ(names_of(run(folder_->list(scope_))), (Names{"b", "c"}));
}

TEST_P(DirectoriesOf, FoldersAreRenamedToo) {
  ASSERT_TRUE(run(folder_->make_directory(scope_, "a")));
  ASSERT_TRUE(run(folder_->rename_new(scope_, "a", "b")));
  EXPECT_TRUE(run(folder_->open_directory(scope_, "b")));
  EXPECT_EQ(run(folder_->open_directory(scope_, "a")).error().code, ErrorCode::not_found);
}

TEST_P(DirectoriesOf, RemoveTakesNamesAway) {
  ASSERT_NE(open("f", OpenMode::create), nullptr);
  ASSERT_TRUE(run(folder_->remove_file(scope_, "f")));
  EXPECT_EQ(run(folder_->remove_file(scope_, "f")).error().code, ErrorCode::not_found);
  ASSERT_TRUE(run(folder_->make_directory(scope_, "d")));
  EXPECT_FALSE(run(folder_->remove_file(scope_, "d")));
  ASSERT_TRUE(run(folder_->remove_directory(scope_, "d")));
  EXPECT_EQ(run(folder_->remove_directory(scope_, "d")).error().code, ErrorCode::not_found);
  EXPECT_EQ(names_of(run(folder_->list(scope_))), Names{});
}

TEST_P(DirectoriesOf, OnlyEmptyFoldersAreRemoved) {
  auto inner = run(folder_->make_directory(scope_, "d"));
  ASSERT_TRUE(inner);
  ASSERT_TRUE(run((*inner)->open_file(scope_, "f", OpenMode::create)));
  EXPECT_FALSE(run(folder_->remove_directory(scope_, "d")));
  ASSERT_TRUE(run((*inner)->remove_file(scope_, "f")));
  EXPECT_TRUE(run(folder_->remove_directory(scope_, "d")));
}

TEST_P(DirectoriesOf, MakeDirectoryOpensOneThatIsThere) {
  auto first = run(folder_->make_directory(scope_, "d"));
  ASSERT_TRUE(first);
  ASSERT_TRUE(run((*first)->open_file(scope_, "f", OpenMode::create)));
  auto second = run(folder_->make_directory(scope_, "d"));
  ASSERT_TRUE(second);
  EXPECT_EQ(names_of(run((*second)->list(scope_))), Names{"f"});
  ASSERT_NE(open("file", OpenMode::create), nullptr);
  EXPECT_FALSE(run(folder_->make_directory(scope_, "file")));
}

TEST_P(DirectoriesOf, OpenDirectoryOfAFileOrOfNothingIsNotFound) {
  EXPECT_EQ(run(folder_->open_directory(scope_, "d")).error().code, ErrorCode::not_found);
  ASSERT_NE(open("f", OpenMode::create), nullptr);
  EXPECT_EQ(run(folder_->open_directory(scope_, "f")).error().code, ErrorCode::not_found);
}

TEST_P(DirectoriesOf, SyncAndFreeSpaceAnswer) {
  EXPECT_TRUE(run(folder_->sync(scope_)));
  const auto free = run(folder_->free_space(scope_));
  ASSERT_TRUE(free);
  EXPECT_GT(free->value(), 0U);
}

TEST_P(DirectoriesOf, PathsMakeAndOpenDeepFolders) {
  auto deep = run(platform_.disk.make_directory(scope_, path("a/b/c")));
  ASSERT_TRUE(deep) << deep.error().text();
  EXPECT_EQ((*deep)->path(), path("a/b/c"));
  ASSERT_TRUE(run((*deep)->open_file(scope_, "f", OpenMode::create)));
  EXPECT_TRUE(run(platform_.disk.make_directory(scope_, path("a/b/c"))));
  EXPECT_TRUE(run(platform_.disk.open_file(scope_, path("a/b/c/f"), OpenMode::read)));
  EXPECT_TRUE(run(platform_.disk.open_directory(scope_, path("a/b"))));
  EXPECT_EQ(run(platform_.disk.open_directory(scope_, path("a/x"))).error().code, ErrorCode::not_found);
  EXPECT_EQ(run(platform_.disk.open_file(scope_, path("x/f"), OpenMode::create)).error().code, ErrorCode::not_found);
}

TEST_P(DirectoriesOf, RelativePathsAreRefused) {
  EXPECT_EQ(run(platform_.disk.open_file(scope_, "f", OpenMode::create)).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(run(platform_.disk.make_directory(scope_, "d")).error().code, ErrorCode::invalid_argument);
}

}  // namespace afterimage::io::conformance
