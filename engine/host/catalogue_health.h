// SPDX-License-Identifier: Apache-2.0
// CatalogueHealth: tells that host.db takes no writes, and tries it again until it does. Points are safe meanwhile: the
// journals are the truth. What an operator asks for, a registration key or a revocation, is refused while it cannot be
// made durable. Thread: the reactor's.
#pragma once

#include "engine/catalogue/catalogue.h"
#include "engine/host/commands.h"
#include "engine/plan/retry_schedule.h"
#include "io/platform.h"

namespace afterimage::host {

class CatalogueHealth {
 public:
  explicit CatalogueHealth(const io::Platform& platform) : platform_(platform) {}
  void use(catalogue::Catalogue& catalogue) { catalogue_ = &catalogue; }

  // Until the scope ends.
  [[nodiscard]] io::Task<void> keep(io::Scope& scope);
  // Of a machine of this host: a warning with the reason, while host.db takes nothing.
  void judge(MachineStatus& status) const;

 private:
  io::Platform platform_;
  catalogue::Catalogue* catalogue_ = nullptr;
  RetrySchedule retry_;
};

}  // namespace afterimage::host
