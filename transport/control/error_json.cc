// SPDX-License-Identifier: Apache-2.0
#include "transport/control/error_json.h"

#include <nlohmann/json.hpp>

#include "transport/control/json_reader.h"
#include "transport/control/json_text.h"

namespace afterimage::control {

using nlohmann::ordered_json;

unsigned http_status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return 400;
    case ErrorCode::authentication: return 401;
    case ErrorCode::permission_denied: return 403;
    case ErrorCode::not_found: return 404;
    case ErrorCode::already_exists:
    case ErrorCode::busy:
    case ErrorCode::refused:
    case ErrorCode::cancelled:
    case ErrorCode::resync_required:
    case ErrorCode::conflict:
    case ErrorCode::changed: return 409;
    case ErrorCode::limit_exceeded: return 413;
    case ErrorCode::damaged: return 422;
    case ErrorCode::internal:
    case ErrorCode::io_failed:
    case ErrorCode::end_of_data: return 500;
    case ErrorCode::unsupported: return 501;
    case ErrorCode::unreachable:
    case ErrorCode::protocol: return 502;
    case ErrorCode::timed_out: return 504;
    case ErrorCode::no_space: return 507;
  }
  return 500;
}

ordered_json json_of(const Error& error) {
  ordered_json value = {{"code", name_of(error.code)}, {"message", error.text()}};
  if (error.system != 0) value["errno"] = error.system;
  return value;
}

Error error_from(const ordered_json& value) {
  ObjectReader in(value, {.what = "the error", .code = ErrorCode::protocol});
  std::string code = "internal";
  Error error{.code = ErrorCode::internal, .what = "the daemon gave no reason"};
  in.optional("code", code);
  in.optional("message", error.detail);
  in.optional("errno", error.system);
  error.code = code_of(code);
  return error;
}

HttpResponse error_response(const Error& error) {
  return HttpResponse{.status = http_status_of(error.code), .body = print_json({{"error", json_of(error)}})};
}

Error error_of(const HttpResponse& response) {
  const auto document = parse_json(response.body, ErrorCode::protocol);
  if (document && document->is_object() && document->contains("error")) return error_from((*document)["error"]);
  return Error{.code = ErrorCode::protocol,
               .what = "read an answer",
               .detail = "the daemon answered with HTTP status " + std::to_string(response.status) + " and no reason"};
}

}  // namespace afterimage::control
