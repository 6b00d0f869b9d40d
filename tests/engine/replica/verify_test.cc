// SPDX-License-Identifier: Apache-2.0
// Every single flipped bit of a journal and of a base is found, and named; what does not need it stays usable.
#include "engine/replica/verify.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "engine/replica/restore.h"
#include "tests/engine/replica/replica_kit.h"

namespace afterimage::replica {
namespace {

using kit::ModelPrimary;
using kit::ReplicaBench;

class Verifying : public testing::Test {
 protected:
  Verifying() {
    EXPECT_TRUE(bench.start().has_value());
    bench.admit(primary);
    for (int i = 0; i < 3; ++i) {
      primary.change(4);
      EXPECT_TRUE(bench.make_point(primary).has_value());
    }
  }
  VerifyOutcome verify_all() {
    auto outcome = bench.run(verify(*bench.scope, bench.machine(primary), std::nullopt, nullptr));
    EXPECT_TRUE(outcome.has_value()) << outcome.error().text();
    return outcome.value_or(VerifyOutcome{});
  }
  [[nodiscard]] std::string journal_path() const {
    return bench.machine_path(primary) + "/journal/0000000000000001.open";
  }
  [[nodiscard]] std::string base_path(const char* name) const {
    return bench.machine_path(primary) + "/" + primary.description().disks[0].id.text() + "/" + name;
  }
  void flip(const std::string& path, std::uint64_t bit) {
    ASSERT_TRUE(bench.disk().rot(path, ByteOffset(bit / 8), static_cast<std::byte>(1U << (bit % 8))).has_value());
  }

