// SPDX-License-Identifier: Apache-2.0
// One full value of everything the control API carries, for all its tests. Times are whole milliseconds and durations
// whole microseconds, which is what JSON keeps.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "transport/control/answer_json.h"
#include "transport/control/command_json.h"

namespace afterimage::control::samples {

[[nodiscard]] host::PointInfo point();
[[nodiscard]] host::MachineStatus machine();
[[nodiscard]] host::HostInfo this_host();
[[nodiscard]] host::PeerInfo peer();
[[nodiscard]] host::Plan plan();
[[nodiscard]] std::vector<host::JobInfo> jobs();  // one of each kind and state
[[nodiscard]] IssuedKey key();
[[nodiscard]] VersionInfo version();
[[nodiscard]] host::Protect protect();
[[nodiscard]] tls::EnrolmentRequest enrolment_request();
[[nodiscard]] tls::EnrolmentAnswer enrolment_answer();

// A document of the API, under the name that its schema has in docs/openapi.yaml.
struct Named {
  std::string schema;
  nlohmann::ordered_json document;
};
[[nodiscard]] std::vector<Named> documents();

}  // namespace afterimage::control::samples
