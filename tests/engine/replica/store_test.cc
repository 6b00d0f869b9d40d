// SPDX-License-Identifier: Apache-2.0
// The store as a whole: what it refuses to open, removal, quotas, restore, compare.
#include <gtest/gtest.h>

#include "engine/replica/replica_store.h"
#include "engine/replica/restore.h"
#include "tests/engine/replica/replica_kit.h"

namespace afterimage::replica {
namespace {

using kit::ModelPrimary;
using kit::ReplicaBench;

class Store : public testing::Test {
 protected:
  void expect_refused(ErrorCode code, std::string_view said) {
    const Status started = bench.start();
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error().code, code) << started.error().text();
    EXPECT_NE(started.error().text().find(said), std::string::npos) << started.error().text();
  }
  void begin_with_points(int count) {
    ASSERT_TRUE(bench.start().has_value());
    bench.admit(primary);
    for (int i = 0; i < count; ++i) {
      primary.change(6);
      const Status made = bench.make_point(primary);
      ASSERT_TRUE(made.has_value()) << made.error().text();
    }
  }

  ReplicaBench bench{5};
  ModelPrimary primary{21};
};

TEST_F(Store, AFolderWithOtherThingsIsRefused) {
  ASSERT_TRUE(
      bench.disk().write("/store/photos", ByteOffset{}, view_of("x"), io::sim::Persistence::synced).has_value());
  expect_refused(ErrorCode::refused, "not empty");
  EXPECT_FALSE(bench.disk().exists("/store/afterimage-store"));
}

TEST_F(Store, AnEmptyFolderWhereAStoreWasIsRefused) {
  begin_with_points(1);
  bench.stop();
  ASSERT_TRUE(bench.disk().remove("/store").has_value());
  expect_refused(ErrorCode::refused, "mounted");
  ASSERT_TRUE(bench.disk().make_directory("/store").has_value());
  expect_refused(ErrorCode::refused, "mounted");
  EXPECT_TRUE(bench.disk().list("/store")->empty());
}

TEST_F(Store, AnotherStoreAtItsPathIsRefused) {
  begin_with_points(1);
  bench.stop();
  ASSERT_TRUE(bench.disk()
                  .write("/store/afterimage-store", ByteOffset{},
                         view_of("afterimage store 1 ab000000000000000000000000000000\n"), io::sim::Persistence::synced)
                  .has_value());
  expect_refused(ErrorCode::refused, "another store");
}

TEST_F(Store, AStoreThatIsKnownIsNotMadeAnewThoughTheCatalogueIs) {
  ASSERT_TRUE(bench.start().has_value());
  StoreId known;
  known.bytes[0] = std::byte{7};
  io::Platform platform = bench.world.platform(bench.node);
  const auto open = [&](const std::string& path) {
    return bench.run(ReplicaStore::open(*bench.scope, platform, *bench.catalogue,
                                        StoreOptions{.name = "archive", .path = path, .known = known}));
  };
  const auto missing = open("/archive");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::refused);
  EXPECT_FALSE(bench.disk().exists("/archive"));
  const auto other = open("/store");
  ASSERT_FALSE(other.has_value());
  EXPECT_NE(other.error().text().find("another store"), std::string::npos) << other.error().text();
}

TEST_F(Store, ASecondDaemonIsKeptOut) {
  begin_with_points(1);
  io::Platform platform = bench.world.platform(bench.node);
  const auto second = bench.run(
      ReplicaStore::open(*bench.scope, platform, *bench.catalogue, StoreOptions{.name = "default", .path = "/store"}));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_NE(second.error().text().find("another afterimaged uses"), std::string::npos);
}

TEST_F(Store, AMachineWhoseFolderIsGoneIsNamed) {
  begin_with_points(2);
  bench.stop();
  ASSERT_TRUE(bench.disk().remove(bench.machine_path(primary)).has_value());
  ASSERT_TRUE(bench.start().has_value());
  ASSERT_EQ(bench.store->troubles().size(), 1U);
  EXPECT_EQ(bench.store->troubles().front().name, "web1");
}

