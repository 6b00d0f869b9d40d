// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/newcomers.h"

#include <algorithm>
#include <utility>

#include "io/base/check.h"

namespace afterimage::daemon {

Newcomers::Newcomer::Newcomer(Newcomers& others, io::Scope& parent, std::string source)
    : others_(others), scope_(parent), source_(std::move(source)) {
  if (!others_.make_room(source_)) {
    state_ = State::turned_away;
    return;
  }
  ++others_.by_source_[source_];
  ++others_.waiting_;
  others_.in_order_.push_back(*this);
}

Newcomers::Newcomer::~Newcomer() {
  leave();
  if (state_ == State::giving_way) --others_.giving_way_;
}

void Newcomers::Newcomer::leave() {
  if (state_ != State::waiting) return;
  others_.forget(*this);
  state_ = State::left;
}

void Newcomers::forget(Newcomer& newcomer) {
  newcomer.unlink();
  --waiting_;
  const auto found = by_source_.find(newcomer.source_);
  AFI_CHECK(found != by_source_.end());
  if (--found->second == 0) by_source_.erase(found);
}

Newcomers::Newcomer& Newcomers::oldest_of(const std::string& source) {
  Newcomer* newcomer = in_order_.front();
  while (newcomer != nullptr && newcomer->source_ != source) newcomer = in_order_.after(*newcomer);
  AFI_CHECK(newcomer != nullptr);
  return *newcomer;
}

const std::string& Newcomers::greediest() const {
  const auto has_less = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto most = std::ranges::max_element(by_source_, has_less);
  AFI_CHECK(most != by_source_.end());
  return most->first;
}

bool Newcomers::make_room(const std::string& source) {
  const auto own = by_source_.find(source);
  const bool source_is_full = own != by_source_.end() && own->second >= limits_.of_one_source;
  if (!source_is_full && waiting_ < limits_.of_all) return true;
  if (giving_way_ >= limits_.of_all) return false;
  // Where every source has one only, the oldest of all goes.
  const bool all_have_one = !source_is_full && by_source_.at(greediest()) == 1;
  Newcomer& victim = all_have_one ? *in_order_.front() : oldest_of(source_is_full ? source : greediest());
  forget(victim);
  victim.state_ = Newcomer::State::giving_way;
  ++giving_way_;
  victim.scope_.cancel();
  return true;
}

}  // namespace afterimage::daemon
