// SPDX-License-Identifier: Apache-2.0
// Sessions of a primary with the replica, without faults: what is accepted, what is refused, and what stays.
#include <algorithm>

#include <gtest/gtest.h>

#include "engine/replica/verify.h"
#include "tests/engine/replica/replica_kit.h"

namespace afterimage::replica {
namespace {

using kit::ModelPrimary;
using kit::ReplicaBench;

class Receiving : public testing::Test {
 protected:
  Receiving() {
    EXPECT_EQ(bench.start().has_value(), true);
    bench.admit(primary);
  }
  void make_points(int count) {
    for (int i = 0; i < count; ++i) {
      primary.change(9);
      const Status made = bench.make_point(primary);
      ASSERT_TRUE(made.has_value()) << made.error().text();
    }
  }

  ReplicaBench bench{7};
  ModelPrimary primary{11};
};

TEST_F(Receiving, EveryPointReadsAsThePrimaryWas) {
  make_points(5);
  EXPECT_EQ(primary.acknowledged().size(), 5U);
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Receiving, PointsSurviveARestart) {
  make_points(3);
  ASSERT_TRUE(bench.restart().has_value());
  EXPECT_EQ(bench.check(primary), "");
  make_points(2);
  EXPECT_EQ(bench.check(primary), "");
  EXPECT_EQ(bench.machine(primary)->points().size(), 5U);
}

TEST_F(Receiving, PointsSurviveTheLossOfTheCatalogue) {
  make_points(3);
  bench.stop();
  bench.kept.~KeptInMemory();
  new (&bench.kept) catalogue::KeptInMemory("another");
  ASSERT_TRUE(bench.start().has_value());
  EXPECT_EQ(bench.check(primary), "");
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const Status refused = bench.run(primary.make_point(*bench.scope, *sink));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::permission_denied);
}

// Of a machine without a point, whose image has grown.
TEST_F(Receiving, AResizeOfTheBaseThatFailedIsDoneByTheNextSession) {
  MachineDescription grown = primary.description();
  const auto open = [&](const MachineDescription& description) -> Status {
    const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
    const auto welcome = bench.run(sink->open(*bench.scope, description, SeedBy::network));
    if (!welcome) return std::unexpected(welcome.error());
    return {};
  };
  {
    const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
    const auto welcome = bench.run(sink->open(*bench.scope, grown, SeedBy::network));
    ASSERT_TRUE(welcome) << welcome.error().text();
    ASSERT_TRUE(bench.run(primary.stage(*bench.scope, *sink, *welcome)));
  }
  const Status opened = open(grown);  // with what was staged it is no blank machine
  ASSERT_TRUE(opened) << opened.error().text();
  grown.disks[0].size += ByteCount(std::uint64_t{100'000});
  const std::string base = bench.machine_path(primary) + "/" + grown.disks[0].id.text() + "/base.";
  for (const std::uint64_t skipped : {0U, 1U, 1U}) {  // the image, then its hashes, cut and grown
    bench.disk().add_fault({.match = {.kind = io::sim::OperationKind::resize, .path_part = base, .skip = skipped},
                            .count = 1,
                            .error = ENOSPC});
    EXPECT_FALSE(open(grown)) << skipped;
    bench.disk().clear_faults();
  }
  // A sync of the hashes that failed is final for the open file: the machine stops, and is opened anew.
  grown.disks[0].size += ByteCount(std::uint64_t{100'000});
  bench.disk().add_fault(
      {.match = {.kind = io::sim::OperationKind::sync, .path_part = base + "sums"}, .count = 1, .error = EIO});
  EXPECT_FALSE(open(grown));
  bench.disk().clear_faults();
  EXPECT_NE(bench.machine(primary)->stop_reason(), "");
  const Status again = open(grown);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(bench.disk().size(base + "raw"), grown.disks[0].size);
}

// Whoever only said its name and went keeps no name, no place and no files. What a medium is on its way for stays, and
// so does what has had a frame.
TEST_F(Receiving, ASessionThatBroughtNothingLeavesNothing) {
  bench.store->begin_mending();
  const auto visit = [&](SeedBy seed_by, bool stages) {
    {
      const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
      const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), seed_by));
      ASSERT_TRUE(welcome) << welcome.error().text();
      if (stages) {
        ASSERT_TRUE(bench.run(primary.stage(*bench.scope, *sink, *welcome)));
      }
      (void)bench.world.run_for(std::chrono::seconds(5));
      ASSERT_NE(bench.machine(primary), nullptr) << "in the middle of its session";
    }
    (void)bench.world.run_for(std::chrono::seconds(5));
  };
  visit(SeedBy::network, false);
  EXPECT_EQ(bench.machine(primary), nullptr);
  EXPECT_FALSE(bench.disk().exists(bench.machine_path(primary)));
  EXPECT_TRUE(bench.run(bench.catalogue->machines(*bench.scope))->empty());
  visit(SeedBy::medium, false);
  EXPECT_NE(bench.machine(primary), nullptr);
  visit(SeedBy::network, true);
  EXPECT_NE(bench.machine(primary), nullptr);
}

// A seed whose progress was lost looks as if nothing had come: its base has content, and is kept for people to judge.
TEST_F(Receiving, ABaseWithContentIsNeverSwept) {
  {
    const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
    ASSERT_TRUE(bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network)));
  }
  const std::string base = bench.machine_path(primary) + "/" + primary.description().disks[0].id.text() + "/base.raw";
  ASSERT_TRUE(bench.disk().write(base, ByteOffset{}, view_of("content"), io::sim::Persistence::synced));
  bench.store->begin_mending();
  (void)bench.world.run_for(std::chrono::seconds(5));
  EXPECT_NE(bench.machine(primary), nullptr);
  EXPECT_TRUE(bench.disk().exists(base));
}