TEST_F(Store, AMachineWhoseFolderCannotBeReadStopsOnlyItself) {
  begin_with_points(1);
  ModelPrimary other{77};
  bench.admit(other);
  ASSERT_TRUE(bench.make_point(other).has_value());
  for (const auto kind : {io::sim::OperationKind::open, io::sim::OperationKind::list}) {
    bench.stop();
    bench.disk().add_fault(
        {.match = {.kind = kind, .path_part = bench.machine_path(primary)}, .count = 1, .error = EIO});
    ASSERT_TRUE(bench.start().has_value());
    bench.disk().clear_faults();
    ASSERT_EQ(bench.store->troubles().size(), 1U);
    EXPECT_EQ(bench.store->troubles().front().name, "web1");
    EXPECT_EQ(bench.check(other), "");
  }
  ASSERT_TRUE(bench.restart().has_value());
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Store, ADamagedDescriptionIsMendedFromItsCopy) {
  begin_with_points(2);
  bench.stop();
  for (const char* name : {"/description", "/description.copy"}) {
    const std::string path = bench.machine_path(primary) + name;
    ASSERT_TRUE(bench.disk().rot(path, ByteOffset(std::uint64_t{40}), std::byte{1}).has_value());
    ASSERT_TRUE(bench.restart().has_value());
    ASSERT_NE(bench.machine(primary), nullptr);
    EXPECT_EQ(bench.machine(primary)->findings().size(), 1U);
    EXPECT_EQ(bench.check(primary), "");
    ASSERT_TRUE(bench.restart().has_value());
    EXPECT_TRUE(bench.machine(primary)->findings().empty());
  }
}

TEST_F(Store, AMachineWithoutADescriptionStopsOnlyItself) {
  begin_with_points(1);
  ModelPrimary other{77};
  bench.admit(other);
  ASSERT_TRUE(bench.make_point(other).has_value());
  bench.stop();
  for (const char* name : {"/description", "/description.copy"}) {
    ASSERT_TRUE(
        bench.disk().rot(bench.machine_path(primary) + name, ByteOffset(std::uint64_t{40}), std::byte{1}).has_value());
  }
  ASSERT_TRUE(bench.start().has_value());
  EXPECT_EQ(bench.machine(primary), nullptr);
  ASSERT_EQ(bench.store->troubles().size(), 1U);
  EXPECT_EQ(bench.check(other), "");
}

TEST_F(Store, RemovalNeedsPermission) {
  begin_with_points(1);
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  ASSERT_TRUE(bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network)).has_value());
  const Status removed = bench.run(sink->remove_machine(*bench.scope));
  ASSERT_FALSE(removed.has_value());
  EXPECT_EQ(removed.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Store, ARemovalThatIsCutAnywhereIsFinished) {
  for (std::uint64_t operation = 0;; ++operation) {
    ReplicaBench cut(operation + 1);
    ModelPrimary victim(operation + 1);
    ASSERT_TRUE(cut.start().has_value());
    cut.admit(victim);
    ASSERT_TRUE(cut.make_point(victim).has_value());
    cut.world.crash_at(cut.node, {.match = {.skip = operation}});
    const Status removed = cut.run(cut.store->remove_machine(*cut.scope, victim.description().id));
    cut.world.disarm_crash(cut.node);
    const bool is_done = cut.world.is_up(cut.node);
    if (is_done) {
      ASSERT_TRUE(removed.has_value()) << removed.error().text();
    }
    ASSERT_TRUE(cut.restart().has_value());
    EXPECT_TRUE(cut.store->troubles().empty()) << cut.store->troubles().front().reason;
    const std::shared_ptr<Machine> machine = cut.machine(victim);
    if (machine == nullptr) {
      EXPECT_FALSE(cut.disk().exists(cut.machine_path(victim))) << "operation " << operation;
      EXPECT_TRUE(cut.run(cut.catalogue->machines(*cut.scope))->empty());
    } else {  // not begun: whole
      EXPECT_EQ(cut.check(victim), "") << "operation " << operation;
    }
    if (is_done) break;
  }
}

// A full device takes no row, and no name: what makes room goes first, and the rest follows by itself.
TEST_F(Store, ARemovalOnAFullDeviceGivesTheSpaceBackFirst) {
  begin_with_points(2);
  bench.store->begin_mending();
  const MachineId id = primary.description().id;
  bench.disk().add_fault({.match = {.path_part = bench.machine_path(primary) + "/removed.new"}, .error = ENOSPC});
  bench.kept.refuse_writes();
  const ByteCount used = bench.disk().used();
  EXPECT_FALSE(bench.run(bench.store->remove_machine(*bench.scope, id)));
  EXPECT_LT(bench.disk().used(), used);
  EXPECT_EQ(bench.machine(primary), nullptr);
  EXPECT_EQ(bench.disk().list(bench.machine_path(primary)).value(), std::vector<std::string>{"removed"});
  ASSERT_EQ(bench.store->troubles().size(), 1U);
  EXPECT_NE(bench.store->troubles().front().reason.find("removal is not finished"), std::string::npos);
  bench.kept.take_writes();
  bench.disk().clear_faults();
  (void)bench.world.run_for(std::chrono::minutes(2));
  EXPECT_TRUE(bench.store->troubles().empty());
  EXPECT_FALSE(bench.disk().exists(bench.machine_path(primary)));
  EXPECT_TRUE(bench.run(bench.catalogue->machines(*bench.scope))->empty());
}

