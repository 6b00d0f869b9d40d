// SPDX-License-Identifier: Apache-2.0
#include "tools/config/config.h"

#include <gtest/gtest.h>

#include "tools/config/path.h"

namespace afterimage::tools {
namespace {

constexpr const char* file = "/etc/afterimage/afterimaged.toml";
constexpr const char* minimal = "[host]\nname = \"chi\"\nid = \"00112233445566778899aabbccddeeff\"\n";

Result<Config> parse(const std::string& more) { return parse_config(std::string(minimal) + more, file); }

TEST(Config, DefaultsComeFromTheFilesFolder) {
  const auto config = parse("");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->host_name, "chi");
  EXPECT_EQ(config->host_id.text(), "00112233445566778899aabbccddeeff");
  EXPECT_EQ(config->replication_port, 8084);
  EXPECT_EQ(config->control_port, 8083);
  EXPECT_EQ(config->listen_address, "");
  EXPECT_EQ(config->control_socket, "/etc/afterimage/control.sock");
  EXPECT_EQ(config->pki_dir, "/etc/afterimage/pki");
  EXPECT_EQ(config->state_dir, "/etc/afterimage/state");
  EXPECT_EQ(config->log_level, LogLevel::info);
  EXPECT_EQ(config->io, IoChoice::automatic);
  EXPECT_EQ(config->lanes, lanes_default);
  EXPECT_TRUE(config->stores.empty());
}

TEST(Config, WhatIsPrintedIsReadTheSame) {
  Config config{.host_name = "chi \"2\" ü"};
  config.host_id.bytes.fill(std::byte{7});
  config.listen_address = "::1";
  config.replication_port = 18084;
  config.control_port = 18083;
  config.control_socket = "/d/control.sock";
  config.pki_dir = "/d/pki";
  config.state_dir = "/d/state";
  config.stores = {{"default", "/srv/a b"}, {"two", "/srv/\"two\" \\ x", 3}};
  config.log_level = LogLevel::debug;
  config.io = IoChoice::posix;
  config.compression = format::Compression::zstd(-5);
  config.lanes = 8;
  const auto again = parse_config(print_config(config), "/d/afterimaged.toml");
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(*again, config);
  config.listen_address.clear();
  config.stores.clear();
  EXPECT_EQ(*parse_config(print_config(config), "/elsewhere/afterimaged.toml"), config);
}

TEST(Config, RelativePathsStartAtTheFilesFolder) {
  const auto config = parse("[[store]]\nname = \"s\"\npath = \"./stores//s/\"\n[state]\ndir = \"st\"\n");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->stores[0].path, "/etc/afterimage/stores/s");
  EXPECT_EQ(config->state_dir, "/etc/afterimage/st");
}

// What is wrong, and where the message has to say it is.
struct Bad {
  const char* text;
  const char* message;
};

