// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/places.h"

#include "io/base/check.h"

namespace afterimage::daemon {

std::optional<Places::Place> Places::take(const std::string& source) {
  if (taken_ >= limits_.of_all) return std::nullopt;
  std::size_t& of_source = by_source_[source];
  if (of_source >= limits_.of_one_source) {
    if (of_source == 0) by_source_.erase(source);
    return std::nullopt;
  }
  ++of_source;
  ++taken_;
  return Place(*this, source);
}

void Places::leave(const std::string& source) {
  const auto found = by_source_.find(source);
  AFI_CHECK(found != by_source_.end() && taken_ > 0);
  --taken_;
  if (--found->second == 0) by_source_.erase(found);
}

std::string source_of(const std::string& peer) {
  const std::size_t colon = peer.rfind(':');
  if (colon == std::string::npos || peer.ends_with(']')) return peer;
  return peer.substr(0, colon);
}

}  // namespace afterimage::daemon
