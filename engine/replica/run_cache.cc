// SPDX-License-Identifier: Apache-2.0
#include "engine/replica/run_cache.h"

#include <utility>

namespace afterimage::replica {

std::shared_ptr<const format::IndexRun> RunCache::find(const Key& key) {
  const auto place = places_.find(key);
  if (place == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, place->second);
  return entries_.front().run;
}

void RunCache::add(const Key& key, std::shared_ptr<const format::IndexRun> run) {
  if (places_.contains(key)) return;
  const std::uint64_t bytes = run->memory_bytes();
  entries_.push_front(Entry{.key = key, .run = std::move(run), .bytes = bytes});
  places_.emplace(key, entries_.begin());
  bytes_ += bytes;
  while (bytes_ > bytes_max_ && entries_.size() > 1) {
    bytes_ -= entries_.back().bytes;
    places_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace afterimage::replica
