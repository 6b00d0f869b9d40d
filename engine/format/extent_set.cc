// SPDX-License-Identifier: Apache-2.0
#include "engine/format/extent_set.h"

#include <algorithm>
#include <iterator>

namespace afterimage::format {
namespace {
Extent from_ends(std::uint64_t first, std::uint64_t end) {
  return {.first = BlockIndex(first), .count = BlockCount(end - first)};
}
}  // namespace

ExtentSet::Ends::const_iterator ExtentSet::reaching(std::uint64_t block) const {
  auto at = ends_.upper_bound(block);
  if (at != ends_.begin() && std::prev(at)->second > block) --at;
  return at;
}

void ExtentSet::add(const Extent& extent) {
  if (extent.count.value() == 0) return;
  std::uint64_t first = extent.first.value();
  std::uint64_t end = extent.end().value();
  // Swallow every extent that overlaps or touches [first, end).
  auto at = ends_.lower_bound(first);
  if (at != ends_.begin() && std::prev(at)->second >= first) --at;
  while (at != ends_.end() && at->first <= end) {
    first = std::min(first, at->first);
    end = std::max(end, at->second);
    at = ends_.erase(at);
  }
  ends_.emplace_hint(at, first, end);
}

void ExtentSet::add(const ExtentSet& other) {
  if (&other == this) return;
  other.for_each([this](const Extent& extent) { add(extent); });
}

void ExtentSet::remove(const Extent& extent) {
  if (extent.count.value() == 0) return;
  const std::uint64_t first = extent.first.value();
  const std::uint64_t end = extent.end().value();
  auto at = reaching(first);
  while (at != ends_.end() && at->first < end) {
    const auto [held_first, held_end] = *at;
    at = ends_.erase(at);
    if (held_first < first) ends_.emplace_hint(at, held_first, first);
    if (held_end > end) at = ends_.emplace_hint(at, end, held_end);
    if (held_end >= end) break;
  }
}

void ExtentSet::remove(const ExtentSet& other) {
  if (&other == this) {
    clear();
    return;
  }
  other.for_each([this](const Extent& extent) { remove(extent); });
}

void ExtentSet::cut_from(BlockIndex block) {
  auto at = ends_.lower_bound(block.value());
  if (at != ends_.begin() && std::prev(at)->second > block.value()) {
    ends_.find(std::prev(at)->first)->second = block.value();
  }
  ends_.erase(at, ends_.end());
}

bool ExtentSet::contains(BlockIndex block) const {
  const auto at = reaching(block.value());
  return at != ends_.end() && at->first <= block.value();
}

bool ExtentSet::contains(const Extent& extent) const {
  if (extent.count.value() == 0) return true;
  const auto at = reaching(extent.first.value());
  return at != ends_.end() && at->first <= extent.first.value() && at->second >= extent.end().value();
}

bool ExtentSet::intersects(const Extent& extent) const {
  if (extent.count.value() == 0) return false;
  const auto at = reaching(extent.first.value());
  return at != ends_.end() && at->first < extent.end().value();
}

BlockCount ExtentSet::blocks() const {
  std::uint64_t total = 0;
  for (const auto& [first, end] : ends_) total += end - first;
  return BlockCount(total);
}

std::vector<Extent> ExtentSet::extents() const {
  std::vector<Extent> all;
  all.reserve(ends_.size());
  for_each([&](const Extent& extent) { all.push_back(extent); });
  return all;
}

std::vector<Extent> ExtentSet::intersect(const Extent& window) const {
  std::vector<Extent> parts;
  if (window.count.value() == 0) return parts;
  const std::uint64_t end = window.end().value();
  for (auto at = reaching(window.first.value()); at != ends_.end() && at->first < end; ++at) {
    parts.push_back(from_ends(std::max(at->first, window.first.value()), std::min(at->second, end)));
  }
  return parts;
}

std::vector<Extent> ExtentSet::gaps(const Extent& window) const {
  std::vector<Extent> parts;
  std::uint64_t next = window.first.value();
  const std::uint64_t end = window.end().value();
  for (auto at = reaching(next); at != ends_.end() && at->first < end; ++at) {
    if (at->first > next) parts.push_back(from_ends(next, at->first));
    next = at->second;
  }
  if (next < end) parts.push_back(from_ends(next, end));
  return parts;
}

ExtentSet ExtentSet::intersect(const ExtentSet& other) const {
  ExtentSet both;
  other.for_each([&](const Extent& extent) {
    for (const Extent& part : intersect(extent))
      both.ends_.emplace_hint(both.ends_.end(), part.first.value(), part.end().value());
  });
  return both;
}

}  // namespace afterimage::format
