// SPDX-License-Identifier: Apache-2.0
// The laws of the journal's algebra, over random histories of two disks with resizes, staged content and cycles that
// span segments:
//   - a view of any point equals the disk as it was then;
//   - the base with everything applied equals the view;
//   - merging in any grouping, once or again, leaves every view that is left as it was.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/engine/format/history_model.h"

namespace afterimage::format {
namespace {

constexpr std::uint64_t blocks_max = 24;

std::uint64_t some_size() {
  // Whole blocks, and ends in the middle of one.
  const std::uint64_t blocks = *rc::gen::inRange<std::uint64_t>(1, blocks_max);
  return blocks * block_size + 512 * *rc::gen::weightedElement<std::uint64_t>({{3, 0}, {1, 1}, {1, 5}, {1, 7}});
}

model::DiskCycle some_disk_cycle(std::uint64_t& size, std::uint64_t& seed) {
  model::DiskCycle cycle{.smallest = size, .after = size, .writes = {}};
  if (*rc::gen::inRange(0, 3) == 0) {
    cycle.after = some_size();
    cycle.smallest = some_size();
  }
  size = cycle.after;
  const int writes = *rc::gen::inRange(0, 14);
  std::uint64_t block = 0;
  for (int i = 0; i < writes; ++i) {
    // Often the next block, so that there are extents of many blocks.
    block = *rc::gen::inRange(0, 2) == 0 ? block + 1 : *rc::gen::inRange<std::uint64_t>(0, blocks_max);
    const bool zero = *rc::gen::inRange(0, 4) == 0;
    cycle.writes.push_back({.block = block % blocks_max, .seed = zero ? 0 : ++seed});
  }
  return cycle;
}

struct History {
  std::vector<model::Image> bases;
  std::vector<model::Cycle> cycles;
};

History some_history() {
  History history;
  std::uint64_t seed = 1'000'000;
  std::vector<std::uint64_t> sizes;
  for (std::size_t d = 0; d < model::disks.size(); ++d) {
    sizes.push_back(some_size());
    model::Image base(sizes.back());
    for (std::size_t i = 0; i < base.size(); ++i) base[i] = static_cast<std::byte>(0x80 + d + i / block_size);
    history.bases.push_back(std::move(base));
  }
  const int cycles = *rc::gen::inRange(1, 7);
  for (int k = 0; k < cycles; ++k) {
    model::Cycle cycle;
    cycle.frame_blocks = *rc::gen::inRange<std::uint64_t>(1, 12);
    cycle.staged = *rc::gen::inRange(0, 4) == 0;
    cycle.new_segment = *rc::gen::inRange(0, 3) == 0;
    for (std::uint64_t& size : sizes) cycle.disks.push_back(some_disk_cycle(size, seed));
    history.cycles.push_back(std::move(cycle));
  }
  return history;
}

std::vector<std::uint64_t> some_groups() {
  return *rc::gen::container<std::vector<std::uint64_t>>(6, rc::gen::inRange<std::uint64_t>(0, 5));
}

// Compares the view of every point that is left with the disk as it was.
void expect_all_views(const model::Journal& journal, const History& history,
                      const std::vector<std::vector<model::Image>>& moments) {
  for (const JournalRun& run : journal.runs) {
    if (!run.run->closed()) continue;
    const std::uint64_t sequence = run.run->sequence().value();
    for (std::size_t d = 0; d < model::disks.size(); ++d) {
      RC_ASSERT(model::read_view(journal, d, sequence, history.bases[d]) == moments[sequence - 1][d]);
    }
  }
}

RC_GTEST_PROP(Algebra, ViewOfEveryPointIsTheDiskAsItWas, ()) {
  const History history = some_history();
  std::vector<std::vector<model::Image>> moments;
  const model::Journal journal = model::record(history.cycles, history.bases, moments);
  expect_all_views(journal, history, moments);
  RC_ASSERT(model::all_sealed(journal));
}

RC_GTEST_PROP(Algebra, BaseWithEverythingAppliedIsTheView, ()) {
  const History history = some_history();
  std::vector<std::vector<model::Image>> moments;
  const model::Journal journal = model::record(history.cycles, history.bases, moments);
  for (std::uint64_t sequence = 1; sequence <= moments.size(); ++sequence) {
    for (std::size_t d = 0; d < model::disks.size(); ++d) {
      RC_ASSERT(model::fold(journal, d, sequence, history.bases[d]) == moments[sequence - 1][d]);
    }
  }
}

RC_GTEST_PROP(Algebra, MergedInAnyGroupingAllViewsThatAreLeftAreTheSame, ()) {
  const History history = some_history();
  std::vector<std::vector<model::Image>> moments;
  const model::Journal journal = model::record(history.cycles, history.bases, moments);
  const model::Journal once = model::merged(journal, some_groups());
  expect_all_views(once, history, moments);
  const model::Journal again = model::merged(once, some_groups());
  expect_all_views(again, history, moments);
  const model::Journal whole = model::merged(again, {100});
  expect_all_views(whole, history, moments);
  RC_ASSERT(model::all_sealed(whole));
}

RC_GTEST_PROP(Algebra, MergedEqualsAppliedInTurn, ()) {
  const History history = some_history();
  std::vector<std::vector<model::Image>> moments;
  const model::Journal journal = model::record(history.cycles, history.bases, moments);
  const model::Journal whole = model::merged(journal, {100});
  for (std::size_t d = 0; d < model::disks.size(); ++d) {
    RC_ASSERT(model::fold(whole, d, moments.size(), history.bases[d]) == moments.back()[d]);
  }
}

// One disk of 16 blocks, all written in one frame, then what the test says.
model::Cycle cycle_of(std::vector<model::Write> writes, std::uint64_t smallest = 16 * block_size,
                      std::uint64_t after = 16 * block_size) {
  model::Cycle cycle;
  cycle.frame_blocks = 16;
  cycle.disks = {{.smallest = smallest, .after = after, .writes = std::move(writes)},
                 {.smallest = block_size, .after = block_size, .writes = {}}};
  return cycle;
}

model::Cycle all_blocks() {
  std::vector<model::Write> writes;
  writes.reserve(16);
  for (std::uint64_t i = 0; i < 16; ++i) writes.push_back({.block = i, .seed = i + 1});
  return cycle_of(std::move(writes));
}

model::Journal journal_of(const std::vector<model::Cycle>& cycles) {
  std::vector<std::vector<model::Image>> moments;
  return model::record(cycles, {model::Image(16 * block_size), model::Image(block_size)}, moments);
}

TEST(MergePlan, FrameIsCopiedWhileThreeQuartersAreLive) {
  const model::Journal journal = journal_of({all_blocks(), cycle_of({{0, 91}, {1, 92}, {2, 93}, {3, 94}})});
  const auto plan = plan_merge(journal.runs);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->copies.size(), 2U);
  EXPECT_TRUE(plan->rewrites.empty());
  EXPECT_EQ(plan->live_blocks, 16U);
  EXPECT_EQ(plan->from.value(), 0U);
  EXPECT_EQ(plan->to.value(), 2U);
}

TEST(MergePlan, FrameWithLessIsRewritten) {
  const model::Journal journal = journal_of({all_blocks(), cycle_of({{0, 91}, {1, 92}, {2, 93}, {3, 94}, {9, 95}})});
  const auto plan = plan_merge(journal.runs);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->copies.size(), 1U);
  EXPECT_EQ(plan->rewritten_blocks, 11U);
}

