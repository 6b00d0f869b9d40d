// SPDX-License-Identifier: Apache-2.0
// What the daemon answers, as text for people. Pure.
#pragma once

#include <string>
#include <vector>

#include "engine/host/commands.h"
#include "transport/control/answer_json.h"

namespace afterimage::cli {

enum class Colours : std::uint8_t { no, yes };

[[nodiscard]] std::string status_text(const control::HostStatus& status, Colours colours);
// One machine, with its disks and reasons.
[[nodiscard]] std::string machine_text(const host::MachineStatus& machine, Colours colours);
[[nodiscard]] std::string points_text(const control::MachinePoints& points);
[[nodiscard]] std::string jobs_text(const std::vector<host::JobInfo>& jobs);
[[nodiscard]] std::string peers_text(const std::vector<host::PeerInfo>& peers, Colours colours);
[[nodiscard]] std::string plan_text(const host::Plan& plan);
// What a job that ended well has done: one line or a few.
[[nodiscard]] std::string result_text(const host::JobInfo& job);

}  // namespace afterimage::cli
