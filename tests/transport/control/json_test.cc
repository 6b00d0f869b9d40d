// SPDX-License-Identifier: Apache-2.0
// Commands and answers go through JSON and come back the same; what is not as agreed is refused with the member's name.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/transport/control/samples.h"
#include "transport/control/error_json.h"
#include "transport/control/json_text.h"

namespace afterimage::control {
namespace {

using nlohmann::ordered_json;

ordered_json parsed(const char* text) { return ordered_json::parse(text); }

TEST(AnswerJson, StatusComesBackTheSame) {
  const ordered_json document =
      status_document({.host = samples::this_host(),
                       .machines = {samples::machine(), host::MachineStatus{.name = "new", .state = "seeding"}}});
  const auto status = status_from(document);
  ASSERT_TRUE(status) << status.error().text();
  EXPECT_EQ(status_document(*status), document);
  EXPECT_EQ(status->machines[0].disks[1].dirty, std::nullopt);
  EXPECT_EQ(status->machines[0].rpo_lag, std::chrono::hours(2));
  EXPECT_EQ(status->host.certificate.left_days, 20);
  EXPECT_EQ(status->host.renewal, host::Renewal::by_operator);
}

TEST(AnswerJson, StatusHasTheMembersThatScriptsRelyOn) {
  const ordered_json machine = status_document({.host = {}, .machines = {samples::machine()}})["machines"][0];
  for (const char* name : {"name", "role", "state", "health", "reasons", "rpo_lag_seconds", "generation",
                           "latest_point", "points", "last_cycle", "compression", "disks"}) {
    EXPECT_TRUE(machine.contains(name)) << name;
  }
  EXPECT_EQ(machine["role"], "replica");
  EXPECT_EQ(machine["latest_point"]["time"], "2026-01-01T12:00:00.250Z");
  EXPECT_EQ(machine["latest_point"]["consistency"], "application");
  EXPECT_EQ(machine["last_cycle"]["seconds"], 2.5);
  EXPECT_EQ(machine["disks"][0]["size_bytes"], std::uint64_t{1} << 34);
  EXPECT_TRUE(machine["disks"][1]["dirty_bytes"].is_null());
}

TEST(AnswerJson, PointsComeBackTheSame) {
  const ordered_json document =
      json_of(MachinePoints{.machine = "web1", .points = {samples::point(), samples::point()}});
  const auto points = points_from(document);
  ASSERT_TRUE(points) << points.error().text();
  EXPECT_EQ(json_of(*points), document);
}

TEST(AnswerJson, EveryKindOfJobComesBackTheSame) {
  const ordered_json document = jobs_document(samples::jobs());
  const auto jobs = jobs_from(document);
  ASSERT_TRUE(jobs) << jobs.error().text();
  EXPECT_EQ(jobs_document(*jobs), document);
  for (const host::JobInfo& job : samples::jobs()) {
    const auto one = job_from(json_of(job));
    ASSERT_TRUE(one) << job.kind;
    EXPECT_EQ(one->result.index(), job.result.index()) << job.kind;
  }
}

TEST(AnswerJson, SyncResultIsTheAgreedDocument) {
  const ordered_json result = json_of(samples::jobs()[1].result);
  EXPECT_EQ(
      result.dump(),
      R"({"machine":"web1","sequence":7,"digest":"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",)"
      R"("changed_bytes":40960,"sent_bytes":20000,"seconds":1.5})");
}

TEST(AnswerJson, PeersKeysPlansAndVersionsComeBackTheSame) {
  const ordered_json peers = peers_document({samples::peer()});
  EXPECT_EQ(peers_document(*peers_from(peers)), peers);
  EXPECT_EQ(json_of(*issued_key_from(json_of(samples::key()))), json_of(samples::key()));
  EXPECT_EQ(plan_document(*plan_from(plan_document(samples::plan()))), plan_document(samples::plan()));
  EXPECT_EQ(json_of(*version_from(json_of(samples::version()))), json_of(samples::version()));
  EXPECT_EQ(std::get<host::JobId>(*started_from(started_document(host::JobId{9}))), 9U);
  EXPECT_TRUE(std::holds_alternative<host::Plan>(*started_from(started_document(samples::plan()))));
}

TEST(AnswerJson, WhatIsNoAnswerIsAProtocolError) {
  for (const char* text :
       {"[]", "7", "{}", R"({"machines":{}})", R"({"machines":[{"name":1}]})", R"({"machines":[{"name":"x"}]})",
        R"({"machines":[{"name":"x","role":"king","state":"","health":"normal"}]})"}) {
    const auto machines = status_from(parsed(text));
    ASSERT_FALSE(machines) << text;
    EXPECT_EQ(machines.error().code, ErrorCode::protocol) << text;
  }
}

TEST(AnswerJson, ControlCharactersOfAnAnswerAreNotShown) {
  ordered_json document = peers_document({samples::peer()});
  document["peers"][0]["name"] = "a\x1b[31mb";
  EXPECT_EQ(peers_from(document)->at(0).name, "a [31mb");
}

TEST(ErrorJson, AnErrorKeepsCodeSentenceAndErrno) {
  const Error error{.code = ErrorCode::resync_required, .system = 5, .what = "x", .detail = "no common base"};
  const Error back = error_from(json_of(error));
  EXPECT_EQ(back.code, error.code);
  EXPECT_EQ(back.detail, error.detail);
  EXPECT_EQ(back.system, 5);
}

TEST(ErrorJson, EveryCodeHasAnErrorStatusAndSurvivesTheWay) {
  for (int value = 0; value <= static_cast<int>(ErrorCode::changed); ++value) {
    const auto code = static_cast<ErrorCode>(value);
    const HttpResponse response = error_response(Error{.code = code, .what = "", .detail = "why"});
    EXPECT_GE(response.status, 400U);
    EXPECT_EQ(error_of(response).code, code);
    EXPECT_EQ(error_of(response).detail, "why");
  }
}

TEST(ErrorJson, AnAnswerWithoutAnErrorDocumentIsStillAnError) {
  const Error error = error_of(HttpResponse{.status = 502, .body = "<html>"});
  EXPECT_EQ(error.code, ErrorCode::protocol);
  EXPECT_NE(error.detail.find("502"), std::string::npos);
}

TEST(CommandJson, ProtectComesBackTheSame) {
  const ordered_json body = json_of(samples::protect());
  const auto command = protect_from(body);
  ASSERT_TRUE(command) << command.error().text();
  EXPECT_EQ(json_of(*command), body);
  EXPECT_EQ(command->disks[1].path, "/srv/a,b=c.raw");
  EXPECT_EQ(command->execution, host::Execution::dry_run);
}

TEST(CommandJson, TheOthersComeBackTheSame) {
  const host::Restore restore{
      .machine = "m", .point = "2h", .disk = "root", .to = "/x", .target = host::TargetExists::overwrite};
  EXPECT_EQ(json_of(*restore_from("m", json_of(restore))), json_of(restore));
  EXPECT_EQ(restore_from("m", json_of(restore))->machine, "m");
  const host::Verify verify{.machine = "m", .point = "7"};
  EXPECT_EQ(verify_from("m", json_of(verify))->point, "7");
  EXPECT_EQ(verify_from("m", parsed("{}"))->point, std::nullopt);
  EXPECT_EQ(export_from("m", json_of(host::Export{.machine = "m", .to = "/seed"}))->to, "/seed");
  EXPECT_EQ(import_from(json_of(host::Import{.from = "/seed"}))->from, "/seed");
  const MakeKey key{.expires = std::chrono::hours(1), .store = "s", .addresses = {"a:1", "b"}};
  EXPECT_EQ(json_of(*make_key_from(json_of(key))), json_of(key));
  const Join join{.key = "afi1-x", .address = "10.0.0.1:8083"};
  EXPECT_EQ(json_of(*join_from(json_of(join))), json_of(join));
  EXPECT_EQ(json_of(*enrolment_request_from(json_of(samples::enrolment_request()))),
            json_of(samples::enrolment_request()));
  EXPECT_EQ(json_of(*enrolment_answer_from(json_of(samples::enrolment_answer()))),
            json_of(samples::enrolment_answer()));
}

template <typename T>
void expect_refused(const Result<T>& result, const char* text, const char* member) {
  ASSERT_FALSE(result) << text;
  EXPECT_EQ(result.error().code, ErrorCode::invalid_argument) << text;
  EXPECT_NE(result.error().detail.find(member), std::string::npos) << text << " -> " << result.error().detail;
}

TEST(CommandJson, BadProtectsAreRefusedByMember) {
  const std::pair<const char*, const char*> bad[] = {
      {R"([])", "object"},
      {R"({})", "'machine'"},
      {R"({"machine":7,"replica":"r","disks":[]})", "'machine'"},
      {R"({"machine":null,"replica":"r","disks":[]})", "'machine'"},
      {R"({"machine":"m","replica":"r"})", "'disks'"},
      {R"({"machine":"m","replica":"r","disks":{}})", "'disks'"},
      {R"({"machine":"m","replica":"r","disks":[]})", "'disks'"},
      {R"({"machine":"m","replica":"r","disks":["root"]})", "disk"},
      {R"({"machine":"m","replica":"r","disks":[{"name":"d","path":"relative"}]})", "'path'"},
      {R"({"machine":"m","replica":"r","disks":[{"name":"d","path":"/a\u0000b"}]})", "'path'"},
      {R"({"machine":"m","replica":"r","disks":[{"name":"d","path":"/a\nb"}]})", "'path'"},
      {R"({"machine":"m","replica":"r","disks":[{"name":"d","path":"/a","track":"tap"}]})", "'track'"},
      {R"({"machine":"m","replica":"r","disks":[{"name":"d","path":"/a","trak":"scan"}]})", "'trak'"},
      {R"({"machine":"m","replica":"r","disks":[{"name":"d","path":"/a"}],"seed":"pigeon"})", "'seed'"},
      {R"({"machine":"m","replica":"r","disks":[{"name":"d","path":"/a"}],"seed":""})", "'seed'"},
      {R"({"machine":"m","replica":"r","disks":[{"name":"d","path":"/a"}],"dry_run":1})", "'dry_run'"},
      {R"({"machine":"m","replica":"r","disks":[{"name":"d","path":"/a"}],"dryrun":true})", "'dryrun'"},
  };
  for (const auto& [text, member] : bad) expect_refused(protect_from(parsed(text)), text, member);
}

TEST(CommandJson, BadOthersAreRefusedByMember) {
  expect_refused(restore_from("m", parsed(R"({"to":"/x"})")), "restore", "'disk'");
  expect_refused(restore_from("m", parsed(R"({"disk":"d","to":"x"})")), "restore", "'to'");
  expect_refused(restore_from("m", parsed(R"({"disk":"d","to":"/x","force":"yes"})")), "restore", "'force'");
  expect_refused(sync_from("m", parsed(R"({"fast":true})")), "sync", "'fast'");
  expect_refused(verify_from("m", parsed(R"({"point":7})")), "verify", "'point'");
  expect_refused(export_from("m", parsed(R"({})")), "export", "'to'");
  expect_refused(import_from(parsed(R"({"from":""})")), "import", "'from'");
  expect_refused(make_key_from(parsed(R"({"expires_seconds":-1})")), "key", "'expires_seconds'");
  expect_refused(make_key_from(parsed(R"({"expires_seconds":0})")), "key", "'expires_seconds'");
  expect_refused(make_key_from(parsed(R"({"expires_seconds":1e300})")), "key", "'expires_seconds'");
  expect_refused(make_key_from(parsed(R"({"addresses":[1]})")), "key", "'entry'");
  expect_refused(join_from(parsed(R"({})")), "join", "'key'");
  expect_refused(enrolment_request_from(parsed(R"({"secret":"00"})")), "enrol", "'host_id'");
}

TEST(CommandJson, ATextLongerThanAPathIsRefused) {
  const ordered_json body = {{"from", "/" + std::string(5000, 'a')}};
  EXPECT_EQ(import_from(body).error().code, ErrorCode::invalid_argument);
}

TEST(JsonText, BadTextsAreRefused) {
  for (const char* text :
       {"{", "nul", "{\"a\":1}x", "{\"a\":01}", "\"\\ud800\"", "{\"a\":1,\"a\":2}", "{'a':1}", "\xff"}) {
    const auto value = parse_json(text, ErrorCode::invalid_argument);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, ErrorCode::invalid_argument);
  }
}

TEST(JsonText, ADeepTextIsRefusedAndAFlatOneIsNot) {
  EXPECT_TRUE(parse_json(std::string(10, '[') + std::string(10, ']'), ErrorCode::protocol));
  EXPECT_FALSE(parse_json(std::string(500'000, '[') + std::string(500'000, ']'), ErrorCode::protocol));
  EXPECT_FALSE(parse_json(std::string(500'000, '['), ErrorCode::protocol));
}

TEST(JsonText, AMemberMayBeCalledAlikeInTwoObjects) {
  EXPECT_TRUE(parse_json(R"({"a":{"x":1},"b":{"x":2}})", ErrorCode::protocol));
}

TEST(JsonText, AnEmptyTextIsAnEmptyObject) { EXPECT_EQ(*parse_json("", ErrorCode::protocol), ordered_json::object()); }

TEST(JsonText, BytesThatAreNoUtf8ArePrintedAsAReplacement) {
  EXPECT_EQ(print_json({{"path", "/a\xff"}}), "{\"path\":\"/a\xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace afterimage::control
