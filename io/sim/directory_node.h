// SPDX-License-Identifier: Apache-2.0
// DirectoryNode: a folder of a simulated disk. Its names twice, as processes see them and as the medium has them, and
// the changes between the two.
//
// Invariants
// - A change (create, remove, rename) is kept by a power cut whole or not at all.
// - A change that touches a name which a lost change touched is lost too; changes of unrelated names go their own ways.
// - A failed sync leaves its changes pending: names are metadata, which a journal writes again.
// Externally serialised.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/sim/crash_mood.h"
#include "io/sim/file_node.h"

namespace afterimage::io::sim {

class DirectoryNode;

// What a name leads to: one of the two, or nothing.
struct Entry {
  std::shared_ptr<FileNode> file;
  std::shared_ptr<DirectoryNode> directory;
  [[nodiscard]] bool is_none() const { return !file && !directory; }
};

using Names = std::map<std::string, Entry, std::less<>>;

class DirectoryNode {
 public:
  explicit DirectoryNode(std::uint64_t inode) : inode_(inode) {}
  DirectoryNode(const DirectoryNode&) = delete;
  DirectoryNode& operator=(const DirectoryNode&) = delete;

  [[nodiscard]] std::uint64_t inode() const { return inode_; }
  [[nodiscard]] const Names& names() const { return cache_; }
  [[nodiscard]] const Names& durable_names() const { return medium_; }
  [[nodiscard]] Entry find(std::string_view name) const;
  // True once the folder itself was removed: nothing can be made in it.
  [[nodiscard]] bool is_removed() const { return removed_; }
  void set_removed() { removed_ = true; }

  void set(std::uint64_t sequence, std::string name, Entry entry);  // a none entry removes the name
  void rename(std::uint64_t sequence, const std::string& from, const std::string& to);

  void sync(std::uint64_t up_to);
  void power_cut(const CrashMood& mood, Rng& rng);  // of this folder and everything below it

 private:
  struct Change {
    std::uint64_t sequence = 0;
    std::vector<std::pair<std::string, Entry>> effects;
  };
  void remember(Change change);
  static void apply(Names& names, const Change& change);

  std::uint64_t inode_;
  bool removed_ = false;
  Names cache_;
  Names medium_;
  std::vector<Change> changes_;
};

}  // namespace afterimage::io::sim
