// SPDX-License-Identifier: Apache-2.0
// A machine of two disks and what is remembered of it, for the tests of plans and records.
#pragma once

#include "engine/plan/machine_description.h"
#include "engine/plan/primary_record.h"
#include "engine/plan/seed_manifest.h"

namespace afterimage::plan_samples {

[[nodiscard]] MachineDescription machine();
[[nodiscard]] format::PointRecord point(std::uint64_t sequence);
// Of a machine that replicates: point 3 acknowledged, no pending epoch.
[[nodiscard]] PrimaryRecord replicating();
// The same with point 4 pending.
[[nodiscard]] PrimaryRecord pending();
[[nodiscard]] PrimaryRecord seeding();
[[nodiscard]] SeedManifest manifest();
[[nodiscard]] ExportProgress export_progress();

}  // namespace afterimage::plan_samples