  ReplicaBench bench{3};
  ModelPrimary primary{5, {30'000, 50'000}};
};

TEST_F(Verifying, FindsNothingWrongWithAHealthyMachine) {
  const VerifyOutcome outcome = verify_all();
  EXPECT_EQ(outcome.points_verified, 3U);
  EXPECT_EQ(outcome.points_damaged, 0U);
  EXPECT_TRUE(outcome.damage.empty()) << outcome.damage.front().what;
  for (const catalogue::PointRow& row : bench.machine(primary)->points()) EXPECT_TRUE(row.verified_at.has_value());
}

TEST_F(Verifying, EveryFlippedBitOfASegmentIsFoundAndNamed) {
  const std::uint64_t size = bench.disk().size(journal_path())->value();
  const std::vector<JournalPoint> points = bench.machine(primary)->journal()->points();
  for (std::uint64_t bit = 0; bit < size * 8; ++bit) {
    flip(journal_path(), bit);
    const VerifyOutcome outcome = verify_all();
    ASSERT_FALSE(outcome.damage.empty()) << "bit " << bit;
    if (bit / 8 >= format::segment_header_bytes) {  // a frame or a point record: somebody reads it
      ASSERT_GE(outcome.points_damaged, 1U) << "bit " << bit;
      const auto owner =
          std::ranges::find_if(points, [bit](const JournalPoint& point) { return bit / 8 < point.end().value(); });
      const DamagedPlace& place = outcome.damage.front();
      EXPECT_EQ(place.first_point, owner->record.sequence) << "bit " << bit;
      const bool is_record = bit / 8 >= owner->offset.value();
      EXPECT_EQ(place.extent.has_value(), !is_record) << "bit " << bit;
      EXPECT_EQ(place.disk.has_value(), !is_record) << "bit " << bit;
    }
    flip(journal_path(), bit);
  }
  EXPECT_EQ(verify_all().points_verified, 3U);
}

TEST_F(Verifying, EveryFlippedBitOfABaseIsFoundAndNamed) {
  const std::uint64_t size = bench.disk().size(base_path(base_file_name))->value();
  for (std::uint64_t bit = 0; bit < size * 8; bit += 37) {
    flip(base_path(base_file_name), bit);
    const VerifyOutcome outcome = verify_all();
    ASSERT_EQ(outcome.damage.size(), 1U) << "bit " << bit;
    EXPECT_EQ(outcome.damage.front().disk, primary.description().disks[0].id);
    EXPECT_EQ(outcome.damage.front().extent,
              (Extent{.first = BlockIndex(bit / 8 / block_size), .count = BlockCount(std::uint64_t{1})}));
    flip(base_path(base_file_name), bit);
  }
}

// As a device leaves it that loses writes, or a file system check that clears extents: the base has a hole there, and
// its hashes say that it should not.
TEST_F(Verifying, AHoleInABaseThatShouldBeContentIsNeverReadAsZeros) {
  const std::string path = base_path(base_file_name);
  const ByteCount size = *bench.disk().size(path);
  ASSERT_TRUE(bench.disk().resize(path, ByteCount{}, io::sim::Persistence::synced));
  ASSERT_TRUE(bench.disk().resize(path, size, io::sim::Persistence::synced));
  const Sequence first(std::uint64_t{1});
  const auto outcome = bench.run(verify(*bench.scope, bench.machine(primary), first, nullptr));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->points_damaged, 1U);
  const io::Platform platform = bench.world.platform(bench.node);
  auto target = bench.run(platform.disk.open_file(*bench.scope, "/restored", io::OpenMode::create));
  ASSERT_TRUE(target.has_value());
  const auto restored = bench.run(
      restore(*bench.scope, bench.machine(primary), first, primary.description().disks[0].id, **target, nullptr));
  ASSERT_FALSE(restored.has_value());
  EXPECT_EQ(restored.error().code, ErrorCode::damaged) << restored.error().text();
}

TEST_F(Verifying, EveryFlippedBitOfTheSumsIsFound) {
  const std::uint64_t size = bench.disk().size(base_path(sums_file_name))->value();
  for (std::uint64_t bit = 0; bit < size * 8; bit += bit < 4096 * 8 ? 61 : 1) {
    flip(base_path(sums_file_name), bit);
    const VerifyOutcome outcome = verify_all();
    ASSERT_FALSE(outcome.damage.empty()) << "bit " << bit;
    EXPECT_EQ(outcome.damage.front().disk, primary.description().disks[0].id);
    flip(base_path(sums_file_name), bit);
  }
  EXPECT_EQ(verify_all().points_verified, 3U);
}

TEST_F(Verifying, AFlippedBitIsStillFoundAfterARestartAndEarlierPointsStayUsable) {
  const std::vector<JournalPoint> points = bench.machine(primary)->journal()->points();
  const std::uint64_t size = bench.disk().size(journal_path())->value();
  for (std::uint64_t bit = 0; bit < size * 8; bit += 13) {
    flip(journal_path(), bit);
    ASSERT_TRUE(bench.restart().has_value());
    const VerifyOutcome outcome = verify_all();
    ASSERT_FALSE(outcome.damage.empty()) << "bit " << bit;
    ASSERT_EQ(bench.machine(primary)->points().size(), 3U) << "bit " << bit;
    for (const JournalPoint& point : points) {
      if (bit / 8 < point.end().value() && bit / 8 >= format::segment_header_bytes) break;
      const Sequence sequence = point.record.sequence;
      const auto read = bench.read_point(primary, sequence, 0);
      ASSERT_TRUE(read.has_value()) << "bit " << bit << ": " << read.error().text();
      const kit::ModelDisk& expected = primary.acknowledged().at(sequence)[0];
      ASSERT_TRUE(std::ranges::equal(*read, ByteView(expected.content).first(static_cast<std::size_t>(expected.size))));
    }
    flip(journal_path(), bit);
  }
  ASSERT_TRUE(bench.restart().has_value());
  EXPECT_EQ(verify_all().points_verified, 3U);
}

TEST_F(Verifying, SumsWithADamagedHeaderLeaveEveryPointUsable) {
  for (std::uint64_t bit = 3; bit < 4096ULL * 8; bit += 601) {
    flip(base_path(sums_file_name), bit);
    ASSERT_TRUE(bench.restart().has_value());
    EXPECT_FALSE(bench.machine(primary)->findings().empty());
    for (const auto& [sequence, disks] : primary.acknowledged()) {
      EXPECT_TRUE(bench.read_point(primary, sequence, 0).has_value()) << "bit " << bit;
    }
    EXPECT_FALSE(verify_all().damage.empty()) << "bit " << bit;
    flip(base_path(sums_file_name), bit);
    ASSERT_TRUE(bench.restart().has_value());
  }
  EXPECT_EQ(verify_all().points_verified, 3U);
}

TEST_F(Verifying, OnePointIsVerifiedByReadingIt) {
  const Sequence second(std::uint64_t{2});
  const auto fine = bench.run(verify(*bench.scope, bench.machine(primary), second, nullptr));
  ASSERT_TRUE(fine.has_value());
  EXPECT_EQ(fine->points_verified, 1U);
  const std::vector<JournalPoint> points = bench.machine(primary)->journal()->points();
  flip(journal_path(), (points[0].end().value() + 100) * 8);  // in a frame of the second point
  const auto damaged = bench.run(verify(*bench.scope, bench.machine(primary), second, nullptr));
  ASSERT_TRUE(damaged.has_value());
  EXPECT_EQ(damaged->points_damaged, 1U);
  ASSERT_FALSE(damaged->damage.empty());
  EXPECT_TRUE(damaged->damage.front().extent.has_value());
  const auto first = bench.run(verify(*bench.scope, bench.machine(primary), Sequence(std::uint64_t{1}), nullptr));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->points_damaged, 0U);
}

