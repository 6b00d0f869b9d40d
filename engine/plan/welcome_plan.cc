// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/welcome_plan.h"

namespace afterimage {

WelcomePlan plan_welcome(const PrimaryRecord& record, const Welcome& welcome) {
  if (record.pending && welcome.head.sequence == record.pending->record.sequence &&
      welcome.head.digest == record.pending->record.digest()) {
    return WelcomePlan::adopt_pending;
  }
  if (welcome.head.is_none()) {
    switch (record.stage) {
      case PrimaryStage::seeding: return WelcomePlan::seed;
      case PrimaryStage::awaiting_medium: return WelcomePlan::await_medium;
      case PrimaryStage::replicating: return WelcomePlan::seed_again;
    }
  }
  if (record.stage == PrimaryStage::replicating && welcome.head == record.head()) {
    const bool fits = record.pending && record.pending->record.parent == welcome.head.digest;
    return fits ? WelcomePlan::resume_pending : WelcomePlan::cycle;  // what was pending is captured again
  }
  return WelcomePlan::compare;
}

}  // namespace afterimage
