// SPDX-License-Identifier: Apache-2.0
// What only a real kernel can show: links, devices, a full file system, locks between processes, shared blocks.
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/task_group.h"
#include "tests/io/posix/fixture.h"

namespace afterimage::io::posix {
namespace {

class PosixDiskTest : public PosixTest {};

TEST_F(PosixDiskTest, NewFilesAreForTheirOwnerOnly) {
  const auto folder = open_folder();
  const auto file = unwrap(run(folder->open_file(scope_, "fresh", OpenMode::create)));
  const auto inner = unwrap(run(folder->make_directory(scope_, "inner")));
  struct stat status{};
  ASSERT_EQ(::stat(path("fresh").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  ASSERT_EQ(::stat(path("inner").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST_F(PosixDiskTest, LinksInsideAFolderAreRefused) {
  std::ofstream(path("target")) << "content";
  ASSERT_EQ(::symlink("target", path("link").c_str()), 0);
  ASSERT_EQ(::symlink("/etc", path("out").c_str()), 0);
  const auto folder = open_folder();
  for (const OpenMode mode : {OpenMode::read, OpenMode::write, OpenMode::open_or_create}) {
    EXPECT_EQ(code_of_error(run(folder->open_file(scope_, "link", mode))), ErrorCode::refused);
  }
  EXPECT_FALSE(run(folder->open_directory(scope_, "out")));
  EXPECT_FALSE(run(folder->make_directory(scope_, "out")));
}

TEST_F(PosixDiskTest, LinksInPathsOfPeopleAreFollowed) {
  std::ofstream(path("target")) << "content";
  ASSERT_EQ(::symlink("target", path("link").c_str()), 0);
  const auto file = open("link", OpenMode::read);
  ASSERT_TRUE(file);
  EXPECT_EQ(run(file->facts(scope_))->size, bytes(7));
}

TEST_F(PosixDiskTest, NamesThatLeadElsewhereAreRefused) {
  const auto folder = open_folder();
  const std::string with_nul("a\0b", 3);
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                  std::string("/etc/passwd"), with_nul, std::string(256, 'x')}) {
    EXPECT_EQ(code_of_error(run(folder->open_file(scope_, name, OpenMode::open_or_create))),
              ErrorCode::invalid_argument);
    EXPECT_EQ(code_of_error(run(folder->make_directory(scope_, name))), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of_error(run(folder->remove_file(scope_, name))), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of_error(run(folder->replace(scope_, "x", name))), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of_error(run(folder->rename_new(scope_, name, "x"))), ErrorCode::invalid_argument);
  }
  EXPECT_EQ(code_of_error(run(platform_.disk.open_file(scope_, "relative", OpenMode::read))),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code_of_error(run(platform_.disk.open_file(scope_, "/a" + with_nul, OpenMode::read))),
            ErrorCode::invalid_argument);
}

TEST_F(PosixDiskTest, WhatIsNoFileIsRefusedWithoutHanging) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(code_of_error(run(platform_.disk.open_file(scope_, path("pipe"), OpenMode::read))),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code_of_error(run(platform_.disk.open_file(scope_, "/dev/null", OpenMode::write))),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code_of_error(run(platform_.disk.open_file(scope_, folder_.path(), OpenMode::read))),
            ErrorCode::invalid_argument);
  EXPECT_EQ(code_of_error(run(platform_.disk.open_file(scope_, folder_.path(), OpenMode::write))),
            ErrorCode::invalid_argument);
}

TEST_F(PosixDiskTest, ErrorsNameTheFileAndTheReason) {
  const auto missing = run(platform_.disk.open_file(scope_, path("missing"), OpenMode::read));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().text(), "cannot open " + path("missing") + ": No such file or directory");
}

// Kernels before 6.5 would take it for "never wait" in io_uring.
TEST_F(PosixDiskTest, NoDescriptorIsLeftNonBlocking) {
  const auto held = open("file", OpenMode::create);
  const std::string name = std::filesystem::canonical(path("file"));
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (std::filesystem::read_symlink(entry.path(), gone) != name) continue;
    ++seen;
    EXPECT_EQ(::fcntl(std::stoi(entry.path().filename()), F_GETFL) & O_NONBLOCK, 0);
  }
  EXPECT_EQ(seen, 1);
}

TEST_F(PosixDiskTest, OffsetsNoFileCanReachAreRefused) {
  const auto file = open("file", OpenMode::create);
  Bytes buffer = filled(16, 0);
  const std::uint64_t last = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(code_of_error(run(file->read_at(scope_, at(last), buffer))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of_error(run(file->write_at(scope_, at(~std::uint64_t{0}), buffer))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of_error(run(file->resize(scope_, bytes(last + 1)))), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of_error(run(file->write_zeros(scope_, {.offset = at(0), .size = bytes(1)}))),
            ErrorCode::invalid_argument);
}

TEST_F(PosixDiskTest, PunchedRangesBecomeHoles) {
  const auto file = open("file", OpenMode::create);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), filled(1 << 20, 7))));
  ASSERT_TRUE(run(file->sync(scope_)));
  const std::uint64_t before = run(file->facts(scope_))->allocated.value();
  ASSERT_TRUE(run(file->write_zeros(scope_, {.offset = at(0), .size = bytes(1 << 19)})));
  const auto facts = run(file->facts(scope_));
  EXPECT_EQ(facts->size, bytes(1 << 20));
  EXPECT_LT(facts->allocated.value(), before);
  const auto data = run(file->next_data(scope_, at(0)));
  ASSERT_TRUE(data && data->has_value());
  EXPECT_EQ((*data)->offset, at(1 << 19));
  EXPECT_EQ((*data)->end(), at(1 << 20));
}

