// SPDX-License-Identifier: Apache-2.0
// One primary in a simulated world against a model replica.
#include "engine/source/primary_machine.h"

#include <string>

#include <gtest/gtest.h>

#include "io/sim/world.h"
#include "tests/engine/source/memory_sink.h"

namespace afterimage::source {
namespace {

const std::string image_a = "/images/a.raw";
const std::string image_b = "/images/b.raw";
constexpr std::uint64_t size_a = 3 * 1024 * 1024;
constexpr std::uint64_t size_b = 1000 * 1000 + 17;  // no multiple of a block

// world -- node "primary" with two images and a state folder -- PrimaryMachine -- MemorySink -- ModelReplica
class PrimaryMachineTest : public ::testing::TestWithParam<io::sim::CloneSupport> {
 protected:
  PrimaryMachineTest() : world({.seed = 11}), node(world.add_node("primary", {.clones = GetParam()})) {
    EXPECT_TRUE(world.disk(node).make_directory("/state"));
    EXPECT_TRUE(world.disk(node).resize(image_a, ByteCount(size_a), io::sim::Persistence::synced));
    EXPECT_TRUE(world.disk(node).resize(image_b, ByteCount(size_b), io::sim::Persistence::synced));
    for (int i = 0; i < 60; ++i) scribble();
  }

