// SPDX-License-Identifier: Apache-2.0
// The recovery table of tail_verdict.h, row by row, and what a store's small files refuse.
#include "engine/replica/tail_verdict.h"

#include <gtest/gtest.h>

#include "engine/replica/store_files.h"

namespace afterimage::replica {
namespace {

using format::RecordLabel;

SegmentNumber segment(std::uint64_t number) { return SegmentNumber(number); }

JournalPoint point(std::uint64_t sequence, std::uint64_t in_segment, std::string damage = {}) {
  JournalPoint made{.record = {}, .digest = {}, .segment = segment(in_segment), .offset = ByteOffset(sequence * 1000)};
  made.record.sequence = Sequence(sequence);
  made.digest.bytes[0] = static_cast<std::byte>(sequence);
  made.damage = std::move(damage);
  return made;
}

TailSegment tail(std::uint64_t number, std::vector<JournalPoint> points, RecordLabel end = RecordLabel::end_of_data) {
  TailSegment made{.number = segment(number), .outcome = {}, .points = std::move(points), .unplaced = {}};
  made.outcome.header = format::SegmentHeader{};
  made.outcome.end = end;
  made.outcome.good_end = ByteOffset(std::uint64_t{5000});
  return made;
}

TailSegment with_damage(TailSegment made, format::DamageAction action) {
  made.outcome.damage.push_back(
      {.label = action == format::DamageAction::cut_off ? RecordLabel::torn : RecordLabel::rot,
       .action = action,
       .offset = ByteOffset(std::uint64_t{5000}),
       .end = ByteOffset(std::uint64_t{5100})});
  made.outcome.end = action == format::DamageAction::cut_off ? RecordLabel::torn : RecordLabel::rot;
  return made;
}

KnownPoints known_up_to(std::uint64_t sequence) {
  KnownPoints known{.is_complete = true, .points = {}};
  for (std::uint64_t i = 1; i <= sequence; ++i) known.points.emplace_back(Sequence(i), point(i, 1).digest);
  return known;
}

TailDecision decide(const std::vector<TailSegment>& segments, const KnownPoints& known, SealedEnd sealed = {}) {
  return decide_tail(sealed, {}, segments, known);
}

TEST(TailVerdicts, Clean) { EXPECT_EQ(decide({tail(1, {point(1, 1)})}, known_up_to(1)).verdict, TailVerdict::clean); }
TEST(TailVerdicts, NothingAtAllIsClean) { EXPECT_EQ(decide({}, {}).verdict, TailVerdict::clean); }

TEST(TailVerdicts, Resumable) {
  TailSegment open = tail(1, {point(1, 1)});
  open.has_open_frames = true;
  EXPECT_EQ(decide({open}, known_up_to(1)).verdict, TailVerdict::resumable);
}

TEST(TailVerdicts, Torn) {
  const TailDecision decision =
      decide({with_damage(tail(1, {point(1, 1)}), format::DamageAction::cut_off)}, known_up_to(1));
  EXPECT_EQ(decision.verdict, TailVerdict::torn);
  EXPECT_EQ(decision.segment, segment(1));
  EXPECT_EQ(decision.offset, ByteOffset(std::uint64_t{5000}));
}

TEST(TailVerdicts, TornWithoutAHeaderIsRemoved) {
  TailSegment empty = tail(2, {});
  empty.outcome.header.reset();
  empty.outcome.good_end = ByteOffset{};
  const TailDecision decision = decide({tail(1, {point(1, 1)}, RecordLabel::sealed), empty}, known_up_to(1));
  EXPECT_EQ(decision.verdict, TailVerdict::torn);
  EXPECT_EQ(decision.segment, segment(2));
  EXPECT_EQ(decision.offset, ByteOffset{});
}

TEST(TailVerdicts, AMissingNameWithNothingAcknowledgedBehindItIsTorn) {
  const TailDecision decision = decide({tail(1, {point(1, 1)}, RecordLabel::sealed), tail(3, {})}, known_up_to(1));
  EXPECT_EQ(decision.verdict, TailVerdict::torn);
  EXPECT_EQ(decision.segment, segment(2));
}

TEST(TailVerdicts, Gap) {
  const std::vector<TailSegment> segments{tail(1, {point(1, 1)}, RecordLabel::sealed), tail(3, {point(2, 3)})};
  EXPECT_EQ(decide(segments, known_up_to(2)).verdict, TailVerdict::gap);
}

TEST(TailVerdicts, Unplaced) {
  TailSegment mixed = tail(1, {point(1, 1)});
  mixed.unplaced = ByteOffset(std::uint64_t{2000});
  const TailDecision decision = decide({mixed}, known_up_to(1));
  EXPECT_EQ(decision.verdict, TailVerdict::unplaced);
  EXPECT_EQ(decision.offset, ByteOffset(std::uint64_t{2000}));
}

TEST(TailVerdicts, APointNobodyWasToldOfWhoseFramesDoNotAddUpIsUnplaced) {
  const TailDecision decision = decide({tail(1, {point(1, 1), point(2, 1, "its root is wrong")})}, known_up_to(1));
  EXPECT_EQ(decision.verdict, TailVerdict::unplaced);
  EXPECT_EQ(decision.offset, point(1, 1).end());
}

TEST(TailVerdicts, TheSamePointAcknowledgedIsRot) {
  EXPECT_EQ(decide({tail(1, {point(1, 1), point(2, 1, "its root is wrong")})}, known_up_to(2)).verdict,
            TailVerdict::rot);
}

TEST(TailVerdicts, Rot) {
  EXPECT_EQ(decide({with_damage(tail(1, {point(1, 1)}), format::DamageAction::quarantine)}, known_up_to(1)).verdict,
            TailVerdict::rot);
}

TEST(TailVerdicts, RolledBack) {
  EXPECT_EQ(decide({tail(1, {point(1, 1)})}, known_up_to(2)).verdict, TailVerdict::rolled_back);
}

TEST(TailVerdicts, SealedFramesWithoutTheirPointAreRolledBack) {
  const SealedEnd sealed{.end = segment(1), .has_open_frames = true};
  EXPECT_EQ(decide({tail(2, {})}, {}, sealed).verdict, TailVerdict::rolled_back);
}

TEST(TailVerdicts, Forked) {
  KnownPoints known = known_up_to(1);
  known.points[0].second.bytes[5] = std::byte{1};
  EXPECT_EQ(decide({tail(1, {point(1, 1)})}, known).verdict, TailVerdict::forked);
}

TEST(TailVerdicts, Foreign) {
  EXPECT_EQ(decide({tail(1, {}, RecordLabel::foreign)}, {}).verdict, TailVerdict::foreign);
}

TEST(TailVerdicts, Unsupported) {
  EXPECT_EQ(decide({tail(1, {}, RecordLabel::unsupported_version)}, {}).verdict, TailVerdict::unsupported);
}

TEST(TailVerdicts, APointThatIsFollowedByAnythingWasAcknowledged) {
  TailSegment open = tail(1, {point(1, 1), point(2, 1)});
  EXPECT_EQ(acknowledged_mark({}, {open}, {}), Sequence(std::uint64_t{1}));
  open.has_open_frames = true;
  EXPECT_EQ(acknowledged_mark({}, {open}, {}), Sequence(std::uint64_t{2}));
  EXPECT_EQ(acknowledged_mark({point(7, 1)}, {}, {}), Sequence(std::uint64_t{7}));
}

// ---- small files

template <typename File>
void expect_every_flip_refused(const File& file) {
  const Bytes good = file.encode();
  ASSERT_TRUE(File::parse(good).has_value());
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(File::parse(bad).has_value()) << "bit " << bit;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(File::parse(ByteView(good).first(size)).has_value()) << "size " << size;
  }
}

MachineFile some_machine() {
  MachineFile file{
      .owner = {.bytes = {std::byte{1}}}, .owner_name = "alpha", .seed_by = SeedBy::medium, .description = {}};
  file.description.id.bytes[0] = std::byte{2};
  file.description.lineage.bytes[0] = std::byte{3};
  file.description.name = "web1";
  file.description.disks.push_back(
      {.id = {.bytes = {std::byte{4}}}, .name = "root", .size = ByteCount(std::uint64_t{5000}), .secret = {}});
  return file;
}

TEST(StoreFiles, AMachineFileComesBack) {
  const MachineFile file = some_machine();
  const auto parsed = MachineFile::parse(file.encode());
  ASSERT_TRUE(parsed.has_value()) << parsed.error().text();
  EXPECT_EQ(*parsed, file);
}
TEST(StoreFiles, EveryFlippedBitAndEveryCutOfAMachineFileIsRefused) { expect_every_flip_refused(some_machine()); }
TEST(StoreFiles, EveryFlippedBitAndEveryCutOfASeedingsProgressIsRefused) {
  expect_every_flip_refused(SeedingProgress{.epoch = Epoch(std::uint64_t{3}),
                                            .frames = 9,
                                            .position = {.disk_index = 1, .block = BlockIndex(std::uint64_t{70})}});
}
TEST(StoreFiles, AStoreMarkerIsALineAnybodyCanRead) {
  const StoreMarker marker{.id = {.bytes = {std::byte{0xab}}}};
  EXPECT_EQ(text_of(marker.encode()), "afterimage store 1 ab000000000000000000000000000000\n");
  EXPECT_EQ(StoreMarker::parse(marker.encode())->id, marker.id);
  for (const char* bad : {"", "\n", "afterimage store 1 ab\n", "afterimage store 2 ab000000000000000000000000000000\n",
                          "afterimage store 1 00000000000000000000000000000000\n",
                          "afterimage store 1 ab000000000000000000000000000000"}) {
    EXPECT_FALSE(StoreMarker::parse(view_of(bad)).has_value()) << bad;
  }
}
TEST(StoreFiles, OnlySegmentNamesAreSegmentNames) {
  EXPECT_EQ(parse_segment_name(sealed_name(segment(0xabc)), sealed_suffix), segment(0xabc));
  EXPECT_EQ(parse_segment_name(staging_name(segment(7)), staging_suffix), segment(7));
  for (const char* bad : {"0000000000000000.open", "00000000000000AB.open", "1.open", "0000000000000001.segment", "..",
                          "0000000000000001.open.new"}) {
    EXPECT_FALSE(parse_segment_name(bad, staging_suffix).has_value()) << bad;
  }
}

}  // namespace
}  // namespace afterimage::replica