// As an image that is larger than any file on the store's file system.
TEST_F(Receiving, AMachineWhoseBaseCannotBeMadeLeavesNothing) {
  bench.disk().add_fault({.match = {.kind = io::sim::OperationKind::resize, .path_part = "base.raw"}, .error = EFBIG});
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_FALSE(welcome);
  EXPECT_EQ(welcome.error().code, ErrorCode::no_space) << welcome.error().text();
  EXPECT_EQ(bench.machine(primary), nullptr);
  EXPECT_TRUE(bench.store->troubles().empty());
  EXPECT_FALSE(bench.disk().exists(bench.machine_path(primary)));
  EXPECT_TRUE(bench.run(bench.catalogue->machines(*bench.scope))->empty());
}

// A protection that never brought anything does not keep its name from the next one; any that did does.
TEST_F(Receiving, ABlankMachineGivesItsNameToTheNextProtection) {
  MachineDescription description = primary.description();
  const auto open = [&] {
    description.id.bytes[5] ^= std::byte{1};
    description.lineage.bytes[5] ^= std::byte{1};
    const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
    return bench.run(sink->open(*bench.scope, description, SeedBy::network)).has_value();
  };
  EXPECT_TRUE(open());
  EXPECT_TRUE(open());
  EXPECT_TRUE(bench.restart().has_value());
  EXPECT_EQ(bench.store->machines().size(), 1U);
  make_points(1);
  EXPECT_FALSE(open());
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Receiving, AnotherHostMayNotUseTheMachine) {
  make_points(1);
  ModelPrimary stranger{99};
  bench.admit(stranger);
  const std::unique_ptr<PointSink> sink = bench.store->receiver(stranger.peer());
  const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_FALSE(welcome.has_value());
  EXPECT_EQ(welcome.error().code, ErrorCode::permission_denied);
  EXPECT_NE(welcome.error().text().find("belongs to host alpha"), std::string::npos) << welcome.error().text();
}

