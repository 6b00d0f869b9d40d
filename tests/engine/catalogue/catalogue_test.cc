// SPDX-License-Identifier: Apache-2.0
// host.db on a real file system: what is kept, what is refused, and that no flipped bit changes a value that is read.
#include "engine/catalogue/catalogue.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <unistd.h>

#include "engine/catalogue/database.h"
#include "engine/catalogue/row_codec.h"
#include "io/sim/world.h"

namespace afterimage::catalogue {
namespace {

template <typename Id>
Id id_of(std::uint8_t seed) {
  Id id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::byte>(seed + i);
  return id;
}

PeerRow some_peer() {
  return {.id = id_of<HostId>(1),
          .name = "alpha",
          .role = PeerRole::both,
          .address = "alpha:8084",
          .root_pem = "PEM",
          .joined = {5}};
}
PermissionRow some_permission() {
  return {.peer = id_of<HostId>(1), .store = "default", .machines_max = 4, .quota = ByteCount(std::uint64_t{1} << 40)};
}
PointRow some_point(std::uint64_t sequence) {
  return {.machine = id_of<MachineId>(40),
          .sequence = Sequence(sequence),
          .digest = id_of<Digest>(static_cast<std::uint8_t>(sequence)),
          .frozen = {100},
          .received = {200},
          .changed = ByteCount(std::uint64_t{4096}),
          .stored = ByteCount(std::uint64_t{900})};
}

class HostDb : public testing::Test {
 protected:
  HostDb() : node(world.add_node("host")), scope(world.platform(node).reactor) {
    std::string pattern = (std::filesystem::temp_directory_path() / "catalogue-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    path = folder + "/host.db";
  }
  ~HostDb() override { std::filesystem::remove_all(folder); }

  Result<std::unique_ptr<Catalogue>> open() {
    return io::sim::run(world, Catalogue::open(scope, world.platform(node).workers, CatalogueLocation::file(path)));
  }
  template <typename T>
  auto run(io::Task<T> task) {
    return io::sim::run(world, std::move(task));
  }
  void fill(Catalogue& catalogue) {
    ASSERT_TRUE(run(catalogue.put_peer(scope, some_peer())).has_value());
    ASSERT_TRUE(run(catalogue.put_permission(scope, some_permission())).has_value());
    const KeyRow key{.secret_digest = id_of<Digest>(9), .expires = {1000}, .store = "default"};
    ASSERT_TRUE(run(catalogue.put_key(scope, key)).has_value());
    ASSERT_TRUE(run(catalogue.put_store(scope, {.name = "default", .id = id_of<StoreId>(3)})).has_value());
    const MachineRow machine{.id = id_of<MachineId>(40), .name = "web1", .owner = id_of<HostId>(1), .store = "default"};
    ASSERT_TRUE(run(catalogue.put_machine(scope, machine)).has_value());
    ASSERT_TRUE(run(catalogue.put_points(scope, {some_point(1), some_point(2)})).has_value());
  }

  io::sim::World world{io::sim::WorldOptions{.seed = 1}};
  io::sim::NodeId node;
  io::Scope scope;
  std::string folder;
  std::string path;
};

TEST_F(HostDb, EverythingComesBack) {
  {
    const auto catalogue = open();
    ASSERT_TRUE(catalogue.has_value()) << catalogue.error().text();
    fill(**catalogue);
  }
  const auto again = open();
  ASSERT_TRUE(again.has_value()) << again.error().text();
  EXPECT_EQ(run((*again)->peer(scope, id_of<HostId>(1))).value(), some_peer());
  EXPECT_EQ(run((*again)->permission(scope, id_of<HostId>(1))).value(), some_permission());
  EXPECT_EQ(run((*again)->keys(scope)).value().size(), 1U);
  EXPECT_EQ(run((*again)->machines(scope)).value().size(), 1U);
  EXPECT_EQ(run((*again)->points(scope, id_of<MachineId>(40))).value(),
            (std::vector<PointRow>{some_point(1), some_point(2)}));
}

TEST_F(HostDb, ASecondProcessIsKeptOut) {
  const auto catalogue = open();
  ASSERT_TRUE(catalogue.has_value());
  const auto second = open();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::busy) << second.error().text();
}

TEST_F(HostDb, ARegistrationKeyIsUsedByOneRootOnly) {
  const auto catalogue = open();
  ASSERT_TRUE(catalogue.has_value());
  fill(**catalogue);
  const auto join = [&](std::uint8_t root) {
    return run(
        (*catalogue)->complete_enrolment(scope, id_of<Digest>(9), id_of<Digest>(root), some_peer(), some_permission()));
  };
  EXPECT_TRUE(join(70).has_value());
  EXPECT_TRUE(join(70).has_value());  // the answer was lost
  const Status other = join(71);
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::authentication);
}

TEST_F(HostDb, AMachineOfTheSameNameAndOwnerIsRefused) {
  const auto catalogue = open();
  ASSERT_TRUE(catalogue.has_value());
  fill(**catalogue);
  const Status twice =
      run((*catalogue)
              ->put_machine(
                  scope, {.id = id_of<MachineId>(80), .name = "web1", .owner = id_of<HostId>(1), .store = "default"}));
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().code, ErrorCode::already_exists);
  EXPECT_TRUE(
      run((*catalogue)
              ->put_machine(
                  scope, {.id = id_of<MachineId>(80), .name = "web1", .owner = id_of<HostId>(2), .store = "default"}))
          .has_value());
}

