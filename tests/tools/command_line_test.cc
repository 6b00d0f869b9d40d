// SPDX-License-Identifier: Apache-2.0
// The tree of commands: help everywhere, wrong usage answered with status 2, values where they belong.
#include "tools/afterimage/command_line.h"

#include <gtest/gtest.h>

namespace afterimage::cli {
namespace {

std::variant<Invocation, Printed> parse(std::vector<std::string> words) { return parse_command_line(words); }

template <typename Arguments>
Arguments parsed(std::vector<std::string> words, Common* common = nullptr) {
  const auto outcome = parse_command_line(words);
  const auto* invocation = std::get_if<Invocation>(&outcome);
  if (invocation == nullptr) {
    ADD_FAILURE() << std::get<Printed>(outcome).text;
    return {};
  }
  if (common != nullptr) *common = invocation->common;
  const auto* arguments = std::get_if<Arguments>(&invocation->command);
  EXPECT_NE(arguments, nullptr);
  return arguments != nullptr ? *arguments : Arguments{};
}

TEST(CommandLine, EveryCommandHasHelp) {
  const auto commands = command_words();
  EXPECT_GE(commands.size(), 22U);
  for (std::vector<std::string> words : commands) {
    const std::string command = words.back();
    words.emplace_back("--help");
    const auto outcome = parse(words);
    const auto* printed = std::get_if<Printed>(&outcome);
    ASSERT_NE(printed, nullptr) << command;
    EXPECT_EQ(printed->status, ExitStatus::done) << command;
    EXPECT_EQ(printed->sink, Sink::out) << command;
    EXPECT_NE(printed->text.find("Usage: afterimage "), std::string::npos) << printed->text;
    EXPECT_NE(printed->text.find(command), std::string::npos) << command;
    EXPECT_NE(printed->text.find("--json"), std::string::npos) << command;
  }
}

TEST(CommandLine, EveryCommandTakesJson) {
  for (std::vector<std::string> words : command_words()) {
    words.emplace_back("--no-such-option");
    const auto outcome = parse(words);
    ASSERT_TRUE(std::holds_alternative<Printed>(outcome));
    EXPECT_EQ(std::get<Printed>(outcome).status, ExitStatus::usage);
  }
  Common common;
  (void)parsed<Peers>({"peers", "--json"}, &common);
  EXPECT_EQ(common.form, Form::json);
  Common before;
  (void)parsed<Peers>({"--json", "--socket", "/x", "peers"}, &before);
  EXPECT_EQ(before.form, Form::json);
  EXPECT_EQ(before.socket, "/x");
}

TEST(CommandLine, WrongUsageIsOneLineThatNamesTheHelp) {
  const std::pair<std::vector<std::string>, const char*> bad[] = {
      {{}, "see 'afterimage --help'"},
      {{"bogus"}, "there is no command 'bogus'"},
      {{"host"}, "see 'afterimage host --help'"},
      {{"host", "bogus"}, "there is no command 'bogus'"},
      {{"host", "init", "--name", "x"}, "--dir"},
      {{"host", "init", "--name", "x", "--dir", "/d", "--control-port", "0"}, "--control-port"},
      {{"host", "init", "--name", "x", "--dir", "/d", "--control-port", "http"}, "--control-port"},
      {{"sync"}, "see 'afterimage sync --help'"},
      {{"sync", "a", "b"}, "see 'afterimage sync --help'"},
      {{"protect", "web1", "--disk", "a=/b"}, "--replica"},
      {{"protect", "web1", "--replica", "chi"}, "--disk"},
      {{"protect", "web1", "--replica", "chi", "--disk", "a=/b", "--seed", "pigeon"}, "--seed"},
      {{"verify", "web1", "--all", "--point", "7"}, "--all"},
      {{"restore", "web1", "--to", "/x"}, "--disk"},
      {{"jobs", "seven"}, "jobs"},
      {{"jobs", "7", "stop"}, "cancel"},
      {{"image", "compare", "a"}, "second"},
      {{"completion", "fish"}, "completion"},
      {{"status", "--jsn"}, "--jsn"},
  };
  for (const auto& [words, message] : bad) {
    const auto outcome = parse(words);
    const auto* printed = std::get_if<Printed>(&outcome);
    ASSERT_NE(printed, nullptr) << message;
    EXPECT_EQ(printed->status, ExitStatus::usage) << message;
    EXPECT_EQ(printed->sink, Sink::err);
    EXPECT_TRUE(printed->text.starts_with("afterimage: ")) << printed->text;
    EXPECT_NE(printed->text.find(message), std::string::npos) << printed->text;
    EXPECT_EQ(std::count(printed->text.begin(), printed->text.end(), '\n'), 1) << printed->text;
  }
}

TEST(CommandLine, TheVersionIsPrinted) {
  const auto outcome = parse({"--version"});
  EXPECT_TRUE(std::get<Printed>(outcome).text.starts_with("afterimage "));
  EXPECT_EQ(std::get<Printed>(outcome).status, ExitStatus::done);
}

TEST(CommandLine, ValuesAreWhereTheyBelong) {
  Common common;
  const auto init =
      parsed<HostInit>({"host", "init", "--name", "chi", "--dir", "/d", "--store", "/a", "--store", "two=/b",
                        "--listen", "::1", "--replication-port", "1", "--control-port", "2", "--force"});
  EXPECT_EQ(init.name, "chi");
  EXPECT_EQ(init.stores, (std::vector<std::string>{"/a", "two=/b"}));
  EXPECT_EQ(init.listen, "::1");
  EXPECT_EQ(init.replication_port, 1);
  EXPECT_EQ(init.control_port, 2);
  EXPECT_EQ(init.target, host::TargetExists::overwrite);

  const auto protect = parsed<Protect>({"protect", "--replica", "chi", "--disk", "a=/a,track=scan", "--disk", "b=/b",
                                        "web1", "--seed", "media", "--dry-run", "--detach"},
                                       &common);
  EXPECT_EQ(protect.machine, "web1");
  EXPECT_EQ(protect.disks, (std::vector<std::string>{"a=/a,track=scan", "b=/b"}));
  EXPECT_EQ(protect.seed, "media");
  EXPECT_EQ(common.execution, host::Execution::dry_run);
  EXPECT_EQ(common.wait, Wait::detach);

  const auto restore = parsed<Restore>({"restore", "web1", "--point", "2h", "--disk", "root", "--to", "x", "--force"});
  EXPECT_EQ(restore.point, "2h");
  EXPECT_EQ(restore.target, host::TargetExists::overwrite);
  EXPECT_EQ(parsed<Restore>({"restore", "web1", "--disk", "root", "--to", "x"}).point, "latest");
  EXPECT_EQ(parsed<Verify>({"verify", "web1", "--point", "7"}).point, "7");
  EXPECT_EQ(parsed<Verify>({"verify", "web1", "--all"}).point, "");
  EXPECT_EQ(parsed<ShowStatus>({"status", "web1", "--watch"}).repeat, Repeat::watch);
  EXPECT_EQ(parsed<Unprotect>({"unprotect", "web1", "--delete-replica"}).replica_removal, host::ReplicaRemoval::remove);
  EXPECT_EQ(parsed<JobShow>({"jobs", "7"}).id, 7U);
  EXPECT_EQ(parsed<JobCancel>({"jobs", "7", "cancel"}).id, 7U);
  (void)parsed<Jobs>({"jobs"});
  EXPECT_EQ(parsed<PeersRevoke>({"peers", "revoke", "chi"}).name, "chi");
  EXPECT_EQ(parsed<EnrolJoin>({"enrol", "join", "afi1-x", "--replica", "10.0.0.1"}).replica, "10.0.0.1");
  EXPECT_EQ(parsed<EnrolKey>({"enrol", "key"}).expires, "5d");
  EXPECT_EQ(parsed<Completion>({"completion", "zsh"}).shell, Shell::zsh);
}

TEST(CommandLine, CompletionKnowsEveryCommandAndOption) {
  for (const Shell shell : {Shell::bash, Shell::zsh}) {
    const std::string script = completion_script(shell);
    for (const std::vector<std::string>& words : command_words()) {
      std::string path;
      for (const std::string& word : words) path += "/" + word;
      EXPECT_NE(script.find("'" + path + "'"), std::string::npos) << path;
    }
    EXPECT_NE(script.find("--delete-replica"), std::string::npos);
    EXPECT_EQ(script.find("{{"), std::string::npos);
  }
}

}  // namespace
}  // namespace afterimage::cli
