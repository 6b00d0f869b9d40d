// SPDX-License-Identifier: Apache-2.0
// The primary's post of an enrolment, against the router and against what is none.
#include "transport/control/enrolment_client.h"

#include <memory>

#include <gtest/gtest.h>

#include "io/sim/world.h"
#include "io/task_group.h"
#include "tests/transport/control/fake_host.h"
#include "tests/transport/control/samples.h"
#include "transport/control/command_json.h"
#include "transport/control/router.h"

namespace afterimage::control {
namespace {

using io::Scope;
using io::Task;

class EnrolmentClient : public testing::Test {
 protected:
  Result<tls::EnrolmentAnswer> enrol() {
    io::TaskGroup group(platform().reactor);
    return io::sim::run(world_, enrol_over(group));
  }
  [[nodiscard]] io::Platform platform() { return world_.platform(node_); }

  Task<Result<tls::EnrolmentAnswer>> enrol_over(io::TaskGroup& group) {
    AFI_CO_TRY(const auto listener, platform().network.listen(scope_, {.host = "", .port = 8083}));
    group.spawn(serve_one(*listener));
    AFI_CO_TRY(const auto stream, platform().network.connect(scope_, {.host = "localhost", .port = 8083}));
    auto posting = post_enrolment(scope_, *stream, "localhost", samples::enrolment_request());
    auto answer = co_await posting;
    stream->close();
    auto joining = group.join();
    co_await joining;
    co_return answer;
  }
  Task<void> serve_one(io::Listener& listener) {
    auto accepting = listener.accept(scope_);
    const auto stream = co_await accepting;
    if (!stream) co_return;
    if (!foreign_.empty()) {
      auto writing = (*stream)->write(scope_, view_of(foreign_));
      const Status written = co_await writing;
      (void)written;
      (*stream)->close();
      co_return;
    }
    Caller caller{.kind = CallerKind::anonymous, .name = "10.0.0.9", .host = {}, .channel = Digest{}};
    auto serving = serve_http(scope_, **stream, router_, std::move(caller));
    const Status served = co_await serving;
    (void)served;
  }

  io::sim::World world_{{}};
  io::sim::NodeId node_ = world_.add_node("rho");
  Scope scope_{world_.platform(node_).reactor};
  FakeHost host_;
  Router router_{host_, host_, samples::version()};
  std::string foreign_;
};

TEST_F(EnrolmentClient, BringsTheReplicasAnswer) {
  const auto answer = enrol();
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->host.name, "chi");
  EXPECT_EQ(answer->replication_port, 8084);
  EXPECT_EQ(answer->root_pem, samples::enrolment_answer().root_pem);
  EXPECT_EQ(host_.calls, std::vector<std::string>{"enrol rho"});
}

TEST_F(EnrolmentClient, BringsTheReplicasRefusal) {
  host_.error = Error{.code = ErrorCode::authentication, .what = "enrol", .detail = "the key was used by another host"};
  const auto answer = enrol();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::authentication);
  EXPECT_EQ(answer.error().detail, "the key was used by another host");
}

TEST_F(EnrolmentClient, WhatIsNoReplicaIsAProtocolError) {
  for (const char* text :
       {"220 mail.example ESMTP\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"}) {
    foreign_ = text;
    const auto answer = enrol();
    ASSERT_FALSE(answer) << text;
    EXPECT_EQ(answer.error().code, ErrorCode::protocol) << text << answer.error().text();
  }
}

}  // namespace
}  // namespace afterimage::control
