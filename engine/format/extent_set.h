// SPDX-License-Identifier: Apache-2.0
// A set of blocks as extents that neither overlap nor touch. Exact whatever is added and removed in whatever order.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "io/base/units.h"

namespace afterimage::format {

// Externally serialised. add and remove cost O(log n + extents swallowed). Extents of no blocks change nothing.
class ExtentSet {
 public:
  void add(const Extent& extent);
  void add(const ExtentSet& other);
  void remove(const Extent& extent);
  void remove(const ExtentSet& other);
  // Removes everything from `block` on: what a shrink does.
  void cut_from(BlockIndex block);
  void clear() { ends_.clear(); }

  [[nodiscard]] bool empty() const { return ends_.empty(); }
  [[nodiscard]] bool contains(BlockIndex block) const;
  // True when every block of it is in the set.
  [[nodiscard]] bool contains(const Extent& extent) const;
  // True when any block of it is in the set.
  [[nodiscard]] bool intersects(const Extent& extent) const;
  [[nodiscard]] BlockCount blocks() const;
  [[nodiscard]] std::size_t extent_count() const { return ends_.size(); }

  // Ascending.
  [[nodiscard]] std::vector<Extent> extents() const;
  // The parts of `window` that are in the set, and those that are not; ascending.
  [[nodiscard]] std::vector<Extent> intersect(const Extent& window) const;
  [[nodiscard]] std::vector<Extent> gaps(const Extent& window) const;
  [[nodiscard]] ExtentSet intersect(const ExtentSet& other) const;

  // Calls `visit(const Extent&)` for each extent in ascending order; the set must not change meanwhile.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [first, end] : ends_) {
      visit(Extent{.first = BlockIndex(first), .count = BlockCount(end - first)});
    }
  }

  bool operator==(const ExtentSet&) const = default;

 private:
  using Ends = std::map<std::uint64_t, std::uint64_t>;  // first -> end

  // The first stored extent that ends behind `block`.
  [[nodiscard]] Ends::const_iterator reaching(std::uint64_t block) const;

  Ends ends_;
};

}  // namespace afterimage::format
