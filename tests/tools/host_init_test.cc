// SPDX-License-Identifier: Apache-2.0
// host init and the offline commands, on a simulated disk.
#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "io/sim/world.h"
#include "tests/tools/test_terminal.h"
#include "tools/afterimage/run.h"
#include "tools/config/config.h"
#include "tools/offline/segment_report.h"

namespace afterimage::cli {
namespace {

using nlohmann::ordered_json;

class Offline : public testing::Test {
 protected:
  int run(std::vector<std::string> words) {
    terminal_.out.clear();
    terminal_.err.clear();
    io::Scope scope(world_.platform(node_).reactor);
    auto ran = io::sim::run(world_, run_cli(scope, world_.platform(node_), terminal_, std::move(words)));
    EXPECT_TRUE(ran) << (ran ? "" : ran.error().text());
    return ran ? static_cast<int>(*ran) : -1;
  }
  [[nodiscard]] io::sim::DiskControl& disk() { return world_.disk(node_); }
  [[nodiscard]] std::string text_at(const std::string& path) {
    const auto bytes = disk().read(path);
    return bytes ? std::string(text_of(*bytes)) : "";
  }
  void put(const std::string& path, const Bytes& content) {
    if (disk().exists(path)) {
      ASSERT_TRUE(disk().remove(path));
    }
    ASSERT_TRUE(disk().write(path, ByteOffset(), content, io::sim::Persistence::synced));
  }
  [[nodiscard]] tools::Config config(const std::string& path) {
    const auto read = tools::parse_config(text_at(path), path);
    EXPECT_TRUE(read) << (read ? "" : read.error().text());
    return read ? *read : tools::Config{};
  }

