// SPDX-License-Identifier: Apache-2.0
// FileSystem: the disk of one node, from its root. It outlives the incarnations of its node. Paths are absolute and
// have no links in them. Externally serialised.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/result.h"
#include "io/base/units.h"
#include "io/platform.h"
#include "io/sim/directory_node.h"
#include "io/sim/disk_control.h"

namespace afterimage::io::sim {

class FileSystem {
 public:
  FileSystem(std::uint64_t device, ByteCount capacity, CloneSupport clones, const Clock& clock);

  [[nodiscard]] std::uint64_t device() const { return device_; }
  [[nodiscard]] CloneSupport clones() const { return clones_; }
  [[nodiscard]] const std::shared_ptr<DirectoryNode>& root() const { return root_; }
  // The time of a change: the node's wall clock, never twice the same, so that equal times mean no change.
  [[nodiscard]] WallTime stamp();

  [[nodiscard]] std::shared_ptr<FileNode> make_file() {
    return std::make_shared<FileNode>(++last_inode_, use_, stamp());
  }
  [[nodiscard]] std::shared_ptr<DirectoryNode> make_directory() {
    return std::make_shared<DirectoryNode>(++last_inode_);
  }
  // The number of a new change.
  [[nodiscard]] std::uint64_t next_change() { return ++last_change_; }
  [[nodiscard]] std::uint64_t last_change() const { return last_change_; }

  // What the path leads to: not_found where it leads nowhere. The root is a folder.
  [[nodiscard]] Result<Entry> find(std::string_view path) const;
  // The components of an absolute path; invalid_argument for any other, or for one with "." or "..".
  [[nodiscard]] static Result<std::vector<std::string>> components(std::string_view path);

  void set_capacity(ByteCount capacity) { capacity_ = capacity; }
  [[nodiscard]] ByteCount used() const { return ByteCount(use_.pages * page_size); }
  [[nodiscard]] ByteCount free() const;
  [[nodiscard]] bool has_room_for(std::uint64_t pages) const { return pages * page_size <= free().value(); }

  void power_cut(Rng& rng);
  void kill(Rng& rng);  // the cache stays; by the seed what a failed sync left in it is forgotten
  void evict();
  void sync_all();

 private:
  SpaceUse use_;  // before the nodes that refer to it
  std::uint64_t device_;
  ByteCount capacity_;
  CloneSupport clones_;
  const Clock& clock_;
  WallTime last_stamp_{};
  std::uint64_t last_inode_ = 1;
  std::uint64_t last_change_ = 0;
  std::shared_ptr<DirectoryNode> root_;
};

}  // namespace afterimage::io::sim
