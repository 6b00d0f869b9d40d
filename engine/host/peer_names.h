// SPDX-License-Identifier: Apache-2.0
// PeerNames: peers as operators name them. Names are for show: a host.db that does not answer, because its disk hangs,
// must not keep status from answering. Thread: the reactor's.
#pragma once

#include <map>
#include <string>

#include "engine/catalogue/catalogue.h"
#include "io/base/identity.h"
#include "io/scope.h"

namespace afterimage::host {

class PeerNames {
 public:
  void use(catalogue::Catalogue& catalogue) { catalogue_ = &catalogue; }
  // The name; its id's text if host.db does not know it; as it was known last if host.db is not free in time.
  [[nodiscard]] io::Task<std::string> name_of(io::Scope& scope, HostId id);

 private:
  catalogue::Catalogue* catalogue_ = nullptr;
  std::map<HostId, std::string> known_;
};

}  // namespace afterimage::host