  io::sim::World world_{{}};
  io::sim::NodeId node_ = world_.add_node("rho");
  TestTerminal terminal_;
};

TEST_F(Offline, InitMakesConfigurationIdentityStateAndStores) {
  EXPECT_EQ(
      run({"host", "init", "--name", "chi", "--dir", "chi", "--store", "store", "--store", "two=/srv/two", "--json"}),
      0)
      << terminal_.err;
  const tools::Config made = config("/d/chi/afterimaged.toml");
  EXPECT_EQ(made.host_name, "chi");
  EXPECT_FALSE(made.host_id.is_none());
  EXPECT_EQ(made.stores[0], (tools::StoreConfig{"default", "/d/store"}));
  EXPECT_EQ(made.stores[1], (tools::StoreConfig{"two", "/srv/two"}));
  EXPECT_EQ(made.control_socket, "/d/chi/control.sock");
  for (const char* name : {"authority.key", "authority.crt", "host.key", "host.crt"}) {
    EXPECT_NE(text_at(std::string("/d/chi/pki/") + name), "") << name;
  }
  const auto document = ordered_json::parse(terminal_.out);
  EXPECT_EQ(document["id"], made.host_id.text());
  EXPECT_EQ(text_at("/home/op/.config/afterimage/socket"), "/d/chi/control.sock\n");
}

TEST_F(Offline, InitIsDurableWhenItReturns) {
  ASSERT_EQ(run({"host", "init", "--name", "chi", "--dir", "/d/chi"}), 0);
  world_.power_cut(node_);
  world_.restart(node_);
  EXPECT_EQ(config("/d/chi/afterimaged.toml").host_name, "chi");
  EXPECT_NE(text_at("/d/chi/pki/host.crt"), "");
}

TEST_F(Offline, ASecondInitIsRefusedAndForceKeepsTheIdentity) {
  ASSERT_EQ(run({"host", "init", "--name", "chi", "--dir", "/d/chi"}), 0);
  const std::string key = text_at("/d/chi/pki/host.key");
  const HostId id = config("/d/chi/afterimaged.toml").host_id;
  EXPECT_EQ(run({"host", "init", "--name", "chi", "--dir", "/d/chi"}), 15);
  EXPECT_NE(terminal_.err.find("--force"), std::string::npos);
  EXPECT_EQ(run({"host", "init", "--name", "chi", "--dir", "/d/chi", "--store", "/d/s", "--force"}), 0)
      << terminal_.err;
  EXPECT_EQ(text_at("/d/chi/pki/host.key"), key);
  EXPECT_EQ(config("/d/chi/afterimaged.toml").host_id, id);
  EXPECT_EQ(config("/d/chi/afterimaged.toml").stores.size(), 1U);
  EXPECT_EQ(run({"host", "init", "--name", "other", "--dir", "/d/chi", "--force"}), 15);
}

TEST_F(Offline, AnInitThatWasInterruptedAtAnyOperationCanBeDoneAgain) {
  for (std::uint64_t operation = 1;; ++operation) {
    const std::string dir = "/d/h" + std::to_string(operation);
    terminal_.variables["HOME"] = dir + "-home";
    const std::uint64_t before = world_.operations(node_);
    disk().fail_operation_number(before + operation);
    const int status = run({"host", "init", "--name", "chi", "--dir", dir});
    disk().clear_faults();
    if (status == 0) break;
    EXPECT_EQ(run({"host", "init", "--name", "chi", "--dir", dir, "--force"}), 0) << operation << ": " << terminal_.err;
    ASSERT_LT(operation, 500U);
  }
}

TEST_F(Offline, ADryRunWritesNothing) {
  EXPECT_EQ(run({"host", "init", "--name", "chi", "--dir", "/d/chi", "--store", "/d/s", "--dry-run"}), 0);
  EXPECT_NE(terminal_.out.find("/d/chi/afterimaged.toml"), std::string::npos);
  EXPECT_EQ(text_at("/d/chi/afterimaged.toml"), "");
  EXPECT_EQ(text_at("/home/op/.config/afterimage/socket"), "");
}

TEST_F(Offline, InitValidatesBeforeItWrites) {
  put("/d/full/other", Bytes(10));
  const std::vector<std::string> begin = {"host", "init", "--dir", "/d/chi"};
  const std::pair<std::vector<std::string>, int> bad[] = {
      {{"--name", "a/b"}, 2},
      {{"--name", ""}, 2},
      {{"--name", "chi", "--store", "s=/a", "--store", "s=/b"}, 2},
      {{"--name", "chi", "--store", "/a", "--store", "/b"}, 2},
      {{"--name", "chi", "--store", "a=/a", "--store", "b=/a/b"}, 2},
      {{"--name", "chi", "--store", "/d/chi/pki"}, 2},
      {{"--name", "chi", "--store", "s="}, 2},
      {{"--name", "chi", "--store", "/d/full"}, 15},
      {{"--name", "chi", "--replication-port", "8083"}, 2},
      {{"--name", "chi", "--listen", "10.0.0.1:99"}, 2},
      {{"--name", "chi", "--listen", "not an address"}, 2},
      {{"--name", "chi", "--dir", "/" + std::string(120, 'x')}, 2},
  };
  for (const auto& [more, status] : bad) {
    std::vector<std::string> words = begin;
    if (std::find(more.begin(), more.end(), "--dir") != more.end()) words.resize(2);
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(run(words), status) << more.back() << terminal_.err;
    EXPECT_TRUE(terminal_.err.starts_with("afterimage: ")) << terminal_.err;
    EXPECT_EQ(text_at("/d/chi/pki/host.key"), "");
    EXPECT_EQ(text_at("/d/chi/afterimaged.toml"), "");
  }
}

TEST_F(Offline, ImagesAreComparedByContent) {
  Bytes content(3 * 1024 * 1024 + 700, std::byte{5});
  put("/d/a.raw", content);
  put("/d/b.raw", content);
  EXPECT_EQ(run({"image", "compare", "a.raw", "/d/b.raw"}), 0) << terminal_.err;
  content[2 * 1024 * 1024 + 5] = std::byte{6};
  put("/d/b.raw", content);
  EXPECT_EQ(run({"image", "compare", "a.raw", "b.raw", "--json"}), 1);
  EXPECT_EQ(ordered_json::parse(terminal_.out)["first_difference_bytes"], 2 * 1024 * 1024 + 5);
  EXPECT_EQ(terminal_.err, "");
  put("/d/c.raw", Bytes(4096, std::byte{1}));
  Bytes longer(9000);
  std::fill_n(longer.begin(), 4096, std::byte{1});
  put("/d/d.raw", longer);
  EXPECT_EQ(run({"image", "compare", "c.raw", "d.raw"}), 3);
  longer[8999] = std::byte{1};
  put("/d/d.raw", longer);
  EXPECT_EQ(run({"image", "compare", "d.raw", "c.raw"}), 1);
  EXPECT_EQ(run({"image", "compare", "c.raw", "missing.raw"}), 2) << "1 would say that they differ";
}

TEST_F(Offline, AnImageIsDescribed) {
  put("/d/a.raw", Bytes(8192, std::byte{1}));
  EXPECT_EQ(run({"image", "info", "a.raw", "--json"}), 0);
  EXPECT_EQ(ordered_json::parse(terminal_.out)["size_bytes"], 8192);
  EXPECT_EQ(run({"image", "info", "/d"}), 2) << terminal_.err;
}

TEST_F(Offline, WhatIsNoSegmentIsDamaged) {
  put("/d/x.segment", Bytes(100'000, std::byte{3}));
  EXPECT_EQ(run({"segment", "verify", "x.segment"}), 1);
  EXPECT_NE(terminal_.out.find("the header is damaged"), std::string::npos) << terminal_.out;
  EXPECT_EQ(run({"segment", "inspect", "x.segment"}), 3);
  EXPECT_EQ(run({"segment", "inspect", "missing"}), 1);
}

Bytes golden_segment(const std::string& name) {
  std::ifstream stream(std::string(AFTERIMAGE_SOURCE) + "/tests/engine/format/golden/" + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  EXPECT_FALSE(text.empty()) << name;
  const ByteView view = view_of(text);
  return Bytes(view.begin(), view.end());
}

TEST_F(Offline, SoundSegmentsVerifyAndTellTheirPoints) {
  for (const char* name : {"segment-sealed.bin", "segment-open.bin", "segment-merged.bin"}) {
    put("/d/x.segment", golden_segment(name));
    EXPECT_EQ(run({"segment", "verify", "x.segment"}), 0) << name << terminal_.out;
    EXPECT_EQ(run({"segment", "inspect", "x.segment", "--json"}), 0) << name;
    const auto document = ordered_json::parse(terminal_.out);
    EXPECT_TRUE(document["whole"]) << name;
    EXPECT_GE(document["frames"], 1) << name;
    EXPECT_GE(document["points"].size(), 1U) << name;
    EXPECT_EQ(document["state"], std::string(name) == "segment-open.bin" ? "open" : "sealed");
  }
}

TEST_F(Offline, EveryFlippedBitOfASealedSegmentIsFound) {
  const Bytes sound = golden_segment("segment-sealed.bin");
  io::Scope scope(world_.platform(node_).reactor);
  for (std::size_t bit = 0; bit < sound.size() * 8; bit += 13) {
    Bytes flipped = sound;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    put("/d/x.segment", flipped);
    auto file = io::sim::run(world_, world_.platform(node_).disk.open_file(scope, "/d/x.segment", io::OpenMode::read));
    ASSERT_TRUE(file);
    const auto report = io::sim::run(world_, tools::read_segment(scope, **file, tools::SegmentCheck::content, {}));
    EXPECT_TRUE(!report || !report->is_whole() || report->end != tools::SegmentEnd::sealed) << "bit " << bit;
  }
}

}  // namespace
}  // namespace afterimage::cli
