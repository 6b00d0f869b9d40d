// SPDX-License-Identifier: Apache-2.0
#include "engine/host/peer_names.h"

#include <chrono>

namespace afterimage::host {
namespace {

constexpr Duration patience = std::chrono::seconds(2);

}  // namespace

io::Task<std::string> PeerNames::name_of(io::Scope& scope, HostId id) {
  io::Scope waiting(scope, patience);
  auto looking = catalogue_->peer(waiting, id);
  const Result<std::optional<catalogue::PeerRow>> peer = co_await looking;
  if (peer) {
    std::string& name = known_[id];
    name = *peer ? (*peer)->name : id.text();
    co_return name;
  }
  const auto known = known_.find(id);
  co_return known != known_.end() ? known->second : "(host.db does not answer)";
}

}  // namespace afterimage::host
