// SPDX-License-Identifier: Apache-2.0
// RunCache: index runs of sealed segments, read when they are asked for, the least recently used dropped. One for a
// store, so that its memory is bounded whatever the number of machines. Thread: the reactor's.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "engine/format/index_run.h"
#include "io/base/units.h"

namespace afterimage::replica {

class RunCache {
 public:
  explicit RunCache(ByteCount bytes_max) : bytes_max_(bytes_max.value()) {}

  // Who asks, and where the run stands. Owners are numbers that are never used again.
  struct Key {
    std::uint64_t owner = 0;
    SegmentNumber segment;
    ByteOffset offset;
    auto operator<=>(const Key&) const = default;
  };
  [[nodiscard]] std::uint64_t make_owner() { return ++owners_; }
  // nullptr if it is not here.
  [[nodiscard]] std::shared_ptr<const format::IndexRun> find(const Key& key);
  void add(const Key& key, std::shared_ptr<const format::IndexRun> run);

 private:
  struct Entry {
    Key key;
    std::shared_ptr<const format::IndexRun> run;
    std::uint64_t bytes = 0;
  };
  std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::uint64_t owners_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::map<Key, std::list<Entry>::iterator> places_;
};

}  // namespace afterimage::replica
