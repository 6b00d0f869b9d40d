// SPDX-License-Identifier: Apache-2.0
// Prints what docs/openapi.yaml is held against: every route of the router, and a document of every schema.
#include <cstdio>

#include <nlohmann/json.hpp>

#include "tests/transport/control/samples.h"
#include "transport/control/router.h"

namespace afterimage::control {
namespace {

const char* name_of(Access access) {
  switch (access) {
    case Access::local: return "local";
    case Access::peer: return "peer";
    case Access::anonymous: return "anonymous";
  }
  return "";
}

nlohmann::ordered_json api() {
  nlohmann::ordered_json routes = nlohmann::ordered_json::array();
  for (const Router::Route& route : Router::routes()) {
    routes.push_back({{"method", name_of(route.method)},
                      {"path", route.pattern},
                      {"access", name_of(route.access)},
                      {"dry_run", route.dry_run == DryRun::yes}});
  }
  nlohmann::ordered_json samples = nlohmann::ordered_json::array();
  for (const samples::Named& named : samples::documents()) {
    samples.push_back({{"schema", named.schema}, {"document", named.document}});
  }
  return {{"routes", std::move(routes)}, {"samples", std::move(samples)}};
}

}  // namespace
}  // namespace afterimage::control

int main() {
  std::puts(afterimage::control::api().dump(1).c_str());
  return 0;
}
