// SPDX-License-Identifier: Apache-2.0
// Whole connections: clients that behave, that are slow, that lie and that vanish.
#include "transport/control/http_server.h"

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "io/base/limits.h"
#include "io/sim/world.h"
#include "io/task_group.h"
#include "transport/control/http_client.h"

namespace afterimage::control {
namespace {

using namespace std::chrono_literals;
using io::Scope;
using io::Task;

// Answers with the target; "/slow" takes ten minutes.
class Echo final : public HttpHandler {
 public:
  Task<HttpResponse> handle(Scope& scope, const HttpRequest& request, const Caller&) override {
    ++handled;
    if (request.target == "/slow") {
      auto sleeping = io::sleep_for(scope, 10min);
      const Status slept = co_await sleeping;
      if (!slept) co_return HttpResponse{.status = 504, .body = "too slow"};
    }
    co_return HttpResponse{.body = request.target + request.body};
  }
  int handled = 0;
};

struct Outcome {
  std::optional<Status> served;
  std::string received;
  bool client_saw_end = false;
};

class Server : public testing::Test {
 protected:
  // One connection: the client does what `client` says, then reads until the server ends.
  using Client = Task<void> (*)(Scope&, io::Stream&);
  Outcome serve(Client client) {
    Outcome outcome;
    io::TaskGroup group(platform().reactor);
    auto done = io::sim::run(world_, connect_both(group, client, outcome), std::chrono::hours(1));
    EXPECT_TRUE(done) << (done ? "" : done.error().text());
    return outcome;
  }

  [[nodiscard]] io::Platform platform() { return world_.platform(node_); }

  Task<Status> connect_both(io::TaskGroup& group, Client client, Outcome& outcome) {
    AFI_CO_TRY(const auto listener, platform().network.listen(scope_, {.host = "", .port = 8083}));
    group.spawn(accept_one(*listener, outcome));
    AFI_CO_TRY(const auto stream, platform().network.connect(scope_, {.host = "localhost", .port = 8083}));
    auto acting = client(scope_, *stream);
    co_await acting;
    auto reading = read_all(*stream, outcome);
    co_await reading;
    stream->close();
    auto joining = group.join();
    co_await joining;
    co_return Status{};
  }
  Task<void> accept_one(io::Listener& listener, Outcome& outcome) {
    auto accepting = listener.accept(scope_);
    auto stream = co_await accepting;
    if (!stream) co_return;
    auto serving = serve_http(scope_, **stream, echo_, Caller{.kind = CallerKind::local});
    outcome.served = co_await serving;
  }
  Task<void> read_all(io::Stream& stream, Outcome& outcome) {
    Bytes buffer(4096);
    while (true) {
      auto reading = stream.read_some(scope_, buffer);
      const auto count = co_await reading;
      outcome.client_saw_end = count && *count == 0;
      if (!count || *count == 0) co_return;
      outcome.received += text_of(ByteView(buffer).first(*count));
    }
  }

