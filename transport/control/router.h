// SPDX-License-Identifier: Apache-2.0
// Router: the control API. One table says which routes there are, who may call them and what answers; docs/openapi.yaml
// is checked against it. A route turns a request into a command of the host, and the answer into JSON; it decides
// nothing.
//
// Answers: 200 and a document; 202 and {"job":N} for a long command, which runs on as a job; an error document
// otherwise.
// `?dry_run=1`, or "dry_run":true in the body, makes a changing command answer {"plan":…} and change nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "engine/host/command_port.h"
#include "io/base/result.h"
#include "transport/control/answer_json.h"
#include "transport/control/http_server.h"
#include "transport/control/target.h"
#include "transport/control/trust_port.h"

namespace afterimage::control {

// Who may call a route; each includes those above it.
enum class Access : std::uint8_t { local, peer, anonymous };

// Whether a route can answer what it would do instead of doing it.
enum class DryRun : std::uint8_t { no, yes };

struct Exchange;  // one request on its way through a handler
struct Answer;

class Router final : public HttpHandler {
 public:
  // Thread: the reactor's. The ports outlive it.
  Router(host::CommandPort& commands, TrustPort& trust, VersionInfo version)
      : commands_(commands), trust_(trust), version_(std::move(version)) {}

  [[nodiscard]] io::Task<HttpResponse> handle(io::Scope& scope, const HttpRequest& request,
                                              const Caller& caller) override;

  using Handler = io::Task<Result<Answer>> (Router::*)(io::Scope& scope, Exchange& exchange);
  struct Route {
    Method method;
    std::string_view pattern;  // "/v1/machines/{name}/sync"
    Access access;
    DryRun dry_run;
    Handler handler;
  };
  [[nodiscard]] static std::span<const Route> routes();

 private:
  io::Task<Result<Answer>> get_version(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> get_status(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> get_points(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_machine(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> delete_machine(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_sync(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_pause(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_resume(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_remove(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_restore(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_verify(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_export(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_import(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> get_jobs(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> get_job(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> delete_job(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> get_peers(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_revoke(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_key(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_join(io::Scope& scope, Exchange& exchange);
  io::Task<Result<Answer>> post_enrol(io::Scope& scope, Exchange& exchange);

  io::Task<Result<Answer>> dispatch(io::Scope& scope, const HttpRequest& request, const Caller& caller,
                                    HttpResponse& response);

  host::CommandPort& commands_;
  TrustPort& trust_;
  VersionInfo version_;
};

}  // namespace afterimage::control