  void scribble() {
    const bool first = world.random_below(3) != 0;
    const std::uint64_t size = *first_or(first).second;
    const std::uint64_t offset = world.random_below(size - 1);
    Bytes data(1 + world.random_below(std::min<std::uint64_t>(20'000, size - offset)));
    const bool zeros = world.random_below(4) == 0;
    for (std::byte& byte : data) byte = zeros ? std::byte{0} : static_cast<std::byte>(world.random_below(7) * 31);
    EXPECT_TRUE(world.disk(node).write(first_or(first).first, ByteOffset(offset), data, io::sim::Persistence::cached));
  }
  std::pair<std::string, const std::uint64_t*> first_or(bool first) {
    return first ? std::pair(image_a, &size_a) : std::pair(image_b, &size_b);
  }

  PrimaryRecord new_record(PrimaryStage stage = PrimaryStage::seeding) {
    io::Platform platform = world.platform(node);
    PrimaryRecord record;
    record.description.id = platform.random.make_id<MachineId>();
    record.description.name = "web1";
    record.description.lineage = platform.random.make_id<LineageId>();
    for (const auto& [name, size] : {std::pair("a", size_a), std::pair("b", size_b)}) {
      DiskDescription disk{
          .id = platform.random.make_id<DiskId>(), .name = name, .size = ByteCount(size), .secret = {}};
      platform.random.fill(disk.secret.bytes);
      record.description.disks.push_back(disk);
    }
    record.image_paths = {image_a, image_b};
    record.stage = stage;
    return record;
  }

  io::Task<Result<std::unique_ptr<PrimaryMachine>>> make(io::Scope& within, io::Platform platform,
                                                         std::optional<PrimaryRecord> record) {
    AFI_CO_TRY(std::unique_ptr<io::Directory> folder, platform.disk.make_directory(within, "/state/machine"));
    if (record) {
      auto creating = PrimaryMachine::create(within, platform, std::move(folder), *record);
      co_return co_await creating;
    }
    auto opening = PrimaryMachine::open(within, platform, std::move(folder));
    co_return co_await opening;
  }

  void start(std::optional<PrimaryRecord> record = std::nullopt) {
    io::Platform platform = world.platform(node);
    scope = std::make_unique<io::Scope>(platform.reactor);
    auto made = io::sim::run(world, make(*scope, platform, std::move(record)));
    ASSERT_TRUE(made) << made.error().text();
    machine = std::move(*made);
  }

  Result<CycleResult> replicate(Goal goal = Goal::new_point) {
    MemorySink sink(replica);
    return io::sim::run(world, machine->replicate(*scope, sink, goal, nullptr));
  }

  void expect_equal_to_images(Sequence sequence) {
    const std::pair<std::string, std::size_t> disks[] = {{image_a, 0}, {image_b, 1}};
    for (const auto& [path, index] : disks) {
      const Bytes image = *world.disk(node).read(path);
      const ModelReplica::Blocks& blocks = replica.content[sequence][replica.machine->disks[index].id];
      for (std::uint64_t block = 0; block * block_size < image.size(); ++block) {
        const std::size_t at = block * block_size;
        Bytes expected(image.begin() + static_cast<std::ptrdiff_t>(at),
                       image.begin() + static_cast<std::ptrdiff_t>(std::min(at + block_size, image.size())));
        expected.resize(block_size);
        const auto found = blocks.find(block);
        ASSERT_EQ(found == blocks.end() ? Bytes(block_size) : found->second, expected) << path << " block " << block;
      }
    }
  }

  io::sim::World world;
  io::sim::NodeId node;
  ModelReplica replica;
  std::unique_ptr<io::Scope> scope;
  std::unique_ptr<PrimaryMachine> machine;
};

TEST_P(PrimaryMachineTest, SeedsAndEveryCycleIsAPoint) {
  start(new_record());
  for (std::uint64_t n = 1; n <= 5; ++n) {
    const Result<CycleResult> cycle = replicate();
    ASSERT_TRUE(cycle) << cycle.error().text();
    EXPECT_EQ(cycle->record.sequence.value(), n);
    expect_equal_to_images(Sequence(n));
    for (int i = 0; i < 5; ++i) scribble();
  }
  const auto points = io::sim::run(world, machine->points(*scope));
  ASSERT_TRUE(points);
  ASSERT_EQ(points->size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ((*points)[i].record.digest(), replica.points[i].digest());
}

// Entry by entry, over the ends of the window it is read in; a torn one at the end goes, and so does nothing before it.
TEST_P(PrimaryMachineTest, ALongHistoryIsWalked) {
  start(new_record());
  ASSERT_TRUE(replicate());
  const std::string path = "/state/machine/points";
  HistoricPoint point = io::sim::run(world, machine->points(*scope))->front();
  constexpr std::uint64_t points = 20'000;  // some 6 MB
  Bytes file;
  for (std::uint64_t n = 1; n <= points; ++n) {
    point.record.sequence = Sequence(n);
    const Bytes entry = encode_history_entry(point);
    file.insert(file.end(), entry.begin(), entry.end());
  }
  file.insert(file.end(), 77, std::byte{1});
  ASSERT_TRUE(world.disk(node).write(path, ByteOffset{}, file, io::sim::Persistence::synced));
  machine.reset();
  start();
  EXPECT_EQ(machine->history().count(), points);
  EXPECT_EQ(machine->history().newest()->record.sequence, Sequence(points));
  scribble();
  ASSERT_TRUE(replicate());  // the 2nd of this model, and an entry in the place of the torn one
  const auto listed = io::sim::run(world, machine->points(*scope));
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), points);
  EXPECT_EQ((*listed)[1].record.digest(), replica.points[1].digest());
}

TEST_P(PrimaryMachineTest, NothingChangedSendsNoFrames) {
  start(new_record());
  ASSERT_TRUE(replicate());
  const std::uint64_t frames = replica.frames_taken;
  const Result<CycleResult> cycle = replicate();
  ASSERT_TRUE(cycle);
  EXPECT_EQ(replica.frames_taken, frames);
  EXPECT_EQ(cycle->changed, ByteCount{});
}

TEST_P(PrimaryMachineTest, ACutSeedingGoesOnWithoutSendingTwice) {
  start(new_record());
  ASSERT_TRUE(replicate(Goal::first_point));
  const std::uint64_t frames = replica.frames_taken;
  const std::uint64_t blocks = replica.data_blocks_taken;
  for (std::uint64_t cut = 0; cut < frames; ++cut) {
    machine.reset();
    ASSERT_TRUE(world.disk(node).remove("/state/machine"));
    replica = ModelReplica{};
    start(new_record());
    replica.cut_after_frames = cut;
    ASSERT_FALSE(replicate(Goal::first_point)) << cut;
    const Result<CycleResult> cycle = replicate(Goal::first_point);
    ASSERT_TRUE(cycle) << cycle.error().text();
    EXPECT_EQ(replica.data_blocks_taken, blocks) << cut;
    expect_equal_to_images(Sequence(std::uint64_t{1}));
  }
}

// The replica has more of the seed than the primary remembers. What the primary reads again, changed since, and could
// not send, must not count as the replica's in the session after.
TEST_P(PrimaryMachineTest, ASeedingReadAgainButNotSentIsNotBelieved) {
  start(new_record());
  replica.cut_after_frames = 3;
  world.disk(node).add_fault({.match = {.kind = io::sim::OperationKind::write, .path_part = "/seeding", .skip = 1},
                              .count = io::sim::forever});
  ASSERT_FALSE(replicate(Goal::first_point));
  world.disk(node).clear_faults();
  ASSERT_LT(SeedingPosition{}, replica.staged->position);
  machine.reset();
  scope.reset();
  start();
  ASSERT_TRUE(
      world.disk(node).write(image_a, ByteOffset{}, Bytes(block_size, std::byte{77}), io::sim::Persistence::cached));
  replica.cut_after_frames = 0;
  ASSERT_FALSE(replicate(Goal::first_point));
  const Result<CycleResult> cycle = replicate(Goal::first_point);
  ASSERT_TRUE(cycle) << cycle.error().text();
  expect_equal_to_images(Sequence(std::uint64_t{1}));
}

// Its first point was captured, then the replica lost what was staged, and the next attempt came to its end but for the
// capture: the point that is left is not one of this staging.
TEST_P(PrimaryMachineTest, AFirstPointClosesNoOtherStagingThanItsOwn) {
  start(new_record());
  replica.cut_next_commit = true;
  ASSERT_FALSE(replicate(Goal::first_point));
  ASSERT_TRUE(machine->record().pending);
  replica.staged = StagedSeed{.epoch = replica.staged->epoch, .frames = 0, .position = {}};
  replica.base.clear();
  replica.unfinished.reset();
  ASSERT_TRUE(
      world.disk(node).write(image_a, ByteOffset{}, Bytes(block_size, std::byte{77}), io::sim::Persistence::cached));
  world.disk(node).add_fault(
      {.match = {.kind = io::sim::OperationKind::resize, .path_part = "/spool"}, .count = io::sim::forever});
  ASSERT_FALSE(replicate(Goal::first_point));
  world.disk(node).clear_faults();
  const Result<CycleResult> cycle = replicate(Goal::first_point);
  ASSERT_TRUE(cycle) << cycle.error().text();
  expect_equal_to_images(Sequence(std::uint64_t{1}));
}

TEST_P(PrimaryMachineTest, ACutCycleSendsOnlyWhatIsMissing) {
  start(new_record());
  ASSERT_TRUE(replicate());
  for (int i = 0; i < 40; ++i) scribble();
  replica.frames_taken = 0;
  replica.cut_after_frames = 2;
  ASSERT_FALSE(replicate());
  EXPECT_EQ(replica.frames_taken, 2U);
  const std::uint32_t whole = machine->record().pending->record.frame_count;
  machine.reset();
  start();  // the daemon was restarted in between
  const Result<CycleResult> cycle = replicate();
  ASSERT_TRUE(cycle) << cycle.error().text();
  EXPECT_EQ(replica.frames_taken, whole);  // the closing cycle found nothing new
  expect_equal_to_images(Sequence(std::uint64_t{3}));
}

TEST_P(PrimaryMachineTest, ALostReceiptIsAdopted) {
  start(new_record());
  replica.lose_next_receipt = true;
  ASSERT_FALSE(replicate(Goal::first_point));
  const Result<CycleResult> cycle = replicate(Goal::first_point);
  ASSERT_TRUE(cycle);
  EXPECT_EQ(replica.points.size(), 1U);
  EXPECT_EQ(cycle->record.sequence.value(), 1U);
  for (int i = 0; i < 10; ++i) scribble();
  replica.lose_next_receipt = true;
  ASSERT_FALSE(replicate());
  scribble();
  ASSERT_TRUE(replicate());
  EXPECT_EQ(replica.points.size(), 3U);
  expect_equal_to_images(Sequence(std::uint64_t{3}));
}

TEST_P(PrimaryMachineTest, AReplicaThatWasRolledBackIsCompared) {
  start(new_record());
  ASSERT_TRUE(replicate());
  const ModelReplica old = replica;
  for (int i = 0; i < 10; ++i) scribble();
  ASSERT_TRUE(replicate());
  const std::uint64_t sessions = replica.sessions;
  replica = old;
  replica.sessions = sessions;
  scribble();
  const Result<CycleResult> cycle = replicate();
  ASSERT_TRUE(cycle) << cycle.error().text();
  EXPECT_EQ(cycle->warnings.size(), 1U);
  EXPECT_EQ(cycle->record.sequence.value(), 3U);
  expect_equal_to_images(Sequence(std::uint64_t{3}));
}

TEST_P(PrimaryMachineTest, DamagedHashFilesMeanACompareAndNeverClean) {
  start(new_record());
  ASSERT_TRUE(replicate());
  const Result<std::vector<std::string>> names = world.disk(node).list("/state/machine");
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    if (!name.starts_with("hashes-")) continue;
    ASSERT_TRUE(world.disk(node).rot("/state/machine/" + name, ByteOffset(std::uint64_t{4096 + 3}), std::byte{0x10}));
  }
  scribble();
  const Result<CycleResult> cycle = replicate();
  ASSERT_TRUE(cycle) << cycle.error().text();
  EXPECT_EQ(cycle->warnings.size(), 1U);
  expect_equal_to_images(Sequence(std::uint64_t{2}));
}

TEST_P(PrimaryMachineTest, ResizedImagesAreFollowed) {
  start(new_record());
  ASSERT_TRUE(replicate());
  std::uint64_t sequence = 1;
  for (const std::uint64_t size : {size_a / 2 + 100, size_a / 3, size_a * 2, size_a * 2 + 1}) {
    ASSERT_TRUE(world.disk(node).resize(image_a, ByteCount(size), io::sim::Persistence::cached));
    const Result<CycleResult> cycle = replicate();
    ASSERT_TRUE(cycle) << cycle.error().text();
    expect_equal_to_images(Sequence(++sequence));
    EXPECT_EQ(cycle->warnings.size(), size < replica.points[sequence - 1].disks[0].sizes.before.value() ? 1U : 0U);
    EXPECT_EQ(replica.head_sizes[0].value(), size);
  }
}

TEST_P(PrimaryMachineTest, AnImageThatChangesWhileItIsReadIsNoPoint) {
  start(new_record());
  ASSERT_TRUE(replicate());
  scribble();
  const std::pair<Bytes, Bytes> frozen(*world.disk(node).read(image_a), *world.disk(node).read(image_b));
  bool written = false;
  world.on_operation([&](const io::sim::OperationNotice& notice) {
    // The spool is made right after the freeze.
    if (written || !notice.path.ends_with("/spool") || notice.moment != io::sim::Moment::after) return;
    written = true;
    for (const std::string& path : {image_a, image_b}) {
      EXPECT_TRUE(world.disk(node).write(path, ByteOffset{}, Bytes(100, std::byte{9}), io::sim::Persistence::cached));
    }
  });
  const Result<CycleResult> cycle = replicate();
  world.on_operation({});
  ASSERT_TRUE(written);
  if (GetParam() == io::sim::CloneSupport::no) {
    ASSERT_FALSE(cycle);
    EXPECT_EQ(cycle.error().code, ErrorCode::changed);
    EXPECT_EQ(replica.points.size(), 1U);
  } else {
    ASSERT_TRUE(cycle) << cycle.error().text();
    EXPECT_TRUE(
        world.disk(node).write(image_a, ByteOffset{}, ByteView(frozen.first).first(100), io::sim::Persistence::cached));
    EXPECT_TRUE(world.disk(node).write(image_b, ByteOffset{}, ByteView(frozen.second).first(100),
                                       io::sim::Persistence::cached));
    expect_equal_to_images(Sequence(std::uint64_t{2}));
  }
  scribble();
  ASSERT_TRUE(replicate());
  expect_equal_to_images(replica.head.sequence);
}

// All images are opened before the first is looked at.
TEST_P(PrimaryMachineTest, AnImageThatGrowsWhileTheOthersAreFrozenHasItsNewSize) {
  start(new_record());
  ASSERT_TRUE(replicate());
  bool grown = false;
  world.on_operation([&](const io::sim::OperationNotice& notice) {
    if (grown || notice.path != image_a || notice.kind != io::sim::OperationKind::sync) return;
    grown = true;
    EXPECT_TRUE(world.disk(node).resize(image_b, ByteCount(size_b * 2), io::sim::Persistence::cached));
  });
  const Result<CycleResult> cycle = replicate();
  world.on_operation({});
  ASSERT_TRUE(grown);
  ASSERT_TRUE(cycle) << cycle.error().text();
  expect_equal_to_images(Sequence(std::uint64_t{2}));
  EXPECT_EQ(replica.head_sizes[1].value(), size_b * 2);
}

TEST_P(PrimaryMachineTest, WhatTheReplicaHasAPowerCutDoesNotTakeFromThePrimary) {
  start(new_record());
  for (int round = 0; round < 8; ++round) {  // a cut may spare what was not synced
    for (int i = 0; i < 10; ++i) scribble();
    const Result<CycleResult> cycle = replicate();
    ASSERT_TRUE(cycle) << cycle.error().text();
    world.power_cut(node);
    machine.reset();
    scope.reset();
    world.restart(node);
    expect_equal_to_images(replica.head.sequence);
    start();
  }
}

TEST_P(PrimaryMachineTest, WhatCouldNotBeMadeDurableIsNotBelieved) {
  start(new_record());
  ASSERT_TRUE(replicate());
  scribble();
  // The record is replaced when the epoch is captured, and when it was acknowledged: neither time may it fail unseen.
  for (const std::uint64_t skipped : {0U, 1U}) {
    const PrimaryRecord before = machine->record();
    world.disk(node).add_fault(
        {.match = {.kind = io::sim::OperationKind::write, .path_part = "/record", .skip = skipped}});
    ASSERT_FALSE(replicate());
    world.disk(node).clear_faults();
    const PrimaryRecord believed = machine->record();
    EXPECT_EQ(believed.acknowledged, before.acknowledged);
    machine.reset();
    scope.reset();
    start();
    EXPECT_TRUE(machine->record() == believed) << "write " << skipped;
  }
  ASSERT_TRUE(replicate());
  expect_equal_to_images(replica.head.sequence);
}

// The folder that was open when its sync failed may say so for ever: it is opened again, without a new start.
TEST_P(PrimaryMachineTest, AFailedSyncOfItsFolderIsGotOver) {
  start(new_record());
  ASSERT_TRUE(replicate());
  for (int time = 0; time < 8; ++time) {
    scribble();
    world.disk(node).add_fault(
        {.match = {.kind = io::sim::OperationKind::sync_directory, .path_part = "/state/machine"}});
    ASSERT_FALSE(replicate()) << time;
    world.disk(node).clear_faults();
    const Result<CycleResult> cycle = replicate();
    ASSERT_TRUE(cycle) << time << ": " << cycle.error().text();
    expect_equal_to_images(replica.head.sequence);
  }
}

TEST_P(PrimaryMachineTest, AnEpochUnderWayIsKnownAfterARestart) {
  start(new_record());
  ASSERT_TRUE(replicate());
  for (int i = 0; i < 10; ++i) scribble();
  replica.lose_next_receipt = true;  // the point arrives, and nobody is told
  ASSERT_FALSE(replicate());
  machine.reset();
  start();
  ASSERT_TRUE(machine->record().pending);
  EXPECT_EQ(machine->record().pending->record.digest(), replica.head.digest);
  EXPECT_EQ(machine->record().acknowledged->sequence, Sequence(std::uint64_t{1}));
  const Result<CycleResult> cycle = replicate();
  ASSERT_TRUE(cycle) << cycle.error().text();
  EXPECT_TRUE(cycle->warnings.empty()) << cycle->warnings.front();
}

TEST_P(PrimaryMachineTest, APowerCutAtAnyOperationForgetsNothing) {
  // Count the operations of a life, then cut before and after each of them.
  start(new_record());
  const std::uint64_t before = world.operations(node);
  ASSERT_TRUE(replicate());
  scribble();
  ASSERT_TRUE(replicate());
  const std::uint64_t operations = world.operations(node) - before;
  for (std::uint64_t n = 0; n < operations; n += 3) {
    {
      const io::sim::CrashKind kind = n % 4 < 2 ? io::sim::CrashKind::power_cut : io::sim::CrashKind::kill;
      machine.reset();
      scope.reset();
      ASSERT_TRUE(world.disk(node).remove("/state/machine"));
      replica = ModelReplica{};
      start(new_record());
      io::sim::CrashPlan plan{.match = {.kind = {}, .path_part = {}, .skip = n},
                              .kind = kind,
                              .moment = n % 2 == 0 ? io::sim::Moment::before : io::sim::Moment::after};
      world.crash_at(node, plan);
      for (int cycle = 0; cycle < 2; ++cycle) {
        const Result<CycleResult> result = replicate();
        if (world.is_up(node)) {
          ASSERT_TRUE(result) << result.error().text();
        } else {
          machine.reset();
          scope.reset();
          world.restart(node);
          start();
          const Result<CycleResult> again = replicate();
          ASSERT_TRUE(again) << "cut at " << n << ": " << again.error().text();
          EXPECT_TRUE(again->warnings.empty()) << again->warnings.front();
        }
        expect_equal_to_images(replica.head.sequence);
        scribble();
      }
      world.disarm_crash(node);
      // The history knows every point, and none twice.
      const auto points = io::sim::run(world, machine->points(*scope));
      ASSERT_TRUE(points);
      ASSERT_EQ(points->size(), replica.points.size()) << "cut at " << n;
      for (std::size_t i = 0; i < points->size(); ++i) {
        EXPECT_EQ((*points)[i].record.digest(), replica.points[i].digest()) << "cut at " << n;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Clones, PrimaryMachineTest,
                         ::testing::Values(io::sim::CloneSupport::yes, io::sim::CloneSupport::no),
                         [](const auto& which) {
                           return which.param == io::sim::CloneSupport::yes ? "Reflink" : "InPlace";
                         });

}  // namespace
}  // namespace afterimage::source
