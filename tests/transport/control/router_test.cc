// SPDX-License-Identifier: Apache-2.0
// Every route: what it calls, what it answers, who may call it, and what it refuses.
#include "transport/control/router.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "io/sim/world.h"
#include "tests/transport/control/fake_host.h"
#include "tests/transport/control/samples.h"

namespace afterimage::control {
namespace {

using nlohmann::ordered_json;

class Routes : public testing::Test {
 protected:
  HttpResponse call(Method method, std::string target, std::string body = {}) {
    const HttpRequest request{.method = method, .target = std::move(target), .body = std::move(body)};
    auto response = io::sim::run(world_, router_.handle(scope_, request, caller_));
    EXPECT_TRUE(response);
    return response ? *response : HttpResponse{};
  }
  ordered_json document(const HttpResponse& response) { return ordered_json::parse(response.body); }
  std::string error_code(const HttpResponse& response) { return document(response)["error"]["code"]; }
  void expect_call(Method method, std::string target, std::string body, const std::string& call_text, unsigned status) {
    host_.calls.clear();
    const HttpResponse response = call(method, target, std::move(body));
    EXPECT_EQ(response.status, status) << target << response.body;
    EXPECT_EQ(host_.calls, std::vector<std::string>{call_text}) << target;
  }

  io::sim::World world_{{}};
  io::sim::NodeId node_ = world_.add_node("rho");
  io::Scope scope_{world_.platform(node_).reactor};
  FakeHost host_;
  Router router_{host_, host_, samples::version()};
  Caller caller_{.kind = CallerKind::local, .name = "user 0"};
};

TEST_F(Routes, EachCallsItsCommand) {
  const std::string protect = R"({"machine":"web1","replica":"chi","disks":[{"name":"root","path":"/a"}]})";
  expect_call(Method::get, "/v1/status", "", "status *", 200);
  expect_call(Method::get, "/v1/status?machine=web1", "", "status web1", 200);
  expect_call(Method::get, "/v1/machines/web1/points", "", "points web1", 200);
  expect_call(Method::post, "/v1/machines", protect, "protect web1", 202);
  expect_call(Method::remove, "/v1/machines/web1", "", "unprotect web1", 202);
  expect_call(Method::remove, "/v1/machines/web1?delete_replica=1", "", "unprotect web1 remove", 202);
  expect_call(Method::post, "/v1/machines/web%201/sync", "", "sync web 1", 202);
  expect_call(Method::post, "/v1/machines/web1/pause", "", "pause web1", 200);
  expect_call(Method::post, "/v1/machines/web1/resume", "", "resume web1", 200);
  expect_call(Method::post, "/v1/machines/web1/restore", R"({"disk":"root","to":"/x"})", "restore web1", 202);
  expect_call(Method::post, "/v1/machines/web1/verify", "", "verify web1", 202);
  expect_call(Method::post, "/v1/machines/web1/export", R"({"to":"/seed"})", "export web1 /seed", 202);
  expect_call(Method::post, "/v1/machines/web1/remove", R"({"confirmed":true})", "remove web1 confirmed", 202);
  expect_call(Method::post, "/v1/import", R"({"from":"/seed"})", "import /seed", 202);
  expect_call(Method::get, "/v1/peers", "", "peers", 200);
  expect_call(Method::post, "/v1/peers/chi/revoke", "", "revoke chi", 200);
  expect_call(Method::post, "/v1/enrol/keys", "", "make_key", 200);
  expect_call(Method::post, "/v1/enrol/join", R"({"key":"afi1-x"})", "join", 200);
  host_.known_jobs = samples::jobs();
  expect_call(Method::remove, "/v1/jobs/7", "", "cancel 7", 200);
  expect_call(Method::get, "/v1/jobs/7?wait=0.5", "", "wait 7", 200);
  EXPECT_EQ(document(call(Method::get, "/v1/jobs/7"))["kind"], "import");
  EXPECT_EQ(document(call(Method::get, "/v1/jobs"))["jobs"].size(), host_.known_jobs.size());
  EXPECT_EQ(document(call(Method::get, "/v1/version"))["host"], "rho");
}

TEST_F(Routes, ADryRunIsSaidByQueryOrByBodyAndAnswersThePlan) {
  for (const Router::Route& route : Router::routes()) {
    if (route.dry_run == DryRun::no) continue;
    host_.known_jobs = samples::jobs();
    std::string target(route.pattern);
    if (const auto at = target.find("{name}"); at != std::string::npos) target.replace(at, 6, "web1");
    if (const auto at = target.find("{id}"); at != std::string::npos) target.replace(at, 4, "7");
    std::string body;
    if (target.ends_with("/machines"))
      body = R"("machine":"web1","replica":"chi","disks":[{"name":"root","path":"/a"}])";
    if (target.ends_with("/restore")) body = R"("disk":"root","to":"/x")";
    if (target.ends_with("/export")) body = R"("to":"/x")";
    if (target.ends_with("/import")) body = R"("from":"/x")";
    if (target.ends_with("/join")) body = R"("key":"afi1-x")";
    const std::string with_flag = "{" + body + (body.empty() ? "" : ",") + "\"dry_run\":true}";
    const std::pair<std::string, std::string> forms[] = {
        {target + "?dry_run=1", "{" + body + "}"}, {target + "?dry_run", "{" + body + "}"}, {target, with_flag}};
    for (const auto& [form, text] : forms) {
      host_.calls.clear();
      const HttpResponse response = call(route.method, form, text);
      EXPECT_EQ(response.status, 200U) << form << response.body;
      EXPECT_TRUE(document(response).contains("plan")) << form << response.body;
      for (const std::string& made : host_.calls) EXPECT_TRUE(made.ends_with("dry_run")) << made;
    }
  }
}

TEST_F(Routes, OthersThanTheOperatorReachWhatTheTableSays) {
  const std::pair<CallerKind, Access> kinds[] = {{CallerKind::peer, Access::peer},
                                                 {CallerKind::anonymous, Access::anonymous},
                                                 {CallerKind::stranger, Access::anonymous}};
  for (const auto& [kind, access] : kinds) {
    caller_ = {.kind = kind, .name = "somebody"};
    for (const Router::Route& route : Router::routes()) {
      std::string target(route.pattern);
      if (const auto at = target.find("{name}"); at != std::string::npos) target.replace(at, 6, "web1");
      if (const auto at = target.find("{id}"); at != std::string::npos) target.replace(at, 4, "7");
      const bool allowed =
          kind != CallerKind::stranger && (route.access == Access::anonymous || route.access == access);
      const HttpResponse response = call(route.method, target);
      const bool denied = response.status == 401 || response.status == 403;
      EXPECT_EQ(denied, !allowed) << target << response.body;
    }
    EXPECT_TRUE(host_.calls.empty());
  }
}

TEST_F(Routes, AStrangerLearnsNothingOfTheRoutes) {
  caller_ = {.kind = CallerKind::anonymous, .name = "10.0.0.9"};
  EXPECT_EQ(call(Method::get, "/v1/nowhere").status, 401U);
  const HttpResponse wrong_method = call(Method::remove, "/v1/status");
  EXPECT_EQ(wrong_method.status, 401U);
  EXPECT_TRUE(wrong_method.allowed.empty());
}

TEST_F(Routes, AnEnrolmentNeedsItsTlsConnection) {
  const std::string body = json_of(samples::enrolment_request()).dump();
  EXPECT_EQ(call(Method::post, "/v1/enrol", body).status, 409U);
  EXPECT_TRUE(host_.calls.empty());
  Digest channel;
  channel.bytes.fill(std::byte{9});
  caller_ = {.kind = CallerKind::anonymous, .name = "10.0.0.9", .host = {}, .channel = channel};
  const HttpResponse response = call(Method::post, "/v1/enrol", body);
  EXPECT_EQ(response.status, 200U) << response.body;
  EXPECT_EQ(document(response), json_of(samples::enrolment_answer()));
  EXPECT_EQ(host_.enrolled_over, channel);
}

TEST_F(Routes, WrongPathsMethodsQueriesAndBodiesAreRefused) {
  struct Bad {
    Method method;
    const char* target;
    const char* body;
    unsigned status;
  };
  const Bad bad[] = {
      {Method::get, "/v1/nowhere", "", 404},
      {Method::get, "/v2/status", "", 404},
      {Method::get, "/v1/../v1/status", "", 404},
      {Method::get, "/v1//status", "", 400},
      {Method::get, "/v1/st%61tus", "", 404},
      {Method::get, "/v1/status?", "", 400},
      {Method::get, "v1/status", "", 400},
      {Method::post, "/v1/status", "", 405},
      {Method::other, "/v1/status", "", 405},
      {Method::get, "/v1/machines/web1/sync", "", 405},
      {Method::get, "/v1/status?color=red", "", 400},
      {Method::get, "/v1/status?machine=a%2Fb", "", 400},
      {Method::get, "/v1/status", "{}", 400},
      {Method::get, "/v1/machines/..%2F..%2Fetc/points", "", 400},
      {Method::get, "/v1/machines/../points", "", 400},
      {Method::get, "/v1/machines/%00/points", "", 400},
      {Method::post, "/v1/machines/web1/sync", "{", 400},
      {Method::post, "/v1/machines/web1/sync", "[]", 400},
      {Method::post, "/v1/machines/web1/sync", "{\"x\":1}", 400},
      {Method::post, "/v1/machines/web1/sync?dry_run=maybe", "", 400},
      {Method::post, "/v1/machines/web1/verify?dry_run=1", "", 400},
      {Method::post, "/v1/machines", R"({"machine":"a/b","replica":"r","disks":[{"name":"d","path":"/a"}]})", 400},
      {Method::post, "/v1/machines", R"({"machine":"a","replica":"r","disks":[{"name":"..","path":"/a"}]})", 400},
      {Method::get, "/v1/jobs/seven", "", 400},
      {Method::get, "/v1/jobs/-1", "", 400},
      {Method::get, "/v1/jobs/7", "", 404},
      {Method::get, "/v1/jobs/7?wait=1000", "", 400},
      {Method::get, "/v1/jobs/7?wait=-1", "", 400},
      {Method::get, "/v1/jobs/7?wait=nan", "", 400},
  };
  for (const Bad& one : bad) {
    const HttpResponse response = call(one.method, one.target, one.body);
    EXPECT_EQ(response.status, one.status) << one.target << " " << one.body << " -> " << response.body;
    EXPECT_FALSE(document(response)["error"]["message"].get<std::string>().empty());
  }
  EXPECT_TRUE(host_.calls.empty());
  EXPECT_EQ(call(Method::get, "/v1/machines/web1").allowed, "DELETE");
}

TEST_F(Routes, AnErrorOfTheHostIsItsDocument) {
  host_.error =
      Error{.code = ErrorCode::resync_required, .what = "x", .detail = "no common base; run 'afterimage resync web1'"};
  const HttpResponse response = call(Method::post, "/v1/machines/web1/sync");
  EXPECT_EQ(response.status, 409U);
  EXPECT_EQ(error_code(response), "resync_required");
  EXPECT_EQ(document(response)["error"]["message"], "no common base; run 'afterimage resync web1'");
}

TEST_F(Routes, DefaultsOfACommandAreTheHosts) {
  (void)call(Method::post, "/v1/machines/web1/restore", R"({"disk":"root","to":"/x"})");
  ASSERT_TRUE(host_.restored);
  EXPECT_EQ(host_.restored->point, "latest");
  EXPECT_EQ(host_.restored->target, host::TargetExists::refuse);
  (void)call(Method::post, "/v1/enrol/keys");
  ASSERT_TRUE(host_.made_key);
  EXPECT_EQ(host_.made_key->expires, std::chrono::hours(120));
}

}  // namespace
}  // namespace afterimage::control
