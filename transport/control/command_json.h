// SPDX-License-Identifier: Apache-2.0
// The commands of a host as JSON bodies of requests, both ways. The machine a command is about stands in the route, not
// in the body. Reading is strict: an unknown member, a wrong type or a relative path is invalid_argument, with the
// member's name. Points, names and what a state allows are the host's to judge.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "engine/host/commands.h"
#include "io/base/result.h"
#include "transport/control/trust_port.h"

namespace afterimage::control {

[[nodiscard]] nlohmann::ordered_json json_of(const host::Protect& command);
[[nodiscard]] nlohmann::ordered_json json_of(const host::Sync& command);
[[nodiscard]] nlohmann::ordered_json json_of(const host::Remove& command);
[[nodiscard]] nlohmann::ordered_json json_of(const host::Restore& command);
[[nodiscard]] nlohmann::ordered_json json_of(const host::Verify& command);
[[nodiscard]] nlohmann::ordered_json json_of(const host::Export& command);
[[nodiscard]] nlohmann::ordered_json json_of(const host::Import& command);
[[nodiscard]] nlohmann::ordered_json json_of(const MakeKey& command);
[[nodiscard]] nlohmann::ordered_json json_of(const Join& command);

[[nodiscard]] Result<host::Protect> protect_from(const nlohmann::ordered_json& body);  // its machine stands in the body
[[nodiscard]] Result<host::Sync> sync_from(std::string machine, const nlohmann::ordered_json& body);
[[nodiscard]] Result<host::Remove> remove_from(std::string machine, const nlohmann::ordered_json& body);
[[nodiscard]] Result<host::Restore> restore_from(std::string machine, const nlohmann::ordered_json& body);
[[nodiscard]] Result<host::Verify> verify_from(std::string machine, const nlohmann::ordered_json& body);
[[nodiscard]] Result<host::Export> export_from(std::string machine, const nlohmann::ordered_json& body);
[[nodiscard]] Result<host::Import> import_from(const nlohmann::ordered_json& body);
[[nodiscard]] Result<MakeKey> make_key_from(const nlohmann::ordered_json& body);
[[nodiscard]] Result<Join> join_from(const nlohmann::ordered_json& body);
// A body that may say "dry_run" and nothing else: pause, resume, revoke.
[[nodiscard]] Result<host::Execution> execution_from(const nlohmann::ordered_json& body);

[[nodiscard]] nlohmann::ordered_json json_of(const tls::EnrolmentRequest& request);
[[nodiscard]] nlohmann::ordered_json json_of(const tls::EnrolmentAnswer& answer);
[[nodiscard]] Result<tls::EnrolmentRequest> enrolment_request_from(const nlohmann::ordered_json& body);
[[nodiscard]] Result<tls::EnrolmentAnswer> enrolment_answer_from(const nlohmann::ordered_json& body);

}  // namespace afterimage::control
