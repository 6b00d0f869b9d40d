// SPDX-License-Identifier: Apache-2.0
// Volumes of stores that are not mounted when a host starts.
#include <gtest/gtest.h>

#include "tests/engine/host/host_kit.h"

namespace afterimage::host {
namespace {

using kit::HostPair;

constexpr const char* archive_marker = "/archive/afterimage-store";

class HostStores : public testing::Test {
 protected:
  io::sim::DiskControl& disk() { return pair.world.disk(pair.replica_node); }
  void begin_with_a_point() {
    ASSERT_TRUE(pair.start().has_value());
    const Status made = pair.protect();
    ASSERT_TRUE(made.has_value()) << made.error().text();
  }
  void expect_synced() {
    const Result<JobInfo> made = pair.sync();
    ASSERT_TRUE(made.has_value()) << made.error().text();
    EXPECT_EQ(made->state, JobState::done) << (made->error ? made->error->text() : "");
  }
  // The volume of the archive is there, and is not the one.
  Bytes hide_archive() {
    const Result<Bytes> marker = disk().read(archive_marker);
    EXPECT_TRUE(marker.has_value());
    EXPECT_TRUE(disk().remove(archive_marker).has_value());
    return marker.value_or(Bytes{});
  }

  HostPair pair;
};

// host.db is on the volume, too: nothing but the state remembers that there was a store.
TEST_F(HostStores, NoStoreIsMadeWhereTheFirstOneWas) {
  begin_with_a_point();
  pair.kill_replica();
  ASSERT_TRUE(disk().remove("/store").has_value());
  pair.replica_catalogue.~KeptInMemory();
  new (&pair.replica_catalogue) catalogue::KeptInMemory("of another volume");
  const Status missing = pair.restart_replica();
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::refused);
  EXPECT_NE(missing.error().text().find("is its volume mounted?"), std::string::npos) << missing.error().text();
  EXPECT_FALSE(disk().exists("/store"));
  ASSERT_TRUE(disk().make_directory("/store").has_value());
  const Status empty = pair.restart_replica();
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().code, ErrorCode::refused);
  EXPECT_TRUE(disk().list("/store")->empty());
}

TEST_F(HostStores, AStoreThatIsNotOpenKeepsNothingElseFromWorking) {
  begin_with_a_point();
  pair.stores.push_back({.name = "archive", .path = "/archive"});
  ASSERT_TRUE(disk().write("/archive/photos", ByteOffset{}, view_of("x"), io::sim::Persistence::synced).has_value());
  ASSERT_TRUE(pair.restart_replica().has_value());
  ASSERT_EQ(pair.replica->notices().size(), 1U);
  EXPECT_NE(pair.replica->notices().front().find("store archive is not used until"), std::string::npos)
      << pair.replica->notices().front();
  EXPECT_EQ(pair.replica->stores().size(), 1U);
  const catalogue::PermissionRow permission{
      .peer = HostId{.bytes = {std::byte{1}}}, .store = "default", .machines_max = 8};
  ASSERT_TRUE(pair.run(pair.replica->catalogue().put_permission(*pair.replica_scope, permission)).has_value());
  expect_synced();
}

TEST_F(HostStores, AStoreThatWasNotOpenIsOpenedByItself) {
  pair.stores.push_back({.name = "archive", .path = "/archive"});
  begin_with_a_point();
  const Bytes marker = hide_archive();
  ASSERT_TRUE(pair.restart_replica().has_value());
  pair.pass(std::chrono::minutes(5));
  const MachineStatus stopped = pair.status_of(*pair.replica);
  EXPECT_EQ(stopped.name, "web1");
  EXPECT_EQ(stopped.health, Health::critical);
  EXPECT_NE(HostPair::reasons_of(stopped).find("its marker is missing"), std::string::npos)
      << HostPair::reasons_of(stopped);
  EXPECT_NE(HostPair::reasons_of(stopped).find("; tried again at 2026-"), std::string::npos)
      << HostPair::reasons_of(stopped);
  const Result<JobInfo> refused = pair.sync();
  ASSERT_TRUE(refused.has_value());
  ASSERT_TRUE(refused->error.has_value());
  EXPECT_NE(refused->error->text().find("store archive of the replica is not open"), std::string::npos)
      << refused->error->text();
  ASSERT_TRUE(disk().write(archive_marker, ByteOffset{}, marker, io::sim::Persistence::synced).has_value());
  pair.pass(std::chrono::seconds(61));
  EXPECT_EQ(pair.status_of(*pair.replica).health, Health::normal);
  EXPECT_EQ(pair.told.back(), "store archive is open and used again");
  expect_synced();
}

TEST_F(HostStores, AnotherStoreIsNotTakenForTheOneThatWas) {
  pair.stores.push_back({.name = "archive", .path = "/archive"});
  begin_with_a_point();
  hide_archive();
  ASSERT_TRUE(disk()
                  .write(archive_marker, ByteOffset{}, view_of("afterimage store 1 ab000000000000000000000000000000\n"),
                         io::sim::Persistence::synced)
                  .has_value());
  ASSERT_TRUE(pair.restart_replica().has_value());
  EXPECT_EQ(pair.replica->stores().size(), 1U);
  EXPECT_NE(HostPair::reasons_of(pair.status_of(*pair.replica)).find("holds another store"), std::string::npos);
}

// What the state remembers is damaged: the store itself says which it is.
TEST_F(HostStores, AStateThatDoesNotRememberIsToldAgain) {
  begin_with_a_point();
  ASSERT_TRUE(disk().rot("/state/stores/default", ByteOffset{}, std::byte{1}).has_value());
  ASSERT_TRUE(pair.restart_replica().has_value());
  ASSERT_EQ(pair.replica->notices().size(), 1U);
  EXPECT_NE(pair.replica->notices().front().find("does not read"), std::string::npos);
  ASSERT_TRUE(pair.restart_replica().has_value());
  EXPECT_TRUE(pair.replica->notices().empty());
  expect_synced();
}

}  // namespace
}  // namespace afterimage::host