TEST_F(Receiving, ARevokedHostIsRefused) {
  make_points(1);
  ASSERT_TRUE(bench.run(bench.catalogue->revoke_peer(*bench.scope, primary.peer().id)).has_value());
  primary.change(2);
  const Status made = bench.make_point(primary);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, ErrorCode::permission_denied);
}

TEST_F(Receiving, ASecondSessionFencesTheFirst) {
  make_points(1);
  const std::unique_ptr<PointSink> first = bench.store->receiver(primary.peer());
  const std::unique_ptr<PointSink> second = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(first->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(welcome.has_value());
  ASSERT_TRUE(bench.run(second->open(*bench.scope, primary.description(), SeedBy::network)).has_value());
  primary.prepare_pending(welcome->newest_epoch.next());
  const Status refused = bench.run(primary.send_pending(*bench.scope, *first));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_TRUE(bench.run(primary.send_pending(*bench.scope, *second)).has_value());
  EXPECT_EQ(bench.check(primary), "");
}

TEST_F(Receiving, AWrongParentIsAConflictThatNamesTheHead) {
  make_points(2);
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(welcome.has_value());
  BeginEpoch begin{.kind = EpochKind::cycle, .epoch = welcome->newest_epoch.next(), .parent = welcome->head};
  begin.parent.digest.bytes[0] ^= std::byte{1};
  const auto need = bench.run(sink->begin(*bench.scope, begin));
  ASSERT_FALSE(need.has_value());
  EXPECT_EQ(need.error().code, ErrorCode::conflict);
  EXPECT_NE(need.error().text().find(welcome->head.digest.text()), std::string::npos);
}

// As a primary numbers its points after the replica's store was put back to an older state.
TEST_F(Receiving, ANumberMayBeLeftOutBehindTheRightParentOnly) {
  make_points(2);
  primary.change(9);
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(welcome.has_value());
  primary.prepare_pending(welcome->newest_epoch.next());
  primary.pending_record().sequence = Sequence(std::uint64_t{7});
  ASSERT_TRUE(bench.run(primary.send_pending(*bench.scope, *sink)).has_value());
  EXPECT_EQ(bench.check(primary), "");
  make_points(1);
  ASSERT_TRUE(bench.restart().has_value());
  EXPECT_EQ(bench.check(primary), "");
  EXPECT_EQ(bench.machine(primary)->points().size(), 4U);
  EXPECT_EQ(bench.machine(primary)->points().back().sequence, Sequence(std::uint64_t{8}));
  const auto outcome = bench.run(verify(*bench.scope, bench.machine(primary), std::nullopt, nullptr));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->points_verified, 4U);
}

TEST_F(Receiving, AStaleEpochIsRefused) {
  make_points(2);
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(welcome.has_value());
  const auto need = bench.run(
      sink->begin(*bench.scope, {.kind = EpochKind::cycle, .epoch = welcome->newest_epoch, .parent = welcome->head}));
  ASSERT_FALSE(need.has_value());
  EXPECT_EQ(need.error().code, ErrorCode::conflict);
}

TEST_F(Receiving, TheSamePointAgainGetsTheSameReceipt) {
  make_points(2);
  const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(welcome.has_value());
  primary.change(3);
  primary.prepare_pending(welcome->newest_epoch.next());
  const format::PointRecord record = primary.pending_record();
  ASSERT_TRUE(bench.run(primary.send_pending(*bench.scope, *sink)).has_value());
  const auto again = bench.run(sink->commit(*bench.scope, record));
  ASSERT_TRUE(again.has_value()) << again.error().text();
  EXPECT_EQ(again->digest, record.digest());
  EXPECT_EQ(bench.machine(primary)->points().size(), 3U);
}

