// SPDX-License-Identifier: Apache-2.0
#include "transport/control/router.h"

#include <algorithm>
#include <iterator>

#include <nlohmann/json.hpp>

#include "io/base/identity.h"
#include "transport/control/error_json.h"
#include "transport/control/exchange.h"
#include "transport/control/json_text.h"

namespace afterimage::control {

using host::Execution;

namespace {

std::vector<std::string_view> split(std::string_view pattern) {
  std::vector<std::string_view> parts;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);  // the slash
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    parts.push_back(pattern.substr(0, end));
    pattern.remove_prefix(end);
  }
  return parts;
}

// The parameters if the target matches the pattern. Each route has one spelling: what stands before the router (a log,
// a limit on enrolments) sees the same route as the router does.
std::optional<std::vector<std::string>> match(std::string_view pattern, const Target& target) {
  const auto parts = split(pattern);
  if (parts.size() != target.segments.size()) return std::nullopt;
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].starts_with('{')) {
      parameters.push_back(target.segments[i]);
    } else if (parts[i] != target.written[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

bool may(const Caller& caller, Access access) {
  switch (caller.kind) {
    case CallerKind::local: return true;
    case CallerKind::peer: return access != Access::local;
    case CallerKind::anonymous: return access == Access::anonymous;
    case CallerKind::stranger: return false;
  }
  return false;
}

Error denial(const Caller& caller) {
  const auto make = [](ErrorCode code, std::string detail) {
    return Error{.code = code, .what = "check the caller", .detail = std::move(detail)};
  };
  switch (caller.kind) {
    case CallerKind::stranger:
      return make(ErrorCode::permission_denied,
                  caller.name + " may not command this daemon; run the command as root or as the daemon's user");
    case CallerKind::anonymous:
      return make(ErrorCode::authentication, "without a certificate this port only takes an enrolment");
    case CallerKind::local:
    case CallerKind::peer: break;
  }
  return make(ErrorCode::permission_denied, "commands are taken on the host's own socket only, not from peers");
}

// The name of a machine or peer in a route is held to the rules of names, so that it is safe in messages.
Status check_parameters(std::string_view pattern, const std::vector<std::string>& parameters) {
  if (pattern.starts_with("/v1/jobs")) return {};
  for (const std::string& parameter : parameters) {
    AFI_TRY_STATUS(check_name(pattern.starts_with("/v1/peers") ? "host" : "machine", parameter));
  }
  return {};
}

}  // namespace

std::optional<std::string> Exchange::take(std::string_view name) {
  const auto found = std::find_if(query.begin(), query.end(), [&](const auto& entry) { return entry.first == name; });
  if (found == query.end()) return std::nullopt;
  std::string value = std::move(found->second);
  query.erase(found);
  return value;
}

Result<bool> Exchange::take_switch(std::string_view name) {
  const auto value = take(name);
  if (!value || *value == "0" || *value == "false") return false;
  if (value->empty() || *value == "1" || *value == "true") return true;
  return fail(ErrorCode::invalid_argument, "read the query",
              "the query's '" + std::string(name) + "' has to be 0 or 1");
}

Status Exchange::finish_query() const {
  if (query.empty()) return {};
  return fail(ErrorCode::invalid_argument, "read the query",
              "the query's '" + query.front().first + "' is not known here");
}

std::span<const Router::Route> Router::routes() {
  using enum Method;
  static constexpr Route table[] = {
      {get, "/v1/version", Access::peer, DryRun::no, &Router::get_version},
      {get, "/v1/status", Access::local, DryRun::no, &Router::get_status},
      {post, "/v1/machines", Access::local, DryRun::yes, &Router::post_machine},
      {remove, "/v1/machines/{name}", Access::local, DryRun::yes, &Router::delete_machine},
      {get, "/v1/machines/{name}/points", Access::local, DryRun::no, &Router::get_points},
      {post, "/v1/machines/{name}/sync", Access::local, DryRun::yes, &Router::post_sync},
      {post, "/v1/machines/{name}/pause", Access::local, DryRun::yes, &Router::post_pause},
      {post, "/v1/machines/{name}/resume", Access::local, DryRun::yes, &Router::post_resume},
      {post, "/v1/machines/{name}/remove", Access::local, DryRun::yes, &Router::post_remove},
      {post, "/v1/machines/{name}/restore", Access::local, DryRun::yes, &Router::post_restore},
      {post, "/v1/machines/{name}/verify", Access::local, DryRun::no, &Router::post_verify},
      {post, "/v1/machines/{name}/export", Access::local, DryRun::yes, &Router::post_export},
      {post, "/v1/import", Access::local, DryRun::yes, &Router::post_import},
      {get, "/v1/jobs", Access::local, DryRun::no, &Router::get_jobs},
      {get, "/v1/jobs/{id}", Access::local, DryRun::no, &Router::get_job},
      {remove, "/v1/jobs/{id}", Access::local, DryRun::yes, &Router::delete_job},
      {get, "/v1/peers", Access::local, DryRun::no, &Router::get_peers},
      {post, "/v1/peers/{name}/revoke", Access::local, DryRun::yes, &Router::post_revoke},
      {post, "/v1/enrol/keys", Access::local, DryRun::yes, &Router::post_key},
      {post, "/v1/enrol/join", Access::local, DryRun::yes, &Router::post_join},
      {post, "/v1/enrol", Access::anonymous, DryRun::no, &Router::post_enrol},
  };
  return table;
}

io::Task<HttpResponse> Router::handle(io::Scope& scope, const HttpRequest& request, const Caller& caller) {
  HttpResponse response;
  auto dispatching = dispatch(scope, request, caller, response);
  auto answer = co_await dispatching;
  if (answer) {
    response.status = answer->status;
    response.body = print_json(answer->document) + "\n";
    co_return response;
  }
  const std::string allowed = std::move(response.allowed);
  response = error_response(answer.error());
  if (!allowed.empty()) response.status = 405;
  response.allowed = allowed;
  co_return response;
}

// Finds the route and calls it. `response.allowed` is set where the path has a route, but not for this method.
io::Task<Result<Answer>> Router::dispatch(io::Scope& scope, const HttpRequest& request, const Caller& caller,
                                          HttpResponse& response) {
  AFI_CO_RESULT(Target target, parse_target(request.target));
  const Route* route = nullptr;
  std::optional<std::vector<std::string>> parameters;
  for (const Route& candidate : routes()) {
    auto matched = match(candidate.pattern, target);
    if (!matched) continue;
    if (candidate.method == request.method) {
      route = &candidate;
      parameters = std::move(matched);
      break;
    }
    response.allowed += response.allowed.empty() ? "" : ", ";
    response.allowed += name_of(candidate.method);
  }
  // Who may call nothing here learns nothing of the routes either.
  if (!may(caller, route != nullptr ? route->access : Access::local)) {
    response.allowed.clear();
    co_return std::unexpected(denial(caller));
  }
  if (route == nullptr) {
    if (response.allowed.empty()) co_return fail(ErrorCode::not_found, "find the route", "the API has no such path");
    co_return fail(ErrorCode::unsupported, "find the route", "this path takes " + response.allowed);
  }
  response.allowed.clear();
  AFI_CO_STATUS(check_parameters(route->pattern, *parameters));
  Exchange exchange{.caller = caller, .parameters = std::move(*parameters), .query = std::move(target.query)};
  if (request.method == Method::get && !request.body.empty()) {
    co_return fail(ErrorCode::invalid_argument, "read the request", "this request takes no body");
  }
  AFI_CO_RESULT(exchange.body, parse_json(request.body, ErrorCode::invalid_argument));
  if (route->dry_run == DryRun::yes) {
    AFI_CO_RESULT(const bool dry_run, exchange.take_switch("dry_run"));
    if (dry_run) exchange.execution = Execution::dry_run;
  }
  auto calling = (this->*route->handler)(scope, exchange);
  auto answer = co_await calling;
  co_return answer;
}

}  // namespace afterimage::control
