// SPDX-License-Identifier: Apache-2.0
// The whole program against a daemon that only remembers, over a socket of the simulated world.
#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "io/sim/world.h"
#include "io/task_group.h"
#include "tests/tools/test_terminal.h"
#include "tests/transport/control/fake_host.h"
#include "tests/transport/control/samples.h"
#include "tools/afterimage/run.h"
#include "transport/control/router.h"

namespace afterimage::cli {
namespace {

using namespace std::chrono_literals;
using control::FakeHost;
using io::Scope;
using io::Task;
using nlohmann::ordered_json;
namespace samples = control::samples;

class Cli : public testing::Test {
 protected:
  void SetUp() override { host_.known_jobs = {samples::jobs()[1]}; }

  // Runs the command; the daemon listens at /run/afterimage/control.sock unless `daemon_` says otherwise.
  int run(std::vector<std::string> words) {
    terminal_.out.clear();
    terminal_.err.clear();
    host_.calls.clear();
    Scope scope(platform().reactor);
    io::TaskGroup group(platform().reactor);
    auto ran = io::sim::run(world_, run_with_daemon(scope, group, std::move(words)));
    EXPECT_TRUE(ran) << (ran ? "" : ran.error().text());
    return ran ? static_cast<int>(*ran) : -1;
  }
  [[nodiscard]] io::Platform platform() { return world_.platform(node_); }

  Task<Result<ExitStatus>> run_with_daemon(Scope& scope, io::TaskGroup& group, std::vector<std::string> words) {
    Scope serving(scope);
    std::unique_ptr<io::Listener> listener;
    if (!daemon_.empty()) {
      AFI_CO_TRY(listener, platform().network.listen(scope, {.host = {}, .unix_path = daemon_}));
      group.spawn(accept_all(serving, group, *listener));
    }
    Scope work(scope);
    if (interrupt_after_) group.spawn(interrupt(work, *interrupt_after_));
    auto running = run_cli(work, platform(), terminal_, std::move(words));
    const ExitStatus status = co_await running;
    serving.cancel();
    auto joining = group.join();
    co_await joining;
    co_return status;
  }
  Task<void> accept_all(Scope& scope, io::TaskGroup& group, io::Listener& listener) {
    while (true) {
      auto accepting = listener.accept(scope);
      auto stream = co_await accepting;
      if (!stream) co_return;
      group.spawn(serve(scope, std::move(*stream)));
    }
  }
  Task<void> serve(Scope& scope, std::unique_ptr<io::Stream> stream) {
    auto serving = control::serve_http(scope, *stream, router_, caller_);
    const Status served = co_await serving;
    (void)served;
  }
  Task<void> interrupt(Scope& work, Duration after) {
    auto sleeping = io::sleep_for(work, after);
    const Status slept = co_await sleeping;
    if (slept) work.cancel();
  }
  [[nodiscard]] ordered_json document() const { return ordered_json::parse(terminal_.out, nullptr, false); }
  void expect_one_error_line() const {
    EXPECT_TRUE(terminal_.err.starts_with("afterimage: ")) << terminal_.err;
    EXPECT_EQ(std::count(terminal_.err.begin(), terminal_.err.end(), '\n'), 1) << terminal_.err;
  }