TEST(MergePlan, FrameWithBlocksThatAShrinkCutIsNeverCopied) {
  const model::Journal journal = journal_of({all_blocks(), cycle_of({}, 15 * block_size)});
  const auto plan = plan_merge(journal.runs);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->copies.empty());
  EXPECT_EQ(plan->rewritten_blocks, 15U);
  EXPECT_EQ(plan->sizes[0].sizes.smallest.value(), 15 * block_size);
}

TEST(MergePlan, FrameWhollyOverwrittenIsDropped) {
  const model::Journal journal = journal_of({all_blocks(), all_blocks()});
  const auto plan = plan_merge(journal.runs);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->frames_in, 2U);
  EXPECT_EQ(plan->copies.size(), 1U);
  EXPECT_TRUE(plan->rewrites.empty());
}

TEST(MergePlan, NeedsWholeCyclesInOrder) {
  model::Journal journal = journal_of({all_blocks(), all_blocks()});
  EXPECT_FALSE(plan_merge({}));
  EXPECT_FALSE(plan_merge({journal.runs[1], journal.runs[0]}));
}

TEST(Merger, ContentThatDoesNotMatchItsHashStopsTheMerge) {
  const model::Journal journal = journal_of({all_blocks(), cycle_of({}, 15 * block_size)});
  DiskSecret other = kit::secret;
  other.bytes[0] ^= std::byte{1};
  Merger merger(*plan_merge(journal.runs), {.hashers = {{kit::disk_a, std::make_shared<const BlockHasher>(other)}}});
  ASSERT_TRUE(merger.next_frame());
  ASSERT_TRUE(merger.want());
  const Status fed = merger.feed(journal.fetch(merger.want()->segment, merger.want()->place));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, ErrorCode::damaged);
}

