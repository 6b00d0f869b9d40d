// SPDX-License-Identifier: Apache-2.0
// Failures that no real file system produces at will, put in through the table of system calls.
#include <atomic>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/task_group.h"
#include "tests/io/conformance/stream_pair.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io::posix {
namespace {

// What the calls below do; each failure happens as often as its count says.
struct Faults {
  std::atomic<int> interruptions = 0;  // EINTR before a read, write, resize or hole
  std::atomic<int> short_counts = 0;   // reads and writes of one byte
  std::atomic<int> empty_writes = 0;   // writes of nothing
  std::atomic<int> failed_syncs = 0;   // EIO
  std::atomic<int> syncs_asked = 0;
  std::atomic<int> holes_refused = 0;  // EOPNOTSUPP
  std::atomic<int> failed_closes = 0;  // EIO
  std::atomic<int> failed_seeks = 0;   // EIO
  std::atomic<int> openat2_missing = 0;
  std::atomic<int> noreplace_missing = 0;
};
Faults faults;

bool takes(std::atomic<int>& count) {
  if (count.load() == 0) return false;
  --count;
  return true;
}
int fail_with(int system) {
  errno = system;
  return -1;
}

ssize_t faulty_pread(int fd, void* out, std::size_t size, off_t offset) {
  if (takes(faults.interruptions)) return fail_with(EINTR);
  return ::pread(fd, out, takes(faults.short_counts) ? 1 : size, offset);
}
ssize_t faulty_pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  if (takes(faults.interruptions)) return fail_with(EINTR);
  if (takes(faults.empty_writes)) return 0;
  return ::pwrite(fd, data, takes(faults.short_counts) ? 1 : size, offset);
}
int faulty_sync(int fd) {
  ++faults.syncs_asked;
  if (takes(faults.failed_syncs)) return fail_with(EIO);
  return ::fsync(fd);
}
int faulty_ftruncate(int fd, off_t size) {
  return takes(faults.interruptions) ? fail_with(EINTR) : ::ftruncate(fd, size);
}
int faulty_fallocate(int fd, int mode, off_t offset, off_t size) {
  if (takes(faults.interruptions)) return fail_with(EINTR);
  return takes(faults.holes_refused) ? fail_with(EOPNOTSUPP) : ::fallocate(fd, mode, offset, size);
}
int faulty_close(int fd) {
  const int closed = ::close(fd);
  return takes(faults.failed_closes) ? fail_with(EIO) : closed;
}
off_t faulty_lseek(int fd, off_t offset, int whence) {
  return takes(faults.failed_seeks) ? fail_with(EIO) : ::lseek(fd, offset, whence);
}
int faulty_openat2(int directory, const char* name, const open_how* how) {
  return takes(faults.openat2_missing) ? fail_with(ENOSYS) : kernel_calls().openat2(directory, name, how);
}
int faulty_renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) {
  if (takes(faults.noreplace_missing)) return fail_with(EINVAL);
  return kernel_calls().renameat2(from_directory, from, to_directory, to, flags);
}

SystemCalls faulty_calls() {
  SystemCalls calls = kernel_calls();
  calls.pread = faulty_pread;
  calls.pwrite = faulty_pwrite;
  calls.fdatasync = faulty_sync;
  calls.fsync = faulty_sync;
  calls.ftruncate = faulty_ftruncate;
  calls.fallocate = faulty_fallocate;
  calls.close = faulty_close;
  calls.lseek = faulty_lseek;
  calls.openat2 = faulty_openat2;
  calls.renameat2 = faulty_renameat2;
  return calls;
}
const SystemCalls calls_with_faults = faulty_calls();

class PosixFaults : public PosixTest {
 protected:
  PosixFaults() : PosixTest(&calls_with_faults) {}
  ~PosixFaults() override {
    for (std::atomic<int>* count :
         {&faults.interruptions, &faults.short_counts, &faults.empty_writes, &faults.failed_syncs, &faults.syncs_asked,
          &faults.holes_refused, &faults.failed_closes, &faults.failed_seeks, &faults.openat2_missing,
          &faults.noreplace_missing}) {
      count->store(0);
    }
  }
  Bytes read_back(File& file, std::size_t size) {
    Bytes back = filled(size, 0xee);
    const auto count = run(file.read_at(scope_, at(0), back));
    EXPECT_TRUE(count);
    back.resize(count.value_or(0));
    return back;
  }
};

