// SPDX-License-Identifier: Apache-2.0
// Injected faults of the disk, and the lies of a failed sync.
#include <string>

#include "io/task_group.h"
#include "tests/io/sim/sim_host.h"

namespace afterimage::io::sim {
namespace {

class DiskFaults : public testing::Test {
 protected:
  [[nodiscard]] Result<std::string> read(File& file, std::size_t size) {
    Bytes out(size);
    AFI_TRY(const std::size_t count, run(world_, file.read_at(host_.scope(), ByteOffset{}, out)));
    return std::string(text_of(ByteView(out).first(count)));
  }
  void write_old() { ASSERT_TRUE(host_.disk().write("/d/f", ByteOffset{}, view_of("old"), Persistence::synced)); }

  World world_{{.seed = 5}};
  SimHost host_{world_, "host"};
};

TEST_F(DiskFaults, FailNextStrikesThatKindThatOften) {
  const auto file = host_.open("f", OpenMode::create);
  host_.disk().fail_next(OperationKind::write, ENOSPC, 2);
  EXPECT_TRUE(host_.sync_folder());
  EXPECT_EQ(host_.write(*file, 0, view_of("a")).error().code, ErrorCode::no_space);
  EXPECT_EQ(host_.write(*file, 0, view_of("a")).error().code, ErrorCode::no_space);
  EXPECT_TRUE(host_.write(*file, 0, view_of("a")));
  EXPECT_EQ(host_.disk().faults_injected(), 2U);
}

TEST_F(DiskFaults, ALostWriteIsShownUntilTheCacheIsForgotten) {
  write_old();
  const auto file = host_.open("f", OpenMode::write);
  host_.disk().fail_next(OperationKind::write, lost_write);
  EXPECT_TRUE(host_.write(*file, 0, view_of("new and longer")));
  EXPECT_TRUE(run(world_, file->sync(host_.scope())));
  EXPECT_EQ(read(*file, 14), "new and longer");
  ASSERT_EQ(host_.disk().misdeeds().size(), 1U);
  EXPECT_EQ(host_.disk().misdeeds().front().path, "/d/f");
  host_.disk().evict_cache();
  EXPECT_EQ(read(*file, 3), "old");
  EXPECT_EQ(read(*file, 14)->size(), 14U);  // its size was not lost
}

TEST_F(DiskFaults, AMisdirectedWriteSpoilsAnotherPlaceOfTheFile) {
  const std::string before(4 * 512, 'a');
  ASSERT_TRUE(host_.disk().write("/d/f", ByteOffset{}, view_of(before), Persistence::synced));
  const auto file = host_.open("f", OpenMode::write);
  host_.disk().fail_next(OperationKind::write, misdirected_write);
  EXPECT_TRUE(host_.write(*file, 4 * 512, view_of("here")));
  EXPECT_EQ(host_.disk().misdeeds().size(), 2U);
  host_.disk().evict_cache();
  const std::string after = *read(*file, 4 * 512 + 4);
  EXPECT_NE(after.substr(0, before.size()), before);
  EXPECT_NE(after.find("here"), std::string::npos);
  EXPECT_NE(after.substr(before.size()), "here");
}

TEST_F(DiskFaults, RotIsHealedUnlessItWasWrittenOver) {
  write_old();
  const auto file = host_.open("f", OpenMode::write);
  ASSERT_TRUE(host_.disk().rot("/d/f", ByteOffset(std::uint64_t{1}), std::byte{1}));
  EXPECT_EQ(read(*file, 3), "omd");
  EXPECT_TRUE(host_.disk().heal("/d/f"));
  EXPECT_EQ(read(*file, 3), "old");
  ASSERT_TRUE(host_.disk().rot("/d/f", ByteOffset(std::uint64_t{1}), std::byte{1}));
  EXPECT_TRUE(host_.write(*file, 0, view_of("new")));
  EXPECT_FALSE(host_.disk().heal("/d/f"));
  EXPECT_EQ(read(*file, 3), "new");
}

TEST_F(DiskFaults, AFolderThatWasMovedAwayComesBackWithWhatItHad) {
  write_old();
  ASSERT_TRUE(host_.disk().move("/d", "/away"));
  EXPECT_FALSE(host_.disk().exists("/d/f"));
  EXPECT_EQ(host_.disk().files_below("/away").size(), 1U);
  ASSERT_TRUE(host_.disk().move("/away", "/d"));
  EXPECT_TRUE(host_.disk().read_durable("/d/f").has_value());
}

TEST_F(DiskFaults, AStickyFaultStaysUntilCleared) {
  const auto file = host_.open("f", OpenMode::create);
  host_.disk().add_fault({.match = {.kind = OperationKind::write, .path_part = "/f"}, .count = forever});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(host_.write(*file, 0, view_of("a")).error().code, ErrorCode::io_failed);
  const auto other = host_.open("other", OpenMode::create);
  EXPECT_TRUE(host_.write(*other, 0, view_of("a")));
  host_.disk().clear_faults();
  EXPECT_TRUE(host_.write(*file, 0, view_of("a")));
}

TEST_F(DiskFaults, AnOperationThatNeverEndsStaysKnownWhenItsScopeIsCancelledAndEndsWhenTheDiskIsWell) {
  const auto file = host_.open("f", OpenMode::create);
  host_.disk().add_fault({.match = {.kind = OperationKind::sync}, .error = never_ends});
  Scope scope(host_.scope());
  bool done = false;
  auto syncing = [](File& of, Scope& within, bool& ended) -> Task<void> {
    auto task = of.sync(within);
    ended = (co_await task).has_value();
  };
  TaskGroup tasks(scope.reactor());
  tasks.spawn(syncing(*file, scope, done));
  EXPECT_EQ(world_.run_for(std::chrono::hours(1)).stop, Stop::done);
  ASSERT_NE(scope.oldest_on_disk(), nullptr);
  EXPECT_EQ(scope.oldest_on_disk()->file_path, "/d/f");
  scope.cancel();
  (void)world_.run_for(std::chrono::minutes(1));
  ASSERT_NE(scope.oldest_on_disk(), nullptr);
  EXPECT_EQ(std::string_view(scope.oldest_pending()->name), "sync");
  EXPECT_GE(host_.platform().reactor.now() - scope.oldest_on_disk()->started, std::chrono::minutes(61));
  host_.disk().clear_faults();
  (void)world_.run_for(std::chrono::minutes(1));
  EXPECT_TRUE(done);
  EXPECT_EQ(scope.oldest_pending(), nullptr);
}

TEST_F(DiskFaults, AScopeCountsWhatEndedUnderItAndAReactorShowsWhatIsPendingUnderAnyScope) {
  const auto file = host_.open("f", OpenMode::create);
  Scope parent(host_.scope());
  const std::uint64_t before = parent.ended();
  {
    Scope child(parent);
    auto task = file->sync(child);
    EXPECT_TRUE(run(world_, std::move(task)).has_value());
  }
  EXPECT_EQ(parent.ended(), before + 1);
  Scope root(host_.platform().reactor);
  LongOperation waiting(root, "wait for an answer", "beta", Pace::slow);
  bool seen = false;
  visit_operations(host_.platform().reactor,
                   [&](const Operation& operation) { seen = seen || &operation == &waiting; });
  EXPECT_TRUE(seen);
  root.cancel();
  EXPECT_EQ(root.oldest_on_peer(), &waiting);  // its steps end by themselves
}

TEST_F(DiskFaults, TheNthOperationFailsWhateverItIs) {
  const auto file = host_.open("f", OpenMode::create);
  host_.disk().fail_operation_number(world_.operations(host_.node()) + 2);
  EXPECT_TRUE(host_.write(*file, 0, view_of("a")));
  EXPECT_EQ(host_.sync_folder().error().code, ErrorCode::io_failed);
  EXPECT_TRUE(host_.write(*file, 0, view_of("a")));
}

TEST_F(DiskFaults, AFolderWhoseSyncFailedMayStayFailedUntilItIsOpenedAgain) {
  int stayed = 0;
  for (int i = 0; i < 40; ++i) {
    auto folder = run(world_, host_.platform().disk.open_directory(host_.scope(), "/d"));
    ASSERT_TRUE(folder);
    host_.disk().fail_next(OperationKind::sync_directory);
    EXPECT_FALSE(run(world_, (*folder)->sync(host_.scope())));
    stayed += run(world_, (*folder)->sync(host_.scope())) ? 0 : 1;
    folder = run(world_, host_.platform().disk.open_directory(host_.scope(), "/d"));
    EXPECT_TRUE(run(world_, (*folder)->sync(host_.scope())));
  }
  EXPECT_GT(stayed, 5);
  EXPECT_LT(stayed, 35);
}

TEST_F(DiskFaults, SkipLetsSomePass) {
  const auto file = host_.open("f", OpenMode::create);
  host_.disk().add_fault({.match = {.kind = OperationKind::write, .skip = 2}});
  EXPECT_TRUE(host_.write(*file, 0, view_of("a")));
  EXPECT_TRUE(host_.write(*file, 0, view_of("a")));
  EXPECT_FALSE(host_.write(*file, 0, view_of("a")));
  EXPECT_TRUE(host_.write(*file, 0, view_of("a")));
}

TEST_F(DiskFaults, AFailedSyncShowsTheNewContentUntilTheCacheIsDropped) {
  write_old();
  const auto file = host_.open("f", OpenMode::write);
  ASSERT_TRUE(host_.write(*file, 0, view_of("new")));
  host_.disk().fail_next(OperationKind::sync);
  EXPECT_EQ(host_.sync(*file).error().code, ErrorCode::io_failed);
  EXPECT_EQ(read(*file, 10).value(), "new");
  ASSERT_TRUE(
      run(world_, file->drop_cache(host_.scope(), {.offset = ByteOffset{}, .size = ByteCount(std::uint64_t{3})})));
  EXPECT_EQ(read(*file, 10).value(), "old");
}

TEST_F(DiskFaults, AFailedSyncIsFinalForItsFileAndForgottenByTheNextOne) {
  write_old();
  const auto file = host_.open("f", OpenMode::write);
  ASSERT_TRUE(host_.write(*file, 0, view_of("new")));
  host_.disk().fail_next(OperationKind::sync);
  EXPECT_FALSE(host_.sync(*file));
  EXPECT_EQ(host_.sync(*file).error().code, ErrorCode::io_failed);
  EXPECT_EQ(host_.write(*file, 0, view_of("x")).error().code, ErrorCode::io_failed);
  // As on ext4: a file opened afterwards hears nothing of it, reads the new content, and loses it in a power cut.
  const auto again = host_.open("f", OpenMode::write);
  EXPECT_TRUE(host_.sync(*again));
  EXPECT_EQ(read(*again, 10).value(), "new");
  host_.crash_and_restart(CrashKind::power_cut);
  EXPECT_EQ(host_.content("f"), "old");
}

TEST_F(DiskFaults, EveryFileThatWasOpenHearsOnceOfAFailedSync) {
  write_old();
  const auto writer = host_.open("f", OpenMode::write);
  const auto witness = host_.open("f", OpenMode::read);
  ASSERT_TRUE(host_.write(*writer, 0, view_of("new")));
  host_.disk().fail_next(OperationKind::sync);
  EXPECT_FALSE(host_.sync(*writer));
  EXPECT_FALSE(host_.sync(*witness));
}

TEST_F(DiskFaults, AFullDiskTakesAPartAndSaysNoSpace) {
  host_.disk().set_capacity(ByteCount(std::uint64_t{10 * 4096}));
  const auto file = host_.open("f", OpenMode::create);
  EXPECT_TRUE(host_.write(*file, 0, view_of(std::string(8 * 4096, 'x'))));
  EXPECT_EQ(run(world_, host_.folder().free_space(host_.scope())).value(), ByteCount(std::uint64_t{2 * 4096}));
  EXPECT_EQ(host_.write(*file, 8 * 4096, view_of(std::string(4 * 4096, 'x'))).error().code, ErrorCode::no_space);
  EXPECT_TRUE(host_.write(*file, 0, view_of("over what is there")));
  ASSERT_TRUE(run(world_, host_.folder().remove_file(host_.scope(), "f")));
  EXPECT_GT(host_.disk().used().value(), 0U) << "an open file keeps its space";
}

TEST_F(DiskFaults, SpaceComesBackWhenAFileIsGone) {
  {
    const auto file = host_.open("f", OpenMode::create);
    EXPECT_TRUE(host_.write(*file, 0, view_of(std::string(8 * 4096, 'x'))));
  }
  ASSERT_TRUE(run(world_, host_.folder().remove_file(host_.scope(), "f")));
  EXPECT_TRUE(host_.sync_folder());
  EXPECT_EQ(host_.disk().used().value(), 0U);
}

TEST_F(DiskFaults, RotIsReadAsIfItWereContent) {
  write_old();
  ASSERT_TRUE(host_.disk().rot("/d/f", ByteOffset(std::uint64_t{1}), std::byte{1}));
  EXPECT_EQ(host_.content("f"), "omd");
  host_.crash_and_restart(CrashKind::power_cut);
  EXPECT_EQ(host_.content("f"), "omd");
  EXPECT_FALSE(host_.disk().rot("/d/f", ByteOffset(std::uint64_t{3}), std::byte{1}));
}

TEST_F(DiskFaults, UnreadableSectorsFailUntilTheyAreWritten) {
  write_old();
  ASSERT_TRUE(host_.disk().make_unreadable("/d/f", {.offset = ByteOffset{}, .size = ByteCount(std::uint64_t{3})}));
  const auto file = host_.open("f", OpenMode::write);
  EXPECT_EQ(read(*file, 10).error().code, ErrorCode::io_failed);
  ASSERT_TRUE(host_.write(*file, 0, view_of("new")));
  EXPECT_EQ(read(*file, 10).value(), "new");
}

TEST_F(DiskFaults, RatesStrikeNowAndThen) {
  const auto file = host_.open("f", OpenMode::create);
  host_.disk().set_rates({.write = 200'000});
  int failed = 0;
  for (int i = 0; i < 1000; ++i) failed += host_.write(*file, 0, view_of("a")) ? 0 : 1;
  EXPECT_GT(failed, 100);
  EXPECT_LT(failed, 300);
}

TEST_F(DiskFaults, ASlowDiskTakesItsTime) {
  const auto file = host_.open("f", OpenMode::create);
  world_.set_disk_delay(host_.node(), {.min = std::chrono::seconds(2), .max = std::chrono::seconds(2)});
  const MonotonicTime before = world_.now();
  EXPECT_TRUE(host_.write(*file, 0, view_of("a")));
  EXPECT_EQ(world_.now() - before, std::chrono::seconds(2));
}

TEST_F(DiskFaults, AHostWithoutClonesSaysUnsupported) {
  World world({.seed = 1});
  SimHost host(world, "plain", {.clones = CloneSupport::no});
  const auto file = host.open("f", OpenMode::create);
  EXPECT_EQ(run(world, host.folder().clone_file(host.scope(), *file, "g")).error().code, ErrorCode::unsupported);
}

TEST_F(DiskFaults, ASnapshotStaysWhatTheFileWas) {
  DiskControl& disk = host_.disk();
  const std::string path = "/images/a.raw";
  const Bytes before(9'000, std::byte{7});
  ASSERT_TRUE(disk.write(path, ByteOffset{}, before, Persistence::cached));
  const Snapshot taken = disk.snapshot(path).value();
  EXPECT_TRUE(taken == disk.snapshot(path).value());
  EXPECT_TRUE(taken == ByteView(before));
  const std::byte other{8};
  ASSERT_TRUE(disk.write(path, ByteOffset(std::uint64_t{8'999}), ByteView(&other, 1), Persistence::synced));
  EXPECT_FALSE(taken == disk.snapshot(path).value());
  EXPECT_TRUE(taken == ByteView(before));
  EXPECT_FALSE(taken == ByteView(disk.read(path).value()));
  // The same bytes in other pages, holes for zeros, and another length.
  ASSERT_TRUE(disk.write(path, ByteOffset{}, before, Persistence::cached));
  EXPECT_TRUE(taken == disk.snapshot(path).value());
  ASSERT_TRUE(disk.resize(path, ByteCount(std::uint64_t{10'000}), Persistence::cached));
  EXPECT_FALSE(taken == disk.snapshot(path).value());
  ASSERT_TRUE(disk.resize("/images/b.raw", ByteCount(std::uint64_t{9'000}), Persistence::cached));
  EXPECT_FALSE(taken == disk.snapshot("/images/b.raw").value());
  EXPECT_TRUE(disk.snapshot("/images/b.raw").value() == ByteView(Bytes(9'000)));
}

TEST_F(DiskFaults, HugeSparseFilesCostNothing) {
  const auto file = host_.open("f", OpenMode::create);
  ASSERT_TRUE(run(world_, file->resize(host_.scope(), ByteCount(std::uint64_t{1} << 40))));
  ASSERT_TRUE(host_.write(*file, (std::uint64_t{1} << 40) - 5, view_of("end")));
  auto copy = run(world_, host_.folder().clone_file(host_.scope(), *file, "copy"));
  ASSERT_TRUE(copy);
  const auto data = run(world_, (*copy)->next_data(host_.scope(), ByteOffset{}));
  ASSERT_TRUE(data && data->has_value());
  EXPECT_EQ((*data)->end().value(), std::uint64_t{1} << 40);
  EXPECT_LE(host_.disk().used().value(), 2 * 4096U);
}

}  // namespace
}  // namespace afterimage::io::sim