TEST(Merger, AnotherFrameThanTheIndexSaysIsRefused) {
  const model::Journal journal = journal_of({all_blocks()});
  Merger merger(*plan_merge(journal.runs), {});
  ASSERT_TRUE(merger.next_frame());
  const Status fed = merger.feed(kit::frame(kit::identity(1, 9), 0, 16));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, ErrorCode::damaged);
  EXPECT_FALSE(merger.feed(Bytes(100)));
}

TEST(Merger, WithoutTheSecretOfADiskSaysSo) {
  const model::Journal journal = journal_of({all_blocks(), cycle_of({}, 15 * block_size)});
  Merger merger(*plan_merge(journal.runs), {});
  ASSERT_TRUE(merger.next_frame());
  const Status fed = merger.feed(journal.fetch(merger.want()->segment, merger.want()->place));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, ErrorCode::invalid_argument);
}

TEST(ViewPlan, WithoutRunsIsTheBase) {
  const auto plan = ViewPlan::make(kit::disk_a, {}, ByteCount(std::uint64_t{10'000}));
  ASSERT_TRUE(plan);
  const auto pieces = plan->plan(kit::extent(0, 100));
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces[0].extent, kit::extent(0, 3));
  EXPECT_EQ(pieces[0].source, PieceSource::base);
  EXPECT_EQ(pieces[0].last_block_bytes, 10'000U - 2 * 4096U);
}

TEST(ViewPlan, RefusesWhatIsNoPoint) {
  const model::Journal journal = journal_of({all_blocks(), all_blocks()});
  EXPECT_EQ(ViewPlan::make(kit::id_of<DiskId>(1), journal.newest_first(2), {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(ViewPlan::make(kit::disk_a, journal.runs, {}).error().code, ErrorCode::invalid_argument);
}

TEST(ViewPlan, NeighboursInOneFrameAreOnePiece) {
  const model::Journal journal = journal_of({all_blocks(), cycle_of({{5, 99}})});
  const auto plan = ViewPlan::make(kit::disk_a, journal.newest_first(2), ByteCount(16 * block_size));
  const auto pieces = plan->plan(kit::extent(0, 16));
  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_EQ(pieces[0].extent, kit::extent(0, 5));
  EXPECT_EQ(pieces[1].extent, kit::extent(5, 1));
  EXPECT_EQ(pieces[2].extent, kit::extent(6, 10));
  EXPECT_EQ(pieces[2].raw_block, 6U);
}

TEST(Merge, LargeResultIsCutIntoSegments) {
  std::vector<JournalRun> runs;
  model::Journal journal;
  SegmentBuilder builder;
  Bytes file = builder.begin(kit::header(1));
  // 40 MiB that does not compress, twice: two segments become one of 64 MiB and the rest.
  std::uint32_t number = 0;
  PointRecord point = kit::point(1, 1);
  point.disks[0].sizes = kit::steady(1 << 30);
  for (std::uint64_t segment = 1; segment <= 2; ++segment) {
    for (std::uint64_t i = 0; i < 160; ++i) {
      const Bytes encoded = kit::frame(kit::identity(1, number++), (segment * 1000 + i) * 64, 64, segment);
      kit::append(file, *builder.append_frame(encoded));
    }
    if (segment == 2) kit::append(file, *builder.append_point(point));
    kit::append(file, *builder.seal());
    journal.segments[segment] = std::move(file);
    for (const auto& run : builder.runs()) journal.runs.push_back({.segment = SegmentNumber(segment), .run = run});
    builder = SegmentBuilder();
    file = builder.begin(kit::header(segment + 1));
  }
  journal.points = {point};
  const model::Journal result = model::merged(journal, {1});
  std::size_t made = 0;
  for (const auto& [segment, bytes] : result.segments) {
    EXPECT_LE(bytes.size(), limits::segment_bytes_max);
    EXPECT_EQ(kit::scan(bytes).outcome.end, RecordLabel::sealed);
    if (segment > 2) ++made;
  }
  EXPECT_EQ(made, 2U);
  EXPECT_EQ(result.runs.size(), 2U);
  EXPECT_FALSE(result.runs[0].run->closed());
  EXPECT_TRUE(result.runs[1].run->closed());
}

}  // namespace
}  // namespace afterimage::format
