// SPDX-License-Identifier: Apache-2.0
// What tests of the simulation itself stand on: one node, the scope of its incarnation, and its open folder "/d".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "io/sim/world.h"

namespace afterimage::io::sim {

class SimHost {
 public:
  SimHost(World& world, std::string name, NodeOptions options = {})
      : world_(world), node_(world.add_node(std::move(name), options)) {
    EXPECT_TRUE(disk().make_directory("/d"));
    wake_up();
  }

  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] NodeId node() const { return node_; }
  [[nodiscard]] Platform platform() { return world_.platform(node_); }
  [[nodiscard]] Scope& scope() { return *scope_; }
  [[nodiscard]] Directory& folder() { return *folder_; }
  [[nodiscard]] DiskControl& disk() { return world_.disk(node_); }

  // Crashes if it is up, drops what ran there, and starts again.
  void crash_and_restart(CrashKind kind) {
    if (world_.is_up(node_)) world_.crash(node_, kind);
    folder_.reset();
    scope_.reset();
    world_.restart(node_);
    wake_up();
  }

  [[nodiscard]] std::unique_ptr<File> open(std::string name, OpenMode mode) {
    auto opened = run(world_, folder_->open_file(*scope_, name, mode));
    EXPECT_TRUE(opened) << name << ": " << (opened ? "" : opened.error().text());
    return opened ? std::move(*opened) : nullptr;
  }
  [[nodiscard]] Status write(File& file, std::uint64_t offset, ByteView data) {
    return run(world_, file.write_at(*scope_, ByteOffset(offset), data));
  }
  [[nodiscard]] Status sync(File& file) { return run(world_, file.sync(*scope_)); }
  [[nodiscard]] Status sync_folder() { return run(world_, folder_->sync(*scope_)); }
  // "-" if there is no such file.
  [[nodiscard]] std::string content(std::string_view name) {
    const auto bytes = disk().read("/d/" + std::string(name));
    return bytes ? std::string(text_of(*bytes)) : "-";
  }

 private:
  void wake_up() {
    scope_.emplace(platform().reactor);
    auto opened = run(world_, platform().disk.open_directory(*scope_, "/d"));
    if (opened) folder_ = std::move(*opened);
  }

  World& world_;
  NodeId node_;
  std::optional<Scope> scope_;
  std::unique_ptr<Directory> folder_;
};

}  // namespace afterimage::io::sim