  io::sim::World world_{{}};
  io::sim::NodeId node_ = world_.add_node("rho");
  FakeHost host_;
  control::Router router_{host_, host_, samples::version()};
  control::Caller caller_{.kind = control::CallerKind::local, .name = "user 0"};
  TestTerminal terminal_;
  std::string daemon_ = "/run/afterimage/control.sock";
  std::optional<Duration> interrupt_after_;
};

TEST_F(Cli, SyncShowsThePointThatExistsNow) {
  EXPECT_EQ(run({"sync", "web1"}), 3);  // the sample has a warning
  EXPECT_EQ(host_.calls.front(), "sync web1");
  EXPECT_NE(terminal_.out.find("point 7"), std::string::npos) << terminal_.out;
  EXPECT_NE(terminal_.err.find("warning: the clock of chi"), std::string::npos);
}

TEST_F(Cli, SyncJsonIsOneDocumentAndNothingElse) {
  host_.known_jobs[0].warnings.clear();
  EXPECT_EQ(run({"sync", "web1", "--json"}), 0);
  EXPECT_EQ(document()["sequence"], 7);
  EXPECT_EQ(document()["seconds"], 1.5);
  EXPECT_EQ(terminal_.err, "");
}

TEST_F(Cli, AJobIsFollowedWithLinesWhereThereIsNoTerminal) {
  host_.looks_until_done = 30;
  EXPECT_EQ(run({"sync", "web1"}), 3);
  const auto lines = std::count(terminal_.err.begin(), terminal_.err.end(), '\n');
  EXPECT_GE(lines, 6);  // a minute: one each few seconds, and the warning
  EXPECT_LE(lines, 13);
  EXPECT_EQ(terminal_.err.find('\r'), std::string::npos);
}

TEST_F(Cli, AJobIsFollowedWithABarOnATerminal) {
  terminal_.interactive = true;
  host_.looks_until_done = 20;
  EXPECT_EQ(run({"sync", "web1"}), 3);
  EXPECT_NE(terminal_.err.find("\rsending  ["), std::string::npos) << terminal_.err;
  EXPECT_EQ(terminal_.out.find('\r'), std::string::npos);
}

TEST_F(Cli, CtrlCLeavesTheJobAloneAndSaysHowToLookAgain) {
  host_.looks_until_done = 1000;
  interrupt_after_ = 5s;
  EXPECT_EQ(run({"sync", "web1"}), 130);
  EXPECT_NE(terminal_.err.find("afterimage jobs 2"), std::string::npos) << terminal_.err;
  for (const std::string& call : host_.calls) EXPECT_FALSE(call.starts_with("cancel"));
}

TEST_F(Cli, DetachReturnsAtOnce) {
  host_.looks_until_done = 1000;
  EXPECT_EQ(run({"sync", "web1", "--detach", "--json"}), 0);
  EXPECT_EQ(document()["job"], 2);
  EXPECT_EQ(host_.calls, std::vector<std::string>{"sync web1"});
}

TEST_F(Cli, DryRunPrintsThePlan) {
  EXPECT_EQ(run({"sync", "web1", "--dry-run"}), 0);
  EXPECT_EQ(host_.calls, std::vector<std::string>{"sync web1 dry_run"});
  EXPECT_NE(terminal_.out.find("would be done"), std::string::npos);
  EXPECT_NE(terminal_.out.find("16.0 GiB"), std::string::npos);
  EXPECT_EQ(run({"unprotect", "web1", "--delete-replica", "--dry-run", "--json"}), 0);
  EXPECT_EQ(host_.calls, std::vector<std::string>{"unprotect web1 remove dry_run"});
  EXPECT_TRUE(document().contains("plan"));
  EXPECT_EQ(run({"pause", "web1", "--dry-run"}), 0);
  EXPECT_EQ(host_.calls, std::vector<std::string>{"pause web1 dry_run"});
  EXPECT_EQ(run({"peers", "revoke", "chi", "--dry-run"}), 0);
  EXPECT_EQ(run({"enrol", "key", "--dry-run"}), 0);
  EXPECT_EQ(run({"enrol", "join", "afi1-x", "--dry-run"}), 0);
  EXPECT_EQ(host_.calls, std::vector<std::string>{"join dry_run"});
}

TEST_F(Cli, PathsAreMadeAbsolute) {
  (void)run({"protect", "web1", "--replica", "chi", "--disk", "root=img/a,b.raw,track=scan"});
  ASSERT_TRUE(host_.protected_);
  EXPECT_EQ(host_.protected_->disks[0].path, "/d/img/a,b.raw");
  (void)run({"restore", "web1", "--disk", "root", "--to", "x.raw"});
  ASSERT_TRUE(host_.restored);
  EXPECT_EQ(host_.restored->to, "/d/x.raw");
  (void)run({"export", "web1", "--to", "seed"});
  EXPECT_EQ(host_.calls.front(), "export web1 /d/seed");
  (void)run({"import", "seed"});
  EXPECT_EQ(host_.calls.front(), "import /d/seed");
}

TEST_F(Cli, APathThatIsNoUtf8IsRefusedAndNotChanged) {
  EXPECT_EQ(run({"restore", "web1", "--disk", "root", "--to", "/d/\xff.raw"}), 2);
  EXPECT_TRUE(host_.calls.empty());
  expect_one_error_line();
}

TEST_F(Cli, VerifyReadsAllUnlessAPointIsNamed) {
  host_.known_jobs = {samples::jobs()[3]};
  EXPECT_EQ(run({"verify", "web1"}), 1);  // the sample found damage
  EXPECT_EQ(host_.verified->point, std::nullopt);
  EXPECT_NE(terminal_.out.find("damaged: web1 disk root points 2 to 4 at byte 28672, 8192 bytes"), std::string::npos)
      << terminal_.out;
  EXPECT_EQ(run({"verify", "web1", "--point", "latest"}), 1);
  EXPECT_EQ(host_.verified->point, "latest");
}

TEST_F(Cli, AFailedJobIsOneLineAndItsStatus) {
  host_.known_jobs = {samples::jobs()[7]};
  host_.known_jobs[0].warnings.clear();
  EXPECT_EQ(run({"sync", "web1"}), 1);
  expect_one_error_line();
  EXPECT_NE(terminal_.err.find("chi's store is full"), std::string::npos);
  EXPECT_EQ(terminal_.out, "");
}

TEST_F(Cli, AnErrorOfTheDaemonIsOneLineAndItsStatus) {
  const std::pair<ErrorCode, int> table[] = {{ErrorCode::not_found, 10},       {ErrorCode::busy, 11},
                                             {ErrorCode::authentication, 12},  {ErrorCode::unreachable, 13},
                                             {ErrorCode::resync_required, 14}, {ErrorCode::refused, 15},
                                             {ErrorCode::no_space, 1},         {ErrorCode::cancelled, 130}};
  for (const auto& [code, status] : table) {
    host_.error = Error{.code = code, .what = "x", .detail = "cannot, because;\ndo this"};
    for (const std::vector<std::string>& words : {std::vector<std::string>{"sync", "web1"},
                                                  {"points", "web1"},
                                                  {"peers"},
                                                  {"status"},
                                                  {"enrol", "key"},
                                                  {"pause", "web1", "--json"}}) {
      EXPECT_EQ(run(words), status) << words.front();
      expect_one_error_line();
      EXPECT_NE(terminal_.err.find("cannot, because; do this"), std::string::npos) << terminal_.err;
      EXPECT_EQ(terminal_.out, "");
    }
  }
}

TEST_F(Cli, WithoutADaemonItIsUnreachable) {
  daemon_.clear();
  EXPECT_EQ(run({"status"}), 13);
  expect_one_error_line();
  EXPECT_NE(terminal_.err.find("afterimaged --config"), std::string::npos);
}

TEST_F(Cli, AStrangerIsTurnedAway) {
  caller_ = {.kind = control::CallerKind::stranger, .name = "user 1000"};
  EXPECT_EQ(run({"status"}), 12);
  EXPECT_NE(terminal_.err.find("user 1000"), std::string::npos);
}

TEST_F(Cli, TheSocketIsFoundByOptionVariableDefaultOrMemory) {
  daemon_ = "/d/mine.sock";
  EXPECT_EQ(run({"peers", "--socket", "mine.sock"}), 0);
  terminal_.variables["AFTERIMAGE_SOCKET"] = "/d/mine.sock";
  EXPECT_EQ(run({"peers"}), 0);
  EXPECT_EQ(run({"peers", "--socket", "/d/other.sock"}), 13);
  terminal_.variables.erase("AFTERIMAGE_SOCKET");
  EXPECT_EQ(run({"peers"}), 13);
  EXPECT_EQ(run({"host", "init", "--name", "rho", "--dir", "/d/rho"}), 0);
  daemon_ = "/d/rho/control.sock";
  EXPECT_EQ(run({"peers"}), 0) << terminal_.err;
}

TEST_F(Cli, TablesShowWhatTheDaemonKnows) {
  host_.machines = {samples::machine()};
  host_.known_points = {samples::point()};
  EXPECT_EQ(run({"status"}), 0);
  EXPECT_NE(terminal_.out.find("web1"), std::string::npos);
  EXPECT_NE(terminal_.out.find("no point for 2h"), std::string::npos);
  EXPECT_EQ(run({"status", "web1"}), 0);
  EXPECT_NE(terminal_.out.find("/srv/data.raw"), std::string::npos);
  EXPECT_EQ(run({"status", "--json"}), 0);
  EXPECT_EQ(document(), control::status_document({.host = host_.host, .machines = host_.machines}));
  EXPECT_EQ(run({"points", "web1"}), 0);
  EXPECT_NE(terminal_.out.find("2026-01-01 12:00:00Z"), std::string::npos);
  EXPECT_EQ(run({"points", "web1", "--json"}), 0);
  EXPECT_EQ(document()["points"][0]["digest"], samples::point().digest.text());
  EXPECT_EQ(run({"jobs"}), 0);
  EXPECT_NE(terminal_.out.find("sync"), std::string::npos);
  EXPECT_EQ(run({"jobs", "2", "--json", "--detach"}), 0);
  EXPECT_EQ(document()["kind"], "sync");
  EXPECT_EQ(run({"jobs", "2", "--json"}), 3);
  EXPECT_EQ(document()["result"]["sequence"], 7);
  EXPECT_EQ(run({"jobs", "2", "cancel"}), 0);
  EXPECT_EQ(host_.calls, std::vector<std::string>{"cancel 2"});
  EXPECT_EQ(run({"jobs", "99"}), 10);
  EXPECT_EQ(run({"peers"}), 0);
  EXPECT_NE(terminal_.out.find("chi.example:8084"), std::string::npos);
  EXPECT_EQ(run({"enrol", "key"}), 0);
  EXPECT_EQ(terminal_.out, "afi1-abcdef\n");
  EXPECT_EQ(run({"enrol", "join", "afi1-x"}), 0);
  EXPECT_NE(terminal_.out.find("joined replica chi"), std::string::npos);
}

TEST_F(Cli, StatusIsWatchedUntilCtrlC) {
  host_.machines = {samples::machine()};
  interrupt_after_ = 9s;
  EXPECT_EQ(run({"status", "--watch", "--interval", "2s", "--json"}), 0);
  EXPECT_EQ(std::count(terminal_.out.begin(), terminal_.out.end(), '\n'), 5);
}

TEST_F(Cli, ColoursAreForTerminalsWithoutNoColor) {
  host_.machines = {samples::machine()};
  EXPECT_EQ(run({"status"}), 0);
  EXPECT_EQ(terminal_.out.find('\x1b'), std::string::npos);
  terminal_.interactive = true;
  EXPECT_EQ(run({"status"}), 0);
  EXPECT_NE(terminal_.out.find("\x1b[33m"), std::string::npos);
  terminal_.variables["NO_COLOR"] = "1";
  EXPECT_EQ(run({"status"}), 0);
  EXPECT_EQ(terminal_.out.find('\x1b'), std::string::npos);
}

TEST_F(Cli, BadNamesAndDisksAreWrongUsageAndReachNobody) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"sync", "a/b"},
        {"sync", ".."},
        {"points", ""},
        {"status", "a\nb"},
        {"restore", "web1", "--disk", "..", "--to", "x"},
        {"protect", "web1", "--replica", "chi", "--disk", "nopath"},
        {"protect", "web1", "--replica", "chi", "--disk", "a="},
        {"protect", "web1", "--replica", "chi", "--disk", "=b"},
        {"protect", "web1", "--replica", "chi", "--disk", "a=/b,track=tap"},
        {"protect", "web1", "--replica", "chi", "--disk", "a=/b,qmp=/s"},
        {"protect", "web1", "--replica", "chi", "--disk", "a=/b", "--disk", "a=/c"},
        {"protect", std::string(65, 'x'), "--replica", "chi", "--disk", "a=/b"},
        {"enrol", "key", "--expires", "soon"},
        {"status", "--interval", "often"},
        {"peers", "revoke", "../x"}}) {
    EXPECT_EQ(run(words), 2) << words.front() << " " << words.back();
    expect_one_error_line();
    EXPECT_TRUE(host_.calls.empty());
  }
}

}  // namespace
}  // namespace afterimage::cli
