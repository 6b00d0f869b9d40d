// SPDX-License-Identifier: Apache-2.0
// Answers that no real kernel gives at will, put in where completions are read.
#include <algorithm>
#include <cerrno>

#include <liburing.h>

#include "io/task_group.h"
#include "tests/io/conformance/stream_pair.h"
#include "tests/io/uring/fixture.h"

namespace afterimage::io::uring {
namespace {

using posix::code_of_error;
using posix::filled;

// Each happens as often as its count says.
struct Faults {
  int interruptions = 0;  // EINTR of a read or write
  int short_counts = 0;   // reads and writes of one byte
  int empty_writes = 0;   // writes of nothing
  int failed_syncs = 0;   // EIO
  int syncs_asked = 0;
  int aborted_accepts = 0;
};
Faults faults;

bool takes(int& count) { return count > 0 && count-- > 0; }

int faulty(int opcode, int result) {
  if (opcode == IORING_OP_FSYNC) {
    ++faults.syncs_asked;
    return takes(faults.failed_syncs) ? -EIO : result;
  }
  if (opcode == IORING_OP_ACCEPT && takes(faults.aborted_accepts)) {
    constexpr int errors[] = {ECONNABORTED, EPROTO, EINTR, ENETDOWN, EHOSTUNREACH};
    ::close(result);
    return -errors[faults.aborted_accepts % 5];
  }
  if (opcode != IORING_OP_READ && opcode != IORING_OP_WRITE) return result;
  if (takes(faults.interruptions)) return -EINTR;
  if (opcode == IORING_OP_WRITE && takes(faults.empty_writes)) return 0;
  return result > 0 && takes(faults.short_counts) ? 1 : result;
}

class UringFaults : public UringTest {
 protected:
  UringFaults() : UringTest({.results = faulty}) { faults = {}; }
  Bytes read_back(File& file, std::size_t size) {
    Bytes back = filled(size, 0xee);
    const auto count = run(file.read_at(*scope_, posix::at(0), back));
    EXPECT_TRUE(count);
    back.resize(count.value_or(0));
    return back;
  }
};

TEST_F(UringFaults, InterruptedAndShortAnswersAreGoneOnFrom) {
  const auto file = open("file", OpenMode::create);
  Bytes content(5000);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i * 7);
  faults.interruptions = 3;
  faults.short_counts = 20;
  ASSERT_TRUE(run(file->write_at(*scope_, posix::at(0), content)));
  EXPECT_EQ(faults.short_counts, 0);
  faults.interruptions = 3;
  faults.short_counts = 20;
  EXPECT_EQ(read_back(*file, content.size() + 100), content);
  EXPECT_EQ(faults.short_counts, 0);
}

TEST_F(UringFaults, AWriteThatGetsNowhereIsAnError) {
  const auto file = open("file", OpenMode::create);
  faults.empty_writes = 1;
  EXPECT_EQ(code_of_error(run(file->write_at(*scope_, posix::at(0), filled(16, 1)))), ErrorCode::io_failed);
}

TEST_F(UringFaults, AFailedSyncIsFinalForItsFile) {
  auto file = open("file", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(*scope_, posix::at(0), filled(16, 1))));
  faults.failed_syncs = 1;
  const auto first = run(file->sync(*scope_));
  EXPECT_EQ(code_of_error(first), ErrorCode::io_failed);
  EXPECT_NE(first.error().text().find("/file"), std::string::npos) << first.error().text();
  const int asked = faults.syncs_asked;
  EXPECT_EQ(code_of_error(run(file->sync(*scope_))), ErrorCode::io_failed);
  EXPECT_EQ(faults.syncs_asked, asked) << "the kernel must not be asked again: it would say yes";
  EXPECT_EQ(code_of_error(run(file->write_at(*scope_, posix::at(0), filled(16, 2)))), ErrorCode::io_failed);
  EXPECT_EQ(code_of_error(run(file->resize(*scope_, posix::bytes(0)))), ErrorCode::io_failed);
  EXPECT_EQ(read_back(*file, 16), filled(16, 1));
  file = open("file", OpenMode::write);
  EXPECT_TRUE(run(file->write_at(*scope_, posix::at(0), filled(16, 2))));
  EXPECT_TRUE(run(file->sync(*scope_)));
}

Task<void> sync_into(Scope& scope, File& file, Status& out) {
  auto syncing = file.sync(scope);
  out = co_await syncing;
}

TEST_F(UringFaults, OfTwoSyncsAtOnceNoneIsBelievedWhenOneFails) {
  const auto file = open("file", OpenMode::create);
  faults.failed_syncs = 1;  // the kernel tells one of them
  Status first;
  Status second;
  TaskGroup group(platform_->reactor);
  group.spawn(sync_into(*scope_, *file, first));
  group.spawn(sync_into(*scope_, *file, second));
  run(group.join());
  EXPECT_EQ(code_of_error(first), ErrorCode::io_failed);
  EXPECT_EQ(code_of_error(second), ErrorCode::io_failed);
}

Task<void> connect_often(Scope& scope, Network& network, Endpoint to, int times) {
  for (int i = 0; i < times; ++i) {
    auto connecting = network.connect(scope, to);
    const auto stream = co_await connecting;
    EXPECT_TRUE(stream);
  }
}

TEST_F(UringFaults, ABrokenConnectionInTheQueueDoesNotEndTheListener) {
  const auto listener = listen();
  faults.aborted_accepts = 5;
  TaskGroup group(platform_->reactor);
  group.spawn(connect_often(*scope_, platform_->network, listener->local(), 6));
  EXPECT_TRUE(unwrap(run(listener->accept(*scope_))));
  EXPECT_EQ(faults.aborted_accepts, 0);
  run(group.join());
}

}  // namespace
}  // namespace afterimage::io::uring
