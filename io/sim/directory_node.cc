// SPDX-License-Identifier: Apache-2.0
#include "io/sim/directory_node.h"

#include <algorithm>
#include <set>

namespace afterimage::io::sim {
namespace {

bool is_kept(const CrashMood& mood, std::uint64_t sequence, Rng& rng) {
  switch (mood.kind) {
    case CrashMood::Kind::keep_all: return true;
    case CrashMood::Kind::lose_all: return false;
    case CrashMood::Kind::horizon: return sequence <= mood.horizon;
    case CrashMood::Kind::by_change:
    case CrashMood::Kind::by_sector: return rng.one_in(2);
  }
  return false;
}

}  // namespace

Entry DirectoryNode::find(std::string_view name) const {
  const auto found = cache_.find(name);
  return found == cache_.end() ? Entry{} : found->second;
}

void DirectoryNode::apply(Names& names, const Change& change) {
  for (const auto& [name, entry] : change.effects) {
    if (entry.is_none()) {
      names.erase(name);
    } else {
      names.insert_or_assign(name, entry);
    }
  }
}

void DirectoryNode::remember(Change change) {
  apply(cache_, change);
  changes_.push_back(std::move(change));
}

void DirectoryNode::set(std::uint64_t sequence, std::string name, Entry entry) {
  Change change{.sequence = sequence, .effects = {}};
  change.effects.emplace_back(std::move(name), std::move(entry));
  remember(std::move(change));
}

void DirectoryNode::rename(std::uint64_t sequence, const std::string& from, const std::string& to) {
  Change change{.sequence = sequence, .effects = {}};
  change.effects.emplace_back(from, Entry{});
  change.effects.emplace_back(to, find(from));
  remember(std::move(change));
}

void DirectoryNode::sync(std::uint64_t up_to) {
  std::size_t count = 0;
  while (count < changes_.size() && changes_[count].sequence <= up_to) apply(medium_, changes_[count++]);
  changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(count));
}

void DirectoryNode::power_cut(const CrashMood& mood, Rng& rng) {
  std::set<std::string, std::less<>> lost;
  for (const Change& change : changes_) {
    const bool depends_on_lost = std::any_of(change.effects.begin(), change.effects.end(),
                                             [&](const auto& effect) { return lost.contains(effect.first); });
    if (!depends_on_lost && is_kept(mood, change.sequence, rng)) {
      apply(medium_, change);
    } else {
      for (const auto& effect : change.effects) lost.insert(effect.first);
    }
  }
  changes_.clear();
  cache_ = medium_;
  removed_ = false;
  for (const auto& [name, entry] : medium_) {
    if (entry.file) entry.file->power_cut(mood, rng);
    if (entry.directory) entry.directory->power_cut(mood, rng);
  }
}

}  // namespace afterimage::io::sim