TEST_F(Receiving, FramesThatCameBeforeACutNeedNotComeAgain) {
  make_points(1);
  std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(welcome.has_value());
  primary.change(3);
  primary.prepare_pending(welcome->newest_epoch.next());
  const BeginEpoch begin{.kind = EpochKind::cycle, .epoch = primary.pending_record().epoch, .parent = welcome->head};
  ASSERT_TRUE(bench.run(sink->begin(*bench.scope, begin)).has_value());
  ASSERT_TRUE(bench.run(sink->append(*bench.scope, primary.pending_frames().front())).has_value());
  sink = bench.store->receiver(primary.peer());
  const auto again = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(again.has_value());
  ASSERT_TRUE(again->unfinished.has_value());
  EXPECT_EQ(again->unfinished->epoch, begin.epoch);
  EXPECT_EQ(again->unfinished->frames, 1U);
  EXPECT_TRUE(bench.run(primary.send_pending(*bench.scope, *sink)).has_value());
  EXPECT_EQ(bench.check(primary), "");
}

// A primary that lost its own progress sends again from an earlier block, of images that have changed since.
// A batch is stored while the next one comes: whichever of them fails, the session hears why, and nothing is lost.
TEST(ReceivingBatches, OneThatCannotBeStoredIsTheAnswerToALaterCall) {
  for (std::uint64_t write = 0;; ++write) {
    ReplicaBench bench(write + 1);
    ModelPrimary primary(write + 1, {3'000'000});
    primary.frame_blocks = 1;
    ASSERT_TRUE(bench.start().has_value());
    bench.admit(primary);
    ASSERT_TRUE(bench.make_point(primary).has_value());
    primary.change(2000);  // some 600 frames: two batches, and what is left
    bench.disk().add_fault({.match = {.kind = io::sim::OperationKind::write, .path_part = ".open", .skip = write},
                            .count = 1,
                            .error = ENOSPC});
    const Status made = bench.make_point(primary);
    if (bench.disk().faults_injected() == 0) {
      ASSERT_TRUE(made.has_value()) << made.error().text();
      EXPECT_GT(write, 2U);
      break;
    }
    ASSERT_FALSE(made.has_value()) << "write " << write;
    EXPECT_EQ(made.error().code, ErrorCode::no_space) << "write " << write << ": " << made.error().text();
    const Status again = bench.make_point(primary);
    ASSERT_TRUE(again.has_value()) << "write " << write << ": " << again.error().text();
    ASSERT_EQ(bench.check(primary), "") << "write " << write;
  }
}

TEST_F(Receiving, ASeedThatGoesBackIsNotAheadOfItselfAfterARestart) {
  std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
  const auto welcome = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(welcome.has_value());
  ASSERT_TRUE(bench.run(primary.stage(*bench.scope, *sink, *welcome)).has_value());
  primary.write(0, 0, std::byte{7});
  primary.prepare_pending(welcome->newest_epoch.next().next());
  const BeginEpoch closing{.kind = EpochKind::cycle, .epoch = primary.pending_record().epoch, .parent = {}};
  ASSERT_TRUE(bench.run(sink->begin(*bench.scope, closing)).has_value());  // makes the whole seed durable
  sink = bench.store->receiver(primary.peer());
  const auto whole = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(whole.has_value() && whole->staged.has_value());
  const BeginEpoch seeding{.kind = EpochKind::seeding, .epoch = whole->staged->epoch, .parent = {}};
  ASSERT_TRUE(bench.run(sink->begin(*bench.scope, seeding)).has_value());
  const Bytes first =
      kit::encode_again(primary.pending_frames().front(), [&](format::FrameIdentity& identity, format::RawFrame&) {
        identity.birth = whole->staged->epoch;
        identity.number = whole->staged->frames;
      });
  ASSERT_TRUE(bench.run(sink->append(*bench.scope, first)).has_value());
  sink = bench.store->receiver(primary.peer());  // and the connection is cut
  ASSERT_TRUE(bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network)).has_value());
  ASSERT_TRUE(bench.restart().has_value());
  sink = bench.store->receiver(primary.peer());
  const auto back = bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network));
  ASSERT_TRUE(back.has_value() && back->staged.has_value());
  EXPECT_LT(back->staged->position, whole->staged->position);
  EXPECT_EQ(back->staged->position, (SeedingPosition{.disk_index = 0, .block = {}}));
}

