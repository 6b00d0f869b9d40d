// SPDX-License-Identifier: Apache-2.0
// Errors on the control API: {"error":{"code":"not_found","message":"no machine 'web1' …"}}, under a status that HTTP
// tools understand. The code is the stable name of ErrorCode; "errno" is there where the operating system gave the
// reason.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "io/base/error.h"
#include "transport/control/http_message.h"

namespace afterimage::control {

// 404 for not_found, 409 for what the present state forbids, …; the table is in the .cc and in docs/openapi.yaml.
[[nodiscard]] unsigned http_status_of(ErrorCode code) noexcept;

// {"code","message"[,"errno"]}: as it stands in an error document and in a failed job.
[[nodiscard]] nlohmann::ordered_json json_of(const Error& error);
// The other way; `value` comes from a daemon. Whatever is missing is made good: an error is never lost.
[[nodiscard]] Error error_from(const nlohmann::ordered_json& value);

[[nodiscard]] HttpResponse error_response(const Error& error);
// The error of an answer that is not 2xx.
[[nodiscard]] Error error_of(const HttpResponse& response);

}  // namespace afterimage::control