TEST_F(Store, WhatCannotBeOpenedCanBeRemoved) {
  begin_with_points(1);
  const MachineId id = primary.description().id;
  bench.stop();
  for (const char* name : {"/description", "/description.copy"}) {
    ASSERT_TRUE(
        bench.disk().rot(bench.machine_path(primary) + name, ByteOffset(std::uint64_t{40}), std::byte{1}).has_value());
  }
  ASSERT_TRUE(bench.start().has_value());
  ASSERT_EQ(bench.store->troubles().size(), 1U);
  const Status removed = bench.run(bench.store->remove_machine(*bench.scope, id));
  EXPECT_TRUE(removed) << removed.error().text();
  EXPECT_TRUE(bench.store->troubles().empty());
  EXPECT_FALSE(bench.disk().exists(bench.machine_path(primary)));
  EXPECT_TRUE(bench.run(bench.catalogue->machines(*bench.scope))->empty());
}

TEST_F(Store, AMachineThatIsBeingSentGoesToo) {
  begin_with_points(1);
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  ASSERT_TRUE(bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network)).has_value());
  ASSERT_TRUE(bench.run(bench.store->remove_machine(*bench.scope, primary.description().id)).has_value());
  primary.change(3);
  primary.prepare_pending(Epoch(std::uint64_t{90}));
  const Status sent = bench.run(primary.send_pending(*bench.scope, *sink));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::resync_required) << sent.error().text();
}

TEST_F(Store, AQuotaStopsTheNextCycle) {
  begin_with_points(1);
  catalogue::PermissionRow permission{
      .peer = primary.peer().id, .store = "default", .machines_max = 8, .quota = ByteCount(std::uint64_t{100})};
  ASSERT_TRUE(bench.run(bench.catalogue->put_permission(*bench.scope, permission)).has_value());
  primary.change(3);
  const Status refused = bench.make_point(primary);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::no_space);
  EXPECT_NE(refused.error().text().find("quota"), std::string::npos);
  permission.quota.reset();
  ASSERT_TRUE(bench.run(bench.catalogue->put_permission(*bench.scope, permission)).has_value());
  EXPECT_TRUE(bench.make_point(primary).has_value());
}

TEST_F(Store, ARestoreWritesTheDiskAndLeavesHoles) {
  begin_with_points(3);
  const io::Platform platform = bench.world.platform(bench.node);
  for (const auto& [sequence, disks] : primary.acknowledged()) {
    for (std::size_t disk = 0; disk < disks.size(); ++disk) {
      auto target = bench.run(platform.disk.open_file(*bench.scope, "/restored", io::OpenMode::open_or_create));
      ASSERT_TRUE(target.has_value());
      const DiskId id = primary.description().disks[disk].id;
      const auto outcome = bench.run(restore(*bench.scope, bench.machine(primary), sequence, id, **target, nullptr));
      ASSERT_TRUE(outcome.has_value()) << outcome.error().text();
      const Bytes restored = bench.disk().read("/restored").value();
      ASSERT_TRUE(std::ranges::equal(restored,
                                     ByteView(disks[disk].content).first(static_cast<std::size_t>(disks[disk].size))));
    }
  }
}

TEST_F(Store, BlockHashesAreThoseOfTheHead) {
  begin_with_points(3);
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  ASSERT_TRUE(bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network)).has_value());
  const kit::ModelDisks& head = primary.acknowledged().rbegin()->second;
  for (std::size_t disk = 0; disk < head.size(); ++disk) {
    const DiskDescription& described = primary.description().disks[disk];
    const format::BlockHasher hasher(described.secret);
    const auto hashes = bench.run(
        sink->block_hashes(*bench.scope, described.id, {.first = {}, .count = BlockCount(std::uint64_t{1000})}));
    ASSERT_TRUE(hashes.has_value()) << hashes.error().text();
    ASSERT_EQ(hashes->size(), head[disk].content.size() / block_size);
    for (std::size_t block = 0; block < hashes->size(); ++block) {
      EXPECT_EQ((*hashes)[block], hasher.hash(ByteView(head[disk].content).subspan(block * block_size, block_size)));
    }
  }
}

TEST_F(Store, AnImportKeepsThePrimaryOut) {
  ASSERT_TRUE(bench.start().has_value());
  bench.admit(primary);
  std::unique_ptr<PointSink> import = bench.store->receiver(primary.peer(), Admission::local_operator);
  ASSERT_TRUE(bench.run(import->open(*bench.scope, primary.description(), SeedBy::medium)).has_value());
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const auto busy = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::medium));
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().code, ErrorCode::busy);
  import.reset();
  const std::unique_ptr<PointSink> later = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(later->open(*bench.scope, primary.description(), SeedBy::medium));
  ASSERT_TRUE(welcome.has_value()) << welcome.error().text();
  EXPECT_TRUE(welcome->awaits_medium);
}

}  // namespace
}  // namespace afterimage::replica