TEST(Config, BadOnesAreRefusedWithTheirLine) {
  const Bad bad[] = {
      {"io = \"epoll\"\n", ":4: [host] io has to be auto, uring or posix"},
      {"[hots]\nname = \"x\"\n", ":4: [hots] is not known"},
      {"colour = 1\n", ":4: [host] colour is not known"},
      {"[listen]\nreplication_prot = 8084\n", ":5: [listen] replication_prot is not known"},
      {"[listen]\nreplication_port = \"8084\"\n", ":5: [listen] replication_port"},
      {"[listen]\nreplication_port = 0\n", ":5: [listen] replication_port"},
      {"[listen]\nreplication_port = 65536\n", ":5: [listen] replication_port"},
      {"[listen]\nreplication_port = 99999999999999999999\n", ":5:"},
      {"[listen]\nreplication_port = 8083\n", "have to differ"},
      {"[listen]\naddress = \"\"\n", ":5: [listen] address is empty"},
      {"[control]\nsocket = 7\n", ":5: [control] socket"},
      {"[control]\nsocket = \"/a\\u0000b\"\n", ":5: [control] socket"},
      {"[pki]\ndir = \"state\"\n", "different folders"},
      {"[log]\nlevel = \"loud\"\n", ":5: [log] level"},
      {"[replication]\ncompression = \"0\"\n", ":5: [replication] compression has to be auto"},
      {"[replication]\ncompression = 1\n", ":5: [replication] compression has to be a text in quotes"},
      {"[replication]\nlanes = 0\n", ":5: [replication] lanes has to be a number of connections, 1 to 8"},
      {"[replication]\nlanes = 9\n", ":5: [replication] lanes has to be a number"},
      {"[replication]\nlanes = \"4\"\n", ":5: [replication] lanes has to be a number"},
      {"[store]\nname = \"a\"\npath = \"/a\"\n", "[[store]]"},
      {"[[store]]\nname = \"a\"\n", ":4: [store] path is missing"},
      {"[[store]]\npath = \"/a\"\n", ":4: [store] name is missing"},
      {"[[store]]\nname = \"a\"\npath = \"/a\"\nquota = 1\n", ":7: [store] quota is not known"},
      {"[[store]]\nname = \"a\"\npath = \"/a\"\nsegment_mebibytes = 65\n", ":7: [store] segment_mebibytes has to be"},
      {"[[store]]\nname = \"a/b\"\npath = \"/a\"\n", "store"},
      {"[[store]]\nname = \"a\"\npath = \"/a\"\n[[store]]\nname = \"a\"\npath = \"/b\"\n", "two stores"},
      {"[[store]]\nname = \"a\"\npath = \"/a\"\n[[store]]\nname = \"b\"\npath = \"/a\"\n", "the same"},
      {"[[store]]\nname = \"a\"\npath = \"/a\"\n[[store]]\nname = \"b\"\npath = \"/a/b\"\n", "inside"},
      {"[listen\n", ":4:"},
      {"[listen]\n[listen]\n", ":5:"},
      {"x = {{\n", ":4:"},
      {"x = \"\xff\"\n", ":4:"},
  };
  for (const Bad& one : bad) {
    const auto config = parse(one.text);
    ASSERT_FALSE(config) << one.text;
    EXPECT_EQ(config.error().code, ErrorCode::invalid_argument) << one.text;
    EXPECT_NE(config.error().text().find(one.message), std::string::npos) << one.text << "-> " << config.error().text();
    EXPECT_NE(config.error().text().find(file), std::string::npos) << config.error().text();
  }
}

TEST(Config, WithoutAHostItIsRefused) {
  for (const char* text :
       {"", "host = 1\n", "[host]\n", "[host]\nname = \"chi\"\n", "[host]\nname = \"chi\"\nid = \"12\"\n",
        "[host]\nname = \"chi\"\nid = \"00000000000000000000000000000000\"\n",
        "[host]\nname = \"..\"\nid = \"00112233445566778899aabbccddeeff\"\n"}) {
    EXPECT_FALSE(parse_config(text, file)) << text;
  }
}

TEST(Config, ALongOneAndADeepOneAreRefused) {
  EXPECT_EQ(parse(std::string(config_bytes_max, '#')).error().code, ErrorCode::limit_exceeded);
  EXPECT_FALSE(parse("x = " + std::string(60'000, '[')));
}

TEST(Config, ASocketPathThatNoKernelTakesIsRefused) {
  EXPECT_FALSE(parse("[control]\nsocket = \"/" + std::string(107, 'a') + "\"\n"));
  EXPECT_TRUE(parse("[control]\nsocket = \"/" + std::string(106, 'a') + "\"\n"));
}

TEST(Path, IsMadeAbsoluteByItsText) {
  EXPECT_EQ(absolute_path("a", "/d"), "/d/a");
  EXPECT_EQ(absolute_path("./a//b/", "/d"), "/d/a/b");
  EXPECT_EQ(absolute_path("../a", "/d"), "/d/../a");
  EXPECT_EQ(absolute_path("/", "/d"), "/");
  EXPECT_EQ(absolute_path(".", "/d"), "/d");
  EXPECT_EQ(absolute_path("", "/d"), "");
  EXPECT_EQ(absolute_path("/a b/ü", "/d"), "/a b/ü");
}

}  // namespace
}  // namespace afterimage::tools
