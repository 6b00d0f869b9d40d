// SPDX-License-Identifier: Apache-2.0
// WelcomePlan: what a primary does after it has heard where the replica stands. Pure: record and welcome in, plan out.
//
//   stage of the primary | replica's head  | pending | plan           | why
//   ---------------------+-----------------+---------+----------------+-------------------------------------------
//   any                  | = pending point | yes     | adopt_pending  | the acknowledgement was lost
//   seeding              | none            | any     | seed           | go on where the replica stands
//   awaiting_medium      | none            | any     | await_medium   | the seed has not been imported yet
//   replicating          | = acknowledged  | no      | cycle          | common base
//   replicating          | = acknowledged  | yes     | resume_pending | it did not arrive; its spool may still do
//   replicating          | none            | any     | seed_again     | the replica has lost the machine
//   any                  | anything else   | any     | compare        | the replica was rolled back, or is unknown
#pragma once

#include <cstdint>

#include "engine/plan/point_sink_types.h"
#include "engine/plan/primary_record.h"

namespace afterimage {

enum class WelcomePlan : std::uint8_t { adopt_pending, seed, await_medium, cycle, resume_pending, seed_again, compare };

[[nodiscard]] WelcomePlan plan_welcome(const PrimaryRecord& record, const Welcome& welcome);

}  // namespace afterimage
