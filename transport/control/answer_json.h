// SPDX-License-Identifier: Apache-2.0
// What a host shows, as JSON, both ways. Member names are a contract with scripts; units are in the names, times are
// RFC 3339 in UTC, what is not known is null. Reading (by the CLI) checks types and ignores members it does not know:
// `protocol`.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/host/commands.h"
#include "io/base/result.h"
#include "transport/control/trust_port.h"

namespace afterimage::control {

struct MachinePoints {
  std::string machine;
  std::vector<host::PointInfo> points;  // oldest first
};

// `afterimage status`: the host itself, and its machines in both roles.
struct HostStatus {
  host::HostInfo host;
  std::vector<host::MachineStatus> machines;
};

struct VersionInfo {
  std::string version;  // of the program: "0.1.0"
  std::string host_name;
  HostId host_id;
};

[[nodiscard]] nlohmann::ordered_json json_of(const host::MachineStatus& machine);
[[nodiscard]] nlohmann::ordered_json json_of(const host::PointInfo& point);
[[nodiscard]] nlohmann::ordered_json json_of(const host::PeerInfo& peer);
[[nodiscard]] nlohmann::ordered_json json_of(const host::HostInfo& host);
[[nodiscard]] nlohmann::ordered_json json_of(const host::Plan& plan);
[[nodiscard]] nlohmann::ordered_json json_of(const host::JobInfo& job);
[[nodiscard]] nlohmann::ordered_json json_of(const host::JobResult& result);  // null for none
[[nodiscard]] nlohmann::ordered_json json_of(const IssuedKey& key);
[[nodiscard]] nlohmann::ordered_json json_of(const VersionInfo& version);
[[nodiscard]] nlohmann::ordered_json json_of(const MachinePoints& points);

// The documents around them: {"host":…,"machines":[…]}, {"jobs":[…]}, {"peers":[…]}, {"plan":…} or {"job":…}.
[[nodiscard]] nlohmann::ordered_json status_document(const HostStatus& status);
[[nodiscard]] nlohmann::ordered_json jobs_document(const std::vector<host::JobInfo>& jobs);
[[nodiscard]] nlohmann::ordered_json peers_document(const std::vector<host::PeerInfo>& peers);
[[nodiscard]] nlohmann::ordered_json plan_document(const host::Plan& plan);
[[nodiscard]] nlohmann::ordered_json started_document(const host::Started& started);

[[nodiscard]] Result<HostStatus> status_from(const nlohmann::ordered_json& document);
[[nodiscard]] Result<MachinePoints> points_from(const nlohmann::ordered_json& document);
[[nodiscard]] Result<std::vector<host::JobInfo>> jobs_from(const nlohmann::ordered_json& document);
[[nodiscard]] Result<host::JobInfo> job_from(const nlohmann::ordered_json& value);
[[nodiscard]] Result<std::vector<host::PeerInfo>> peers_from(const nlohmann::ordered_json& document);
[[nodiscard]] Result<host::PeerInfo> peer_from(const nlohmann::ordered_json& value);
[[nodiscard]] Result<host::Plan> plan_from(const nlohmann::ordered_json& document);  // of {"plan":…}
[[nodiscard]] Result<host::Started> started_from(const nlohmann::ordered_json& document);
[[nodiscard]] Result<IssuedKey> issued_key_from(const nlohmann::ordered_json& value);
[[nodiscard]] Result<VersionInfo> version_from(const nlohmann::ordered_json& value);

}  // namespace afterimage::control