// What a peer may get wrong about a cycle: each is refused, the head stays, and an honest session goes on.
class BadCycle : public Receiving {
 protected:
  void SetUp() override {
    make_points(2);
    primary.change(12);
    primary.prepare_pending(Epoch(std::uint64_t{1000}));
  }
  void expect_refused(ErrorCode code) {
    const std::unique_ptr<PointSink> sink = bench.store->receiver(primary.peer());
    ASSERT_TRUE(bench.run(sink->open(*bench.scope, primary.description(), SeedBy::network)).has_value());
    const Head before = bench.machine(primary)->head();
    const Status refused = bench.run(primary.send_pending(*bench.scope, *sink));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, code) << refused.error().text();
    EXPECT_EQ(bench.machine(primary)->head(), before);
    EXPECT_EQ(bench.machine(primary)->stop_reason(), "");
    ModelPrimary& honest = primary;
    honest.prepare_pending(Epoch(std::uint64_t{2000}));
    const Status made = bench.make_point(honest);
    EXPECT_TRUE(made.has_value()) << made.error().text();
    EXPECT_EQ(bench.check(honest), "");
  }
};

TEST_F(BadCycle, AChangeRootThatIsNotTheFramesIsRefused) {
  primary.pending_record().disks[1].change_root.bytes[5] ^= std::byte{1};
  expect_refused(ErrorCode::damaged);
}
TEST_F(BadCycle, AMissingFrameIsRefused) {
  primary.pending_frames().pop_back();
  expect_refused(ErrorCode::damaged);
}
TEST_F(BadCycle, AFrameOutOfOrderIsRefused) {
  std::swap(primary.pending_frames()[0], primary.pending_frames()[1]);
  expect_refused(ErrorCode::protocol);
}
TEST_F(BadCycle, AFlippedBitInAFrameIsRefused) {
  primary.pending_frames()[1][100] ^= std::byte{4};
  expect_refused(ErrorCode::damaged);
}
TEST_F(BadCycle, AFrameOfAnotherEpochIsRefused) {
  Bytes& frame = primary.pending_frames()[1];
  frame = kit::encode_again(
      frame, [](format::FrameIdentity& identity, format::RawFrame&) { identity.birth = Epoch(std::uint64_t{999}); });
  expect_refused(ErrorCode::protocol);
}
TEST_F(BadCycle, AFrameWhoseContentIsNotThatOfItsHashesIsRefused) {
  const auto has_data = [](const Bytes& frame) { return format::FrameView::parse(frame)->raw_bytes() != ByteCount{}; };
  Bytes& frame = *std::ranges::find_if(primary.pending_frames(), has_data);
  frame = kit::encode_again(
      frame, [](format::FrameIdentity&, format::RawFrame& content) { content.content[7] ^= std::byte{1}; });
  expect_refused(ErrorCode::damaged);
}
TEST_F(BadCycle, ARecordWhoseNumberIsTakenIsRefused) {
  primary.pending_record().sequence = primary.head().sequence;
  expect_refused(ErrorCode::conflict);
}
TEST_F(BadCycle, ARecordOfAnotherMachineIsRefused) {
  primary.pending_record().machine.bytes[0] ^= std::byte{1};
  expect_refused(ErrorCode::conflict);
}
TEST_F(BadCycle, ASizeThatDoesNotFollowIsRefused) {
  primary.pending_record().disks[0].sizes.before += ByteCount(std::uint64_t{4096});
  expect_refused(ErrorCode::damaged);
}

}  // namespace
}  // namespace afterimage::replica