// The checks of the stored bytes are right, so only the hash made beside the guest's disk can tell.
TEST_F(Verifying, AFrameWhoseContentIsNotThatOfItsHashesIsNeverGivenOut) {
  const ByteOffset at = bench.machine(primary)->journal()->points()[0].end();
  const Bytes journal = *bench.disk().read(journal_path());
  const ByteView behind = ByteView(journal).subspan(static_cast<std::size_t>(at.value()));
  const ByteView frame = behind.first(format::FrameHeader::parse(behind)->encoded_size());
  ASSERT_NE(format::FrameView::parse(frame)->raw_bytes(), ByteCount{});
  Bytes forged;
  for (std::size_t i = 0; forged.size() != frame.size() && i < block_size; ++i) {
    forged = kit::encode_again(
        frame, [i](format::FrameIdentity&, format::RawFrame& content) { content.content[i] ^= std::byte{0x55}; });
  }
  ASSERT_EQ(forged.size(), frame.size());
  ASSERT_TRUE(bench.disk().write(journal_path(), at, forged, io::sim::Persistence::synced).has_value());
  const std::size_t disk =
      format::FrameView::parse(frame)->identity().disk == primary.description().disks[0].id ? 0 : 1;
  const auto read = bench.read_point(primary, Sequence(std::uint64_t{2}), disk);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::damaged);
  EXPECT_FALSE(verify_all().damage.empty());
  EXPECT_TRUE(bench.read_point(primary, Sequence(std::uint64_t{1}), disk).has_value());
}

TEST_F(Verifying, ABaseThatIsNotWhatItsHashesSayIsNeverGivenOut) {
  const Bytes base = *bench.disk().read(base_path(base_file_name));
  const Sequence first(std::uint64_t{1});
  const auto whole = bench.read_point(primary, first, 0);
  ASSERT_TRUE(whole.has_value());
  int refused = 0;
  for (std::uint64_t block = 0; block * block_size < base.size(); ++block) {
    flip(base_path(base_file_name), (block * block_size + 1) * 8);
    const auto read = bench.read_point(primary, first, 0);
    // A block that the first cycle sent again is not read from the base.
    if (read) {
      EXPECT_EQ(*read, *whole) << "block " << block;
    } else {
      ++refused;
    }
    flip(base_path(base_file_name), (block * block_size + 1) * 8);
  }
  EXPECT_GT(refused, 0);
}

TEST_F(Verifying, AJournalThatWasRolledBackIsNotBelieved) {
  const std::vector<JournalPoint> points = bench.machine(primary)->journal()->points();
  bench.stop();
  ASSERT_TRUE(bench.disk()
                  .resize(journal_path(), ByteCount(points[1].end().value()), io::sim::Persistence::synced)
                  .has_value());
  ASSERT_TRUE(bench.start().has_value());
  EXPECT_EQ(bench.machine(primary)->state(), MachineState::stopped);
  EXPECT_NE(bench.machine(primary)->stop_reason().find("rolled back"), std::string::npos);
  primary.change(1);
  const Status refused = bench.make_point(primary);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
  EXPECT_TRUE(bench.read_point(primary, Sequence(std::uint64_t{2}), 0).has_value());
}

}  // namespace
}  // namespace afterimage::replica
