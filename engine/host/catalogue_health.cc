// SPDX-License-Identifier: Apache-2.0
#include "engine/host/catalogue_health.h"

#include <algorithm>

#include "engine/host/deadlines.h"
#include "engine/host/paused_text.h"

namespace afterimage::host {

io::Task<void> CatalogueHealth::keep(io::Scope& scope) {
  bool was_well = true;
  while (!scope.is_interrupted()) {
    auto sleeping = io::sleep_for(scope, Deadlines{}.look_every);
    if (const Status slept = co_await sleeping; !slept) co_return;
    const bool is_well = catalogue_->failure().empty();
    if (!is_well && was_well) retry_.begin(platform_.reactor.now());
    was_well = is_well;
    if (is_well || !retry_.is_due(platform_.reactor.now())) continue;
    auto proving = catalogue_->prove_writes(scope);
    const Status proved = co_await proving;
    if (!proved) retry_.note_failed(platform_.reactor.now(), platform_.clock.now());
  }
}

void CatalogueHealth::judge(MachineStatus& status) const {
  if (catalogue_->failure().empty()) return;
  status.health = std::max(status.health, Health::warning);
  status.reasons.push_back(
      tried_text("host.db cannot be written: " + catalogue_->failure() + "; no point depends on it", retry_));
}

}  // namespace afterimage::host