TEST_F(PosixFaults, InterruptedAndShortCallsAreRepeatedToTheEnd) {
  const auto file = open("file", OpenMode::create);
  Bytes content(5000);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i * 7);
  faults.interruptions = 3;
  faults.short_counts = 20;
  ASSERT_TRUE(run(file->write_at(scope_, at(0), content)));
  EXPECT_EQ(faults.short_counts, 0);
  faults.interruptions = 3;
  faults.short_counts = 20;
  EXPECT_EQ(read_back(*file, content.size() + 100), content);
  faults.interruptions = 2;
  ASSERT_TRUE(run(file->resize(scope_, bytes(4096))));
  faults.interruptions = 2;
  ASSERT_TRUE(run(file->write_zeros(scope_, {.offset = at(0), .size = bytes(4096)})));
  EXPECT_EQ(read_back(*file, 5000), filled(4096, 0));
}

TEST_F(PosixFaults, AWriteThatGetsNowhereIsAnError) {
  const auto file = open("file", OpenMode::create);
  faults.empty_writes = 1;
  EXPECT_EQ(code_of_error(run(file->write_at(scope_, at(0), filled(16, 1)))), ErrorCode::io_failed);
}

TEST_F(PosixFaults, AFailedSyncIsFinalForItsFile) {
  const auto file = open("file", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), filled(16, 1))));
  faults.failed_syncs = 1;
  EXPECT_EQ(code_of_error(run(file->sync(scope_))), ErrorCode::io_failed);
  const int asked = faults.syncs_asked;
  const auto again = run(file->sync(scope_));
  EXPECT_EQ(code_of_error(again), ErrorCode::io_failed);
  EXPECT_NE(again.error().text().find("opened again"), std::string::npos);
  EXPECT_EQ(faults.syncs_asked, asked) << "the kernel must not be asked again: it would say yes";
  EXPECT_EQ(code_of_error(run(file->write_at(scope_, at(0), filled(16, 2)))), ErrorCode::io_failed);
  EXPECT_EQ(code_of_error(run(file->resize(scope_, bytes(0)))), ErrorCode::io_failed);
  EXPECT_EQ(code_of_error(run(file->write_zeros(scope_, {.offset = at(0), .size = bytes(1)}))), ErrorCode::io_failed);
  EXPECT_EQ(read_back(*file, 16), filled(16, 1));
}

Task<void> sync_into(Scope& scope, File& file, Status& out) {
  auto syncing = file.sync(scope);
  out = co_await syncing;
}

TEST_F(PosixFaults, OfTwoSyncsAtOnceNoneIsBelievedWhenOneFails) {
  const auto file = open("file", OpenMode::create);
  faults.failed_syncs = 1;  // the kernel tells one of them
  Status first;
  Status second;
  TaskGroup group(platform_.reactor);
  group.spawn(sync_into(scope_, *file, first));
  group.spawn(sync_into(scope_, *file, second));
  run(group.join());
  EXPECT_EQ(code_of_error(first), ErrorCode::io_failed);
  EXPECT_EQ(code_of_error(second), ErrorCode::io_failed);
}

TEST_F(PosixFaults, AFileOpenedAgainAfterAFailedSyncWorks) {
  auto file = open("file", OpenMode::create);
  faults.failed_syncs = 1;
  EXPECT_FALSE(run(file->sync(scope_)));
  file = open("file", OpenMode::write);
  EXPECT_TRUE(run(file->write_at(scope_, at(0), filled(16, 2))));
  EXPECT_TRUE(run(file->sync(scope_)));
}

TEST_F(PosixFaults, AFailedSyncIsFinalForItsFolder) {
  const auto folder = open_folder();
  faults.failed_syncs = 1;
  EXPECT_EQ(code_of_error(run(folder->sync(scope_))), ErrorCode::io_failed);
  EXPECT_EQ(code_of_error(run(folder->sync(scope_))), ErrorCode::io_failed);
  EXPECT_TRUE(run(open_folder()->sync(scope_)));
}

TEST_F(PosixFaults, ZerosAreWrittenWhereHolesCannotBePunched) {
  const auto file = open("file", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), filled(1 << 20, 7))));
  faults.holes_refused = 1;
  ASSERT_TRUE(run(file->write_zeros(scope_, {.offset = at(10), .size = bytes((1 << 20) - 20)})));
  Bytes expected = filled(1 << 20, 0);
  std::fill_n(expected.begin(), 10, std::byte{7});
  std::fill_n(expected.end() - 10, 10, std::byte{7});
  EXPECT_EQ(read_back(*file, 2 << 20), expected);
}