TEST_F(HostDb, RemovingAMachineForgetsItsPoints) {
  const auto catalogue = open();
  ASSERT_TRUE(catalogue.has_value());
  fill(**catalogue);
  ASSERT_TRUE(run((*catalogue)->remove_machine(scope, id_of<MachineId>(40))).has_value());
  EXPECT_TRUE(run((*catalogue)->machines(scope)).value().empty());
  EXPECT_TRUE(run((*catalogue)->points(scope, id_of<MachineId>(40))).value().empty());
}

TEST_F(HostDb, WhatIsNoCatalogueIsRefused) {
  std::ofstream(path)
      << "this is not a database, and long enough not to be taken for an empty one ........................";
  const auto opened = open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::damaged);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// All that can be read, or nothing if it is refused.
std::optional<std::vector<std::vector<Row>>> snapshot(const std::string& path) {
  auto database = Database::open(path, all_tables());
  if (!database) return std::nullopt;
  std::vector<std::vector<Row>> tables;
  for (const TableShape* table : all_tables()) {
    auto rows = (*database)->list(*table);
    if (!rows) return std::nullopt;
    tables.push_back(std::move(*rows));
  }
  return tables;
}

TEST_F(HostDb, AFlippedBitIsRefusedOrChangesNoValue) {
  {
    const auto catalogue = open();
    ASSERT_TRUE(catalogue.has_value());
    fill(**catalogue);
  }
  const std::string good = read_file(path);
  const auto expected = snapshot(path);
  ASSERT_TRUE(expected.has_value());
  const std::string trial = folder + "/trial.db";
  std::size_t refused = 0;
  std::size_t tried = 0;
  // Every bit of the file's header, then one bit of every seventh byte, another one each time.
  for (std::size_t at = 0; at < good.size(); at += at < 128 ? 1 : 7) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (at >= 128 && bit != at % 8) continue;
      std::string bad = good;
      bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << bit));
      std::ofstream(trial, std::ios::binary) << bad;
      std::filesystem::remove(trial + "-wal");
      std::filesystem::remove(trial + "-shm");
      const auto found = snapshot(trial);
      ++tried;
      if (!found) {
        ++refused;
      } else {
        ASSERT_EQ(*found, *expected) << "byte " << at << " bit " << bit;
      }
    }
  }
  EXPECT_GT(refused, 100U);
  EXPECT_GT(tried, refused);
}

TEST_F(HostDb, ARowThatDisappearsIsMissed) {
  {
    const auto catalogue = open();
    ASSERT_TRUE(catalogue.has_value());
    fill(**catalogue);
  }
  const std::string command =
      "sqlite3 " + path + " \"PRAGMA journal_mode=DELETE; DELETE FROM points WHERE sequence = 2\" > /dev/null 2>&1";
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "sqlite3 is not installed";
  const auto opened = open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::damaged);
}

TEST_F(HostDb, TheCatalogueInMemorySurvivesItsUser) {
  const KeptInMemory kept("catalogue-test");
  const auto open_kept = [&] {
    return io::sim::run(world, Catalogue::open(scope, world.platform(node).workers, kept.location()));
  };
  {
    const auto catalogue = open_kept();
    ASSERT_TRUE(catalogue.has_value()) << catalogue.error().text();
    fill(**catalogue);
  }
  const auto again = open_kept();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(run((*again)->points(scope, id_of<MachineId>(40))).value().size(), 2U);
}

TEST_F(HostDb, TheCatalogueInMemoryForgetsWhatWasLazy) {
  KeptInMemory kept("forgetful");
  const auto open_kept = [&] {
    return io::sim::run(world, Catalogue::open(scope, world.platform(node).workers, kept.location()));
  };
  const auto points = [&](Catalogue& of) { return run(of.points(scope, id_of<MachineId>(40))).value().size(); };
  {
    const auto catalogue = open_kept();
    ASSERT_TRUE(catalogue.has_value()) << catalogue.error().text();
    fill(**catalogue);  // its points last
    ASSERT_EQ(points(**catalogue), 2U);
  }
  kept.forget_lazy_commits();
  const auto again = open_kept();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(points(**again), 0U);
  EXPECT_EQ(run((*again)->machines(scope)).value().size(), 1U);  // durable before
}

}  // namespace
}  // namespace afterimage::catalogue