TEST_F(PosixDiskTest, AFullFileSystemIsAnErrorThatLeavesTheRestReadable) {
  const Mounted small("-t tmpfs -o size=1m none", folder_.path());
  if (!small.is_mounted()) GTEST_SKIP() << "mounting a tmpfs is refused here (needs root)";
  auto folder = open_folder();
  EXPECT_LE(run(folder->free_space(scope_))->value(), 1U << 20);
  auto file = unwrap(run(folder->open_file(scope_, "file", OpenMode::create)));
  const Bytes content = filled(512 << 10, 3);
  ASSERT_TRUE(run(file->write_at(scope_, at(0), content)));
  const auto too_much = run(file->write_at(scope_, at(1 << 20), filled(1 << 20, 4)));
  EXPECT_EQ(code_of_error(too_much), ErrorCode::no_space);
  EXPECT_NE(too_much.error().text().find("No space left"), std::string::npos);
  Bytes back = filled(content.size(), 0);
  EXPECT_EQ(run(file->read_at(scope_, at(0), back)), content.size());
  EXPECT_EQ(back, content);
  file.reset();  // before the unmounting
  folder.reset();
}

// In a process of its own: locks the file at `path`, says so through the pipe, and holds it until it is killed.
pid_t hold_lock_elsewhere(const std::string& path, int say) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  const int fd = ::open(path.c_str(), O_RDWR);
  struct flock lock{};
  lock.l_type = F_WRLCK;
  const char word = ::fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 'y' : 'n';
  if (::write(say, &word, 1) != 1) ::_exit(1);
  for (;;) ::pause();
}

