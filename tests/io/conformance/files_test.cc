// SPDX-License-Identifier: Apache-2.0
// File: content, holes, sizes, locks, modes.
#include <algorithm>
#include <string>

#include "io/disk.h"
#include "tests/io/conformance/platform_fixture.h"

namespace afterimage::io::conformance {
namespace {

constexpr ByteOffset at(std::uint64_t offset) { return ByteOffset(offset); }
constexpr ByteCount bytes(std::uint64_t count) { return ByteCount(count); }

Bytes pattern(std::size_t size, unsigned seed) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(1 + (i * 7 + i / 251 + seed) % 255);
  return out;
}

bool is_zero(ByteView view) {
  return std::all_of(view.begin(), view.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

TEST_P(FilesOf, ReadBackWhatWasWritten) {
  const auto file = open("f", OpenMode::create);
  const Bytes data = pattern(10'000, 1);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), data)));
  Bytes out(10'000);
  ASSERT_EQ(run(file->read_at(scope_, at(0), out)).value(), out.size());
  EXPECT_EQ(out, data);
}

TEST_P(FilesOf, ShortReadOnlyAtTheEnd) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(5000, 2))));
  Bytes out(8192);
  EXPECT_EQ(run(file->read_at(scope_, at(0), out)).value(), 5000U);
  EXPECT_EQ(run(file->read_at(scope_, at(4999), out)).value(), 1U);
  EXPECT_EQ(run(file->read_at(scope_, at(5000), out)).value(), 0U);
  EXPECT_EQ(run(file->read_at(scope_, at(1'000'000), out)).value(), 0U);
}

TEST_P(FilesOf, WhatIsInMemoryIsTheContentAndNothingPastTheEnd) {
  const auto file = open("f", OpenMode::create);
  const Bytes data = pattern(20'000, 7);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), data)));
  std::size_t most = 0;
  for (int tried = 0; tried < 50; ++tried) {  // the simulation has it in memory now and then
    Bytes out(data.size());
    const std::size_t count = file->read_cached(at(4097), out);
    ASSERT_LE(count, data.size() - 4097);
    ASSERT_TRUE(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), data.begin() + 4097));
    ASSERT_EQ(file->read_cached(at(20'000), out), 0U);
    most = std::max(most, count);
  }
  // A file system may refuse RWF_NOWAIT, and then nothing is ever told; the simulated one does not.
  if (most == 0) GTEST_SKIP() << "this file system does not tell what is in memory";
  EXPECT_EQ(most, data.size() - 4097);
}

TEST_P(FilesOf, AWriteBeyondTheEndLeavesAHoleOfZeros) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(100'001), pattern(777, 3))));
  EXPECT_EQ(run(file->facts(scope_)).value().size, bytes(100'778));
  Bytes out(100'001);
  ASSERT_EQ(run(file->read_at(scope_, at(0), out)).value(), out.size());
  EXPECT_TRUE(is_zero(out));
}

TEST_P(FilesOf, LargeWritesAndOddOffsetsKeepEveryByte) {
  const auto file = open("f", OpenMode::create);
  const Bytes first = pattern(1'500'003, 4);
  const Bytes second = pattern(300'001, 5);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), first)));
  ASSERT_TRUE(run(file->write_at(scope_, at(700'009), second)));
  Bytes expected = first;
  std::copy(second.begin(), second.end(), expected.begin() + 700'009);
  Bytes out(expected.size());
  ASSERT_EQ(run(file->read_at(scope_, at(0), out)).value(), out.size());
  EXPECT_TRUE(out == expected);
}

TEST_P(FilesOf, EmptyReadsAndWritesSucceed) {
  const auto file = open("f", OpenMode::create);
  EXPECT_TRUE(run(file->write_at(scope_, at(10), ByteView{})));
  EXPECT_EQ(run(file->read_at(scope_, at(0), MutableBytes{})).value(), 0U);
  EXPECT_EQ(run(file->facts(scope_)).value().size, bytes(0));
}

TEST_P(FilesOf, ResizeCutsAndRegrownContentIsZero) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(20'000, 6))));
  ASSERT_TRUE(run(file->resize(scope_, bytes(4097))));
  EXPECT_EQ(run(file->facts(scope_)).value().size, bytes(4097));
  ASSERT_TRUE(run(file->resize(scope_, bytes(12'345))));
  Bytes out(20'000);
  ASSERT_EQ(run(file->read_at(scope_, at(0), out)).value(), 12'345U);
  const Bytes kept = pattern(4097, 6);
  EXPECT_TRUE(std::equal(kept.begin(), kept.end(), out.begin()));
  EXPECT_TRUE(is_zero(ByteView(out).subspan(4097)));
}

TEST_P(FilesOf, WriteZerosReadsAsZerosAndKeepsTheSize) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(50'000, 7))));
  ASSERT_TRUE(run(file->write_zeros(scope_, {.offset = at(1000), .size = bytes(40'001)})));
  EXPECT_EQ(run(file->facts(scope_)).value().size, bytes(50'000));
  Bytes out(50'000);
  ASSERT_EQ(run(file->read_at(scope_, at(0), out)).value(), out.size());
  Bytes expected = pattern(50'000, 7);
  std::fill(expected.begin() + 1000, expected.begin() + 41'001, std::byte{0});
  EXPECT_TRUE(out == expected);
}

TEST_P(FilesOf, WriteZerosOfTheLastPartialBlockKeepsTheSize) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(10'001, 8))));
  ASSERT_TRUE(run(file->write_zeros(scope_, {.offset = at(4096), .size = bytes(10'001 - 4096)})));
  EXPECT_EQ(run(file->facts(scope_)).value().size, bytes(10'001));
}

TEST_P(FilesOf, NextDataNeverSkipsData) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->resize(scope_, bytes(16 << 20))));
  const std::uint64_t places[] = {1 << 20, (5 << 20) + 123, (16 << 20) - 1};
  for (const std::uint64_t place : places) {
    ASSERT_TRUE(run(file->write_at(scope_, at(place), pattern(1, 9))));
  }
  std::uint64_t from = 0;
  std::size_t seen = 0;
  while (true) {
    const auto range = run(file->next_data(scope_, at(from)));
    ASSERT_TRUE(range) << range.error().text();
    if (!range->has_value()) break;
    const FileRange& data = **range;
    ASSERT_GE(data.offset.value(), from);
    ASSERT_GT(data.size.value(), 0U);
    ASSERT_LE(data.end().value(), std::uint64_t{16 << 20});
    for (const std::uint64_t place : places) {
      ASSERT_FALSE(place >= from && place < data.offset.value()) << "data at " << place << " was taken for a hole";
      if (place >= data.offset.value() && place < data.end().value()) ++seen;
    }
    from = data.end().value();
  }
  EXPECT_EQ(seen, std::size(places));
}

TEST_P(FilesOf, AMapHasAllDataOfItsRangeAndNothingBeyond) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->resize(scope_, bytes(16 << 20))));
  const std::uint64_t places[] = {1 << 20, (5 << 20) + 123, 9 << 20, (16 << 20) - 1};
  for (const std::uint64_t place : places) ASSERT_TRUE(run(file->write_at(scope_, at(place), pattern(1, 9))));
  const std::uint64_t begin = 2 << 20;
  const std::uint64_t end = 12 << 20;
  const auto map = run(file->map_data(scope_, {.offset = at(begin), .size = bytes(end - begin)}));
  ASSERT_TRUE(map) << map.error().text();
  EXPECT_EQ(map->end, at(end));
  std::size_t seen = 0;
  std::uint64_t behind = begin;
  for (const FileRange& piece : map->data) {
    ASSERT_GE(piece.offset.value(), behind);
    ASSERT_GT(piece.size.value(), 0U);
    behind = piece.end().value();
    for (const std::uint64_t place : places) seen += place >= piece.offset.value() && place < behind ? 1U : 0U;
  }
  EXPECT_LE(behind, end);
  EXPECT_EQ(seen, 2U);
  const auto nothing = run(file->map_data(scope_, {.offset = at(17 << 20), .size = bytes(1 << 20)}));
  ASSERT_TRUE(nothing) << nothing.error().text();
  EXPECT_TRUE(nothing->data.empty());
}

TEST_P(FilesOf, NextDataOfAnEmptyFileAndPastTheEndIsNothing) {
  const auto file = open("f", OpenMode::create);
  EXPECT_FALSE(run(file->next_data(scope_, at(0))).value().has_value());
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(100, 1))));
  EXPECT_FALSE(run(file->next_data(scope_, at(100))).value().has_value());
  EXPECT_FALSE(run(file->next_data(scope_, at(1 << 20))).value().has_value());
}

TEST_P(FilesOf, NextDataInsideARunStartsWhereItWasAsked) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(100'000, 1))));
  const auto range = run(file->next_data(scope_, at(50'001)));
  ASSERT_TRUE(range && range->has_value());
  EXPECT_EQ((*range)->offset, at(50'001));
  EXPECT_EQ((*range)->end(), at(100'000));
}

TEST_P(FilesOf, FactsChangeWithContentAndOnlyThen) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(8192, 1))));
  const FileFacts before = run(file->facts(scope_)).value();
  Bytes out(100);
  ASSERT_TRUE(run(file->read_at(scope_, at(0), out)));
  EXPECT_EQ(run(file->facts(scope_)).value(), before);
  // Past the resolution of a kernel's clock for files.
  ASSERT_TRUE(run(sleep_for(scope_, std::chrono::milliseconds(20))));
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(8192, 2))));
  const FileFacts after = run(file->facts(scope_)).value();
  EXPECT_NE(after, before);
  EXPECT_EQ(after.size, before.size);
  EXPECT_EQ(after.inode, before.inode);
}

TEST_P(FilesOf, NewFilesAreTheOwnersAlone) {
  const auto file = open("f", OpenMode::create);
  EXPECT_EQ(run(file->facts(scope_)).value().mode & 0777U, 0600U);
}

TEST_P(FilesOf, OpenModesAnswerWhatIsThere) {
  EXPECT_EQ(run(folder_->open_file(scope_, "f", OpenMode::read)).error().code, ErrorCode::not_found);
  EXPECT_EQ(run(folder_->open_file(scope_, "f", OpenMode::write)).error().code, ErrorCode::not_found);
  ASSERT_TRUE(run(folder_->open_file(scope_, "f", OpenMode::open_or_create)));
  EXPECT_EQ(run(folder_->open_file(scope_, "f", OpenMode::create)).error().code, ErrorCode::already_exists);
  EXPECT_TRUE(run(folder_->open_file(scope_, "f", OpenMode::open_or_create)));
  EXPECT_TRUE(run(folder_->open_file(scope_, "f", OpenMode::read)));
  EXPECT_TRUE(run(folder_->open_file(scope_, "f", OpenMode::write)));
}

TEST_P(FilesOf, ErrorsNameTheFile) {
  const auto opened = run(folder_->open_file(scope_, "no-such-file", OpenMode::read));
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().detail.find("no-such-file"), std::string::npos) << opened.error().detail;
}

TEST_P(FilesOf, AFileOpenedForReadingRefusesWrites) {
  ASSERT_NE(open("f", OpenMode::create), nullptr);
  const auto file = open("f", OpenMode::read);
  EXPECT_FALSE(run(file->write_at(scope_, at(0), pattern(10, 1))));
}

TEST_P(FilesOf, AClosedFileAnswersIoFailed) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(10, 1))));
  ASSERT_TRUE(file->close());
  Bytes out(10);
  EXPECT_EQ(run(file->read_at(scope_, at(0), out)).error().code, ErrorCode::io_failed);
  EXPECT_EQ(run(file->write_at(scope_, at(0), out)).error().code, ErrorCode::io_failed);
  EXPECT_EQ(run(file->sync(scope_)).error().code, ErrorCode::io_failed);
  EXPECT_EQ(file->read_cached(at(0), out), 0U);
}

TEST_P(FilesOf, AnExclusiveLockKeepsOthersOutUntilItsFileDies) {
  auto first = open("f", OpenMode::create);
  const auto second = open("f", OpenMode::write);
  ASSERT_TRUE(first->try_lock(LockMode::exclusive));
  EXPECT_EQ(second->try_lock(LockMode::exclusive).error().code, ErrorCode::busy);
  EXPECT_EQ(second->try_lock(LockMode::shared).error().code, ErrorCode::busy);
  first.reset();
  EXPECT_TRUE(second->try_lock(LockMode::exclusive));
}

TEST_P(FilesOf, SharedLocksShareAndKeepAnExclusiveOneOut) {
  auto first = open("f", OpenMode::create);
  const auto second = open("f", OpenMode::write);
  const auto third = open("f", OpenMode::write);
  ASSERT_TRUE(first->try_lock(LockMode::shared));
  ASSERT_TRUE(second->try_lock(LockMode::shared));
  EXPECT_EQ(third->try_lock(LockMode::exclusive).error().code, ErrorCode::busy);
  ASSERT_TRUE(first->close());
  ASSERT_TRUE(second->close());
  EXPECT_TRUE(third->try_lock(LockMode::exclusive));
}

TEST_P(FilesOf, ACloneHasTheContentAndThenGoesItsOwnWay) {
  const auto source = open("source", OpenMode::create);
  const Bytes data = pattern(100'000, 3);
  ASSERT_TRUE(run(source->write_at(scope_, at(0), data)));
  ASSERT_TRUE(run(source->sync(scope_)));
  auto cloned = run(folder_->clone_file(scope_, *source, "copy"));
  if (!cloned && cloned.error().code == ErrorCode::unsupported) GTEST_SKIP() << "this file system cannot clone";
  ASSERT_TRUE(cloned) << cloned.error().text();
  ASSERT_TRUE(run(source->write_at(scope_, at(5000), pattern(10, 4))));
  ASSERT_TRUE(run((*cloned)->write_at(scope_, at(90'000), pattern(10, 5))));
  Bytes out(100'000);
  ASSERT_EQ(run((*cloned)->read_at(scope_, at(0), out)).value(), out.size());
  Bytes expected = data;
  const Bytes own = pattern(10, 5);
  std::copy(own.begin(), own.end(), expected.begin() + 90'000);
  EXPECT_TRUE(out == expected);
  EXPECT_EQ(run(folder_->clone_file(scope_, *source, "copy")).error().code, ErrorCode::already_exists);
}

TEST_P(FilesOf, SyncAndDropCacheKeepTheContent) {
  const auto file = open("f", OpenMode::create);
  const Bytes data = pattern(30'000, 1);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), data)));
  ASSERT_TRUE(run(file->sync(scope_)));
  const auto dropped = run(file->drop_cache(scope_, {.offset = at(0), .size = bytes(30'000)}));
  EXPECT_TRUE(dropped || dropped.error().code == ErrorCode::unsupported);
  Bytes out(30'000);
  ASSERT_EQ(run(file->read_at(scope_, at(0), out)).value(), out.size());
  EXPECT_TRUE(out == data);
}

TEST_P(FilesOf, AnInterruptedScopeStartsNothing) {
  const auto file = open("f", OpenMode::create);
  Scope cancelled(scope_);
  cancelled.cancel();
  EXPECT_EQ(run(file->write_at(cancelled, at(0), pattern(10, 1))).error().code, ErrorCode::cancelled);
  EXPECT_EQ(run(file->facts(scope_)).value().size, bytes(0));
}

TEST_P(FilesOf, AnOpenFileOutlivesItsName) {
  const auto file = open("f", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), pattern(10, 1))));
  ASSERT_TRUE(run(folder_->remove_file(scope_, "f")));
  Bytes out(10);
  ASSERT_EQ(run(file->read_at(scope_, at(0), out)).value(), 10U);
  EXPECT_EQ(out, pattern(10, 1));
}

}  // namespace afterimage::io::conformance
