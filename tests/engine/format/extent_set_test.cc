// SPDX-License-Identifier: Apache-2.0
#include "engine/format/extent_set.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/engine/format/journal_kit.h"

namespace afterimage::format {
namespace {

constexpr std::uint64_t universe = 96;
using Bitmap = std::array<bool, universe>;

struct Change {
  int kind;  // 0 add, 1 remove, 2 cut
  std::uint64_t first;
  std::uint64_t count;
};

std::vector<Change> some_changes() {
  return *rc::gen::container<std::vector<Change>>(rc::gen::exec([] {
    return Change{*rc::gen::inRange(0, 8) % 3, *rc::gen::inRange<std::uint64_t>(0, universe),
                  *rc::gen::inRange<std::uint64_t>(0, 20)};
  }));
}

void apply(const std::vector<Change>& changes, ExtentSet& set, Bitmap& map) {
  for (const Change& change : changes) {
    const std::uint64_t count = std::min(change.count, universe - change.first);
    const Extent extent = kit::extent(change.first, count);
    if (change.kind == 2 && change.count == 0) {
      set.cut_from(extent.first);
      for (std::uint64_t i = change.first; i < universe; ++i) map[i] = false;
      continue;
    }
    if (change.kind == 1)
      set.remove(extent);
    else
      set.add(extent);
    for (std::uint64_t i = 0; i < count; ++i) map[change.first + i] = change.kind != 1;
  }
}

void expect_equal(const ExtentSet& set, const Bitmap& map) {
  std::uint64_t blocks = 0;
  for (std::uint64_t i = 0; i < universe; ++i) {
    RC_ASSERT(set.contains(BlockIndex(i)) == map[i]);
    blocks += map[i] ? 1U : 0U;
  }
  RC_ASSERT(set.blocks().value() == blocks);
  std::uint64_t reached = 0;
  bool first = true;
  set.for_each([&](const Extent& extent) {
    RC_ASSERT(extent.count.value() > 0);
    RC_ASSERT(first || extent.first.value() > reached);  // neither overlapping nor touching
    reached = extent.end().value();
    first = false;
  });
}

RC_GTEST_PROP(ExtentSet, IsTheSameAsABitmap, ()) {
  ExtentSet set;
  Bitmap map{};
  for (const Change& change : some_changes()) {
    apply({change}, set, map);
    expect_equal(set, map);
  }
}

RC_GTEST_PROP(ExtentSet, AnswersAboutWindowsAsABitmapDoes, ()) {
  ExtentSet set;
  Bitmap map{};
  apply(some_changes(), set, map);
  const auto first = *rc::gen::inRange<std::uint64_t>(0, universe);
  const auto count = *rc::gen::inRange<std::uint64_t>(0, universe - first + 1);
  const Extent window = kit::extent(first, count);
  bool all = true;
  bool any = false;
  for (std::uint64_t i = first; i < first + count; ++i) {
    all = all && map[i];
    any = any || map[i];
  }
  RC_ASSERT(set.contains(window) == all);
  RC_ASSERT(set.intersects(window) == any);
  Bitmap inside{};
  Bitmap outside{};
  for (const Extent& part : set.intersect(window)) {
    for (std::uint64_t i = part.first.value(); i < part.end().value(); ++i) inside[i] = true;
  }
  for (const Extent& part : set.gaps(window)) {
    for (std::uint64_t i = part.first.value(); i < part.end().value(); ++i) outside[i] = true;
  }
  for (std::uint64_t i = 0; i < universe; ++i) {
    const bool in_window = i >= first && i < first + count;
    RC_ASSERT(inside[i] == (in_window && map[i]));
    RC_ASSERT(outside[i] == (in_window && !map[i]));
  }
}

RC_GTEST_PROP(ExtentSet, CombinesAsBitmapsDo, ()) {
  ExtentSet a;
  ExtentSet b;
  Bitmap map_a{};
  Bitmap map_b{};
  apply(some_changes(), a, map_a);
  apply(some_changes(), b, map_b);
  ExtentSet sum = a;
  sum.add(b);
  ExtentSet rest = a;
  rest.remove(b);
  Bitmap map_sum{};
  Bitmap map_rest{};
  Bitmap map_both{};
  for (std::uint64_t i = 0; i < universe; ++i) {
    map_sum[i] = map_a[i] || map_b[i];
    map_rest[i] = map_a[i] && !map_b[i];
    map_both[i] = map_a[i] && map_b[i];
  }
  expect_equal(sum, map_sum);
  expect_equal(rest, map_rest);
  expect_equal(a.intersect(b), map_both);
}

}  // namespace
}  // namespace afterimage::format