  io::sim::World world_{{}};
  io::sim::NodeId node_ = world_.add_node("rho");
  Scope scope_{world_.platform(node_).reactor};
  Echo echo_;
};

Task<void> send(Scope& scope, io::Stream& stream, std::string text) {
  auto writing = stream.write(scope, view_of(text));
  const Status written = co_await writing;
  (void)written;
}

TEST_F(Server, AnswersRequestsOnOneConnectionUntilTheClientEnds) {
  const Outcome outcome = serve([](Scope& scope, io::Stream& stream) -> Task<void> {
    auto sending = send(scope, stream, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    co_await sending;
    auto ending = stream.shutdown_write(scope);
    const Status ended = co_await ending;
    (void)ended;
  });
  EXPECT_TRUE(outcome.served.has_value() && *outcome.served);
  EXPECT_TRUE(outcome.client_saw_end);
  EXPECT_EQ(echo_.handled, 2);
  EXPECT_NE(outcome.received.find("/a"), std::string::npos);
  EXPECT_TRUE(outcome.received.ends_with("/b"));
}

TEST_F(Server, ClosesWhenTheClientAsksForIt) {
  const Outcome outcome = serve([](Scope& scope, io::Stream& stream) -> Task<void> {
    auto sending = send(scope, stream, "GET /a HTTP/1.1\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    co_await sending;
  });
  EXPECT_EQ(echo_.handled, 1);
  EXPECT_NE(outcome.received.find("Connection: close"), std::string::npos);
}

TEST_F(Server, AnIdleClientIsLeftQuietly) {
  const MonotonicTime before = world_.now();
  const Outcome outcome = serve([](Scope&, io::Stream&) -> Task<void> { co_return; });
  EXPECT_TRUE(outcome.served.has_value() && *outcome.served);
  EXPECT_TRUE(outcome.received.empty());
  EXPECT_GE(world_.now() - before, 60s);
  EXPECT_LT(world_.now() - before, 61s);
}

TEST_F(Server, AHeaderThatTricklesIsRefusedAfterItsTimeAsAWhole) {
  const MonotonicTime before = world_.now();
  const Outcome outcome = serve([](Scope& scope, io::Stream& stream) -> Task<void> {
    const std::string text = "GET /aaaaa";
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto sending = send(scope, stream, text.substr(i, 1));
      co_await sending;
      auto sleeping = io::sleep_for(scope, 1s);
      const Status slept = co_await sleeping;
      (void)slept;
    }
  });
  EXPECT_NE(outcome.received.find("408"), std::string::npos);
  ASSERT_TRUE(outcome.served.has_value());
  EXPECT_FALSE(*outcome.served);
  EXPECT_EQ(echo_.handled, 0);
  EXPECT_LT(world_.now() - before, 16s);
}

TEST_F(Server, ABodyThatDoesNotComeIsRefused) {
  const Outcome outcome = serve([](Scope& scope, io::Stream& stream) -> Task<void> {
    auto sending = send(scope, stream, "POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\n123");
    co_await sending;
  });
  EXPECT_NE(outcome.received.find("408"), std::string::npos);
  EXPECT_EQ(echo_.handled, 0);
}

TEST_F(Server, TooLongAndNoHttpGetTheirAnswersAndTheEnd) {
  const std::pair<Client, const char*> bad[] = {
      {[](Scope& scope, io::Stream& stream) -> Task<void> {
         auto sending = send(scope, stream, "GET /" + std::string(2 * limits::http_header_bytes_max, 'a'));
         co_await sending;
       },
       "431"},
      {[](Scope& scope, io::Stream& stream) -> Task<void> {
         auto sending = send(scope, stream, "POST /a HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n");
         co_await sending;
       },
       "413"},
      {[](Scope& scope, io::Stream& stream) -> Task<void> {
         auto sending = send(scope, stream, "\x16\x03\x01 hello\r\n\r\n");
         co_await sending;
       },
       "400"},
  };
  for (const auto& [client, status] : bad) {
    const Outcome outcome = serve(client);
    EXPECT_EQ(outcome.received.substr(9, 3), status) << outcome.received;
    EXPECT_NE(outcome.received.find("{\"error\":"), std::string::npos);
    EXPECT_TRUE(outcome.served.has_value() && !*outcome.served);
  }
  EXPECT_EQ(echo_.handled, 0);
}

TEST_F(Server, AHandlerThatTakesTooLongIsInterrupted) {
  const Outcome outcome = serve([](Scope& scope, io::Stream& stream) -> Task<void> {
    auto sending = send(scope, stream, "GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n");
    co_await sending;
  });
  EXPECT_NE(outcome.received.find("504"), std::string::npos);
}

TEST_F(Server, AClientThatEndsInTheMiddleIsNoted) {
  const Outcome outcome = serve([](Scope& scope, io::Stream& stream) -> Task<void> {
    auto sending = send(scope, stream, "GET /a HT");
    co_await sending;
    auto ending = stream.shutdown_write(scope);
    const Status ended = co_await ending;
    (void)ended;
  });
  ASSERT_TRUE(outcome.served.has_value() && !*outcome.served);
  EXPECT_EQ(outcome.served->error().code, ErrorCode::unreachable);
}

TEST_F(Server, TheClientOfThisProjectIsUnderstood) {
  const Outcome outcome = serve([](Scope& scope, io::Stream& stream) -> Task<void> {
    HttpClient client(stream, "localhost");
    for (const char* target : {"/a", "/b"}) {
      auto calling = client.call(scope, {.method = Method::post, .target = target, .body = "{}"});
      const auto response = co_await calling;
      EXPECT_TRUE(response && response->body == std::string(target) + "{}");
    }
    auto ending = stream.shutdown_write(scope);
    const Status ended = co_await ending;
    (void)ended;
  });
  EXPECT_EQ(echo_.handled, 2);
}

}  // namespace
}  // namespace afterimage::control