// Btrfs does not find the extents of a file any more when it could not write its trees; what is cached still reads.
TEST_F(PosixFaults, WhereHolesAreNotFoundEverythingIsData) {
  const auto file = open("file", OpenMode::create);
  ASSERT_TRUE(run(file->resize(scope_, bytes(1 << 20))));
  ASSERT_TRUE(run(file->write_at(scope_, at(1 << 19), filled(4096, 7))));
  faults.failed_seeks = 1;
  const auto all = run(file->next_data(scope_, at(4096)));
  ASSERT_TRUE(all && *all);
  EXPECT_EQ((*all)->offset, at(4096));
  EXPECT_EQ((*all)->size, bytes((1 << 20) - 4096));
  faults.failed_seeks = 1;
  const auto none = run(file->next_data(scope_, at(1 << 20)));
  EXPECT_TRUE(none && !*none);
}

TEST_F(PosixFaults, CloseReportsAndLeavesTheFileClosed) {
  const auto file = open("file", OpenMode::create);
  faults.failed_closes = 1;
  EXPECT_EQ(code_of_error(file->close()), ErrorCode::io_failed);
  EXPECT_EQ(code_of_error(file->close()), ErrorCode::io_failed);
  EXPECT_EQ(code_of_error(run(file->sync(scope_))), ErrorCode::io_failed);
  EXPECT_EQ(code_of_error(file->try_lock(LockMode::shared)), ErrorCode::io_failed);
}

TEST_F(PosixFaults, WithoutOpenat2LinksAreRefusedAllTheSame) {
  const auto folder = open_folder();
  ASSERT_EQ(::symlink("/etc/passwd", path("link").c_str()), 0);
  faults.openat2_missing = 3;
  EXPECT_EQ(code_of_error(run(folder->open_file(scope_, "link", OpenMode::read))), ErrorCode::refused);
  EXPECT_TRUE(run(folder->open_file(scope_, "file", OpenMode::create)));
  EXPECT_TRUE(run(folder->make_directory(scope_, "inner")));
  EXPECT_EQ(faults.openat2_missing, 0);
}

TEST_F(PosixFaults, WithoutNoreplaceATakenNameIsRefusedAllTheSame) {
  const auto folder = open_folder();
  ASSERT_TRUE(run(folder->open_file(scope_, "a", OpenMode::create)));
  ASSERT_TRUE(run(folder->open_file(scope_, "b", OpenMode::create)));
  faults.noreplace_missing = 2;
  EXPECT_EQ(code_of_error(run(folder->rename_new(scope_, "a", "b"))), ErrorCode::already_exists);
  EXPECT_TRUE(run(folder->rename_new(scope_, "a", "c")));
  const auto entries = run(folder->list(scope_));
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].name, "b");
  EXPECT_EQ((*entries)[1].name, "c");
}

// Failures of accept that belong to one connection that was waiting.
int aborted_accepts = 0;
int accept4_after_aborts(int fd, sockaddr* address, socklen_t* size, int flags) {
  constexpr int errors[] = {ECONNABORTED, EPROTO, EINTR, ENETDOWN, EHOSTUNREACH};
  if (aborted_accepts < static_cast<int>(std::size(errors))) {
    errno = errors[aborted_accepts++];
    return -1;
  }
  return ::accept4(fd, address, size, flags);
}
SystemCalls calls_with_aborts() {
  SystemCalls calls = kernel_calls();
  calls.accept4 = accept4_after_aborts;
  return calls;
}
const SystemCalls aborting_calls = calls_with_aborts();

class PosixAccept : public PosixTest {
 protected:
  PosixAccept() : PosixTest(&aborting_calls) {}
};

TEST_F(PosixAccept, ABrokenConnectionInTheQueueDoesNotEndTheListener) {
  aborted_accepts = 0;
  const auto pair =
      run(conformance::make_stream_pair(platform_.network, platform_.reactor, scope_, Endpoint{.host = "127.0.0.1"}));
  EXPECT_TRUE(pair) << pair.error().text();
  EXPECT_EQ(aborted_accepts, 5);
}

}  // namespace
}  // namespace afterimage::io::posix