TEST_F(PosixDiskTest, ALockHoldsBetweenProcessesUntilTheHolderDies) {
  const auto file = open("lock", OpenMode::create);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const pid_t child = hold_lock_elsewhere(path("lock"), pipe[1]);
  ASSERT_GT(child, 0);
  char word = 0;
  ASSERT_EQ(::read(pipe[0], &word, 1), 1);
  EXPECT_EQ(word, 'y');
  EXPECT_EQ(code_of_error(file->try_lock(LockMode::exclusive)), ErrorCode::busy);
  EXPECT_EQ(code_of_error(file->try_lock(LockMode::shared)), ErrorCode::busy);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(file->try_lock(LockMode::exclusive));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_F(PosixDiskTest, MadeFoldersMayBeDeepAndMayBeThere) {
  const auto deep = unwrap(run(platform_.disk.make_directory(scope_, path("a/b/c"))));
  ASSERT_TRUE(deep);
  EXPECT_TRUE(unwrap(run(platform_.disk.make_directory(scope_, path("a/b/c")))));
  EXPECT_TRUE(unwrap(run(platform_.disk.make_directory(scope_, path("a/x/")))));
  EXPECT_TRUE(unwrap(run(platform_.disk.make_directory(scope_, "/"))));
  std::ofstream(path("file")) << "in the way";
  EXPECT_FALSE(run(platform_.disk.make_directory(scope_, path("file"))));
  EXPECT_FALSE(run(platform_.disk.make_directory(scope_, path("file/below"))));
}

TEST_F(PosixDiskTest, ClonesShareBlocksWhereTheFileSystemCan) {
  const std::string image = path("btrfs.image");
  const std::string mounted_at = path("mounted");
  ASSERT_EQ(::mkdir(mounted_at.c_str(), 0700), 0);
  const std::string make = "truncate -s 256M " + image + " && mkfs.btrfs -q " + image + " >/dev/null 2>&1";
  if (std::system(make.c_str()) != 0) GTEST_SKIP() << "mkfs.btrfs is not here";
  const Mounted btrfs("-o loop " + image, mounted_at);
  if (!btrfs.is_mounted()) GTEST_SKIP() << "mounting btrfs is refused here (needs root and a loop device)";
  const auto clone_and_check = [&] {
    const auto folder = unwrap(run(platform_.disk.open_directory(scope_, mounted_at)));
    const auto source = unwrap(run(folder->open_file(scope_, "source", OpenMode::create)));
    const Bytes content = filled(1 << 20, 9);
    ASSERT_TRUE(run(source->write_at(scope_, at(0), content)));
    const auto clone = unwrap(run(folder->clone_file(scope_, *source, "clone")));
    ASSERT_TRUE(clone);
    ASSERT_TRUE(run(source->write_at(scope_, at(0), filled(4096, 1))));
    Bytes back = filled(content.size(), 0);
    ASSERT_TRUE(run(clone->read_at(scope_, at(0), back)));
    EXPECT_EQ(back, content);
    EXPECT_EQ(code_of_error(run(folder->clone_file(scope_, *source, "clone"))), ErrorCode::already_exists);
  };
  clone_and_check();
}

TEST_F(PosixDiskTest, ACloneAcrossFileSystemsIsUnsupportedAndLeavesNothing) {
  const std::string mounted_at = path("mounted");
  ASSERT_EQ(::mkdir(mounted_at.c_str(), 0700), 0);
  const Mounted other("-t tmpfs -o size=1m none", mounted_at);
  if (!other.is_mounted()) GTEST_SKIP() << "mounting a tmpfs is refused here (needs root)";
  const auto source = open("source", OpenMode::create);
  const auto folder = unwrap(run(platform_.disk.open_directory(scope_, mounted_at)));
  EXPECT_EQ(code_of_error(run(folder->clone_file(scope_, *source, "clone"))), ErrorCode::unsupported);
  EXPECT_TRUE(run(folder->list(scope_))->empty());
  EXPECT_EQ(code_of_error(run(folder->remove_file(scope_, "clone"))), ErrorCode::not_found);
}

// A block device made of a file, given back at the end.
class LoopDevice {
 public:
  explicit LoopDevice(const std::string& file) {
    FILE* out = ::popen(("losetup -f --show " + file + " 2>/dev/null").c_str(), "r");
    std::array<char, 64> line{};
    if (out != nullptr && std::fgets(line.data(), line.size(), out) != nullptr) path_ = line.data();
    if (out != nullptr) ::pclose(out);
    while (path_.ends_with('\n')) path_.pop_back();
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  ~LoopDevice() {
    if (!path_.empty() && std::system(("losetup -d " + path_).c_str()) != 0) std::abort();
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST_F(PosixDiskTest, ABlockDeviceIsAFileOfItsSize) {
  std::ofstream(path("image")).flush();
  ASSERT_EQ(::truncate(path("image").c_str(), 1 << 20), 0);
  const LoopDevice device(path("image"));
  if (device.path().empty()) GTEST_SKIP() << "there is no loop device here (needs root)";
  const auto file = unwrap(run(platform_.disk.open_file(scope_, device.path(), OpenMode::write)));
  ASSERT_TRUE(file);
  EXPECT_EQ(run(file->facts(scope_))->size, bytes(1 << 20));
  ASSERT_TRUE(run(file->write_at(scope_, at(4096), filled(8192, 5))));
  ASSERT_TRUE(run(file->sync(scope_)));
  ASSERT_TRUE(run(file->write_zeros(scope_, {.offset = at(4096), .size = bytes(4096)})));
  ASSERT_TRUE(run(file->write_zeros(scope_, {.offset = at(8192), .size = bytes(100)})));  // not aligned
  Bytes back = filled(8192, 1);
  ASSERT_EQ(run(file->read_at(scope_, at(4096), back)), back.size());
  Bytes expected = filled(8192, 5);
  std::fill_n(expected.begin(), 4096 + 100, std::byte{0});
  EXPECT_EQ(back, expected);
  const auto data = run(file->next_data(scope_, at(0)));
  ASSERT_TRUE(data && data->has_value());
  EXPECT_EQ((*data)->offset, at(0));
  EXPECT_EQ(code_of_error(run(file->write_at(scope_, at(1 << 20), filled(1, 1)))), ErrorCode::no_space);
}

TEST_F(PosixDiskTest, ACancelledScopeStartsNothing) {
  const auto folder = open_folder();
  Scope cancelled(scope_);
  cancelled.cancel();
  EXPECT_EQ(code_of_error(run(folder->open_file(cancelled, "file", OpenMode::create))), ErrorCode::cancelled);
  EXPECT_TRUE(run(folder->list(scope_))->empty());
}

Task<void> write_and_read(Scope& scope, Directory& folder, unsigned number, unsigned& right) {
  const std::string name = "file" + std::to_string(number);
  auto opening = folder.open_file(scope, name, OpenMode::create);
  const auto file = co_await opening;
  if (!file) co_return;
  const Bytes content = filled(64 << 10, number);
  auto writing = (*file)->write_at(scope, at(number), content);
  const Status written = co_await writing;
  Bytes back = filled(content.size() + 1, 0);
  auto reading = (*file)->read_at(scope, at(number), back);
  const auto count = co_await reading;
  back.pop_back();
  if (written && count == content.size() && back == content) ++right;
}

TEST_F(PosixDiskTest, ManyFilesAreServedAtOnceAndNoDescriptorLeaks) {
  const std::size_t before = open_descriptors();
  constexpr unsigned files = 200;
  unsigned right = 0;
  {
    const auto folder = open_folder();
    TaskGroup group(platform_.reactor);
    for (unsigned i = 0; i < files; ++i) group.spawn(write_and_read(scope_, *folder, i, right));
    run(group.join());
    EXPECT_EQ(run(folder->list(scope_))->size(), files);
  }
  EXPECT_EQ(right, files);
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace afterimage::io::posix
