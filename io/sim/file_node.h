// SPDX-License-Identifier: Apache-2.0
// FileNode: a file of a simulated disk. Its content twice, as processes see it (cache) and as the medium has it, and
// the changes between the two in order. Sync carries changes over; a power cut carries over what its mood keeps.
//
// Invariants
// - cache = medium with all changes applied, unless a sync has failed (`diverged`): then the cache holds content that
// will
//   never reach the medium, as on ext4.
// - Changes of the size become durable in their order; a size kept is one the file had, or lies within a torn append.
// - A sector is kept whole or not at all, and holds what some write since the last sync, or the medium, had there.
// Externally serialised.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/time.h"
#include "io/disk.h"
#include "io/sim/content.h"
#include "io/sim/crash_mood.h"
#include "io/sim/rng.h"

namespace afterimage::io::sim {

// Pages that the files of one disk take.
struct SpaceUse {
  std::uint64_t pages = 0;
};

// Who holds the advisory lock. Locks of an incarnation that is gone are void.
struct LockState {
  std::uint64_t incarnation = 0;
  std::uint32_t shared = 0;
  bool exclusive = false;
};

class FileNode {
 public:
  FileNode(std::uint64_t inode, SpaceUse& use, WallTime now)
      : use_(use), inode_(inode), modified_(now), status_changed_(now), durable_modified_(now) {}
  FileNode(const FileNode&) = delete;
  FileNode& operator=(const FileNode&) = delete;
  ~FileNode() { use_.pages -= charged_; }

  // --- As processes see it.
  [[nodiscard]] std::uint64_t inode() const { return inode_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t pages() const { return cache_.pages(); }
  [[nodiscard]] WallTime modified() const { return modified_; }
  [[nodiscard]] WallTime status_changed() const { return status_changed_; }
  [[nodiscard]] std::size_t read(std::uint64_t offset, MutableBytes out) const;  // short at the end
  [[nodiscard]] Snapshot snapshot() const { return {.content = cache_, .size = size_}; }
  [[nodiscard]] std::optional<std::pair<std::uint64_t, std::uint64_t>> next_data(std::uint64_t from) const;
  // Pages that a write of the range would take in addition.
  [[nodiscard]] std::uint64_t pages_needed(std::uint64_t offset, std::uint64_t size) const;

  // `sequence` numbers the changes of the file system in time.
  void write(std::uint64_t sequence, WallTime now, std::uint64_t offset, ByteView data);
  // The cache has it, the medium never will, or has it at `astray` instead, as far as the file goes there.
  void write_lost(std::uint64_t sequence, WallTime now, std::uint64_t offset, ByteView data,
                  std::optional<std::uint64_t> astray);
  void zero(std::uint64_t sequence, WallTime now, std::uint64_t offset, std::uint64_t size);
  void resize(std::uint64_t sequence, WallTime now, std::uint64_t size);
  void clone_from(const FileNode& source, std::uint64_t sequence, WallTime now);

  [[nodiscard]] std::uint64_t durable_size() const { return durable_size_; }

  // --- Durability.
  void sync(std::uint64_t up_to);  // the changes numbered so far are on the medium
  // The changes are dropped (a few got through, by the seed), the cache keeps showing them, and each open file hears of
  // it once.
  void fail_sync(std::uint64_t up_to, Rng& rng);
  [[nodiscard]] std::uint64_t failed_syncs() const { return failed_syncs_; }
  void power_cut(const CrashMood& mood, Rng& rng);
  void evict();  // clean pages are forgotten: the next read shows the medium
  [[nodiscard]] bool is_diverged() const { return diverged_; }
  [[nodiscard]] Bytes durable_content() const;

  // --- Damage.
  void rot(std::uint64_t offset, std::byte mask);
  void make_unreadable(std::uint64_t offset, std::uint64_t size);
  [[nodiscard]] bool heal();  // undoes both where nothing was written since; true if none is left, and some was
  [[nodiscard]] bool is_readable(std::uint64_t offset, std::uint64_t size) const;

  LockState lock;

 private:
  enum class ChangeKind : std::uint8_t { write, zeros, resize };
  struct Change {
    ChangeKind kind = ChangeKind::write;
    std::uint64_t sequence = 0;
    std::uint64_t offset = 0;    // write, zeros; of a resize the size before
    std::uint64_t size = 0;      // write, zeros; of a resize the size after
    std::vector<PageRef> pages;  // of a write: as they were after it
    WallTime modified{};
    [[nodiscard]] std::uint64_t end() const { return offset + size; }
  };
  class Cut;  // one power cut at work

  void remember(Change change);
  void remember_page(std::uint64_t sequence, WallTime now, std::uint64_t offset,
                     std::uint64_t size);  // inside one page
  void charge();
  void carry_over(const Change& change);
  // Puts the sectors of a write, those for which keep(sector number in the file) is true, into `target`.
  template <typename Keep>
  static void put_write(Content& target, const Change& change, const Keep& keep);
  void mend(std::uint64_t offset, std::uint64_t size);  // a write ends the damage there
  void flip(std::uint64_t offset, std::byte mask);

  struct Unreadable {
    std::uint64_t offset;
    std::uint64_t end;
  };

  struct Rot {
    std::uint64_t offset;
    std::byte mask;
  };

  SpaceUse& use_;
  std::uint64_t charged_ = 0;       // pages of ours in use_
  std::uint64_t shared_pages_ = 0;  // that a clone got for nothing
  std::uint64_t inode_;
  std::uint64_t size_ = 0;
  std::uint64_t durable_size_ = 0;
  WallTime modified_;
  WallTime status_changed_;
  WallTime durable_modified_;
  Content cache_;
  Content medium_;
  std::vector<Change> changes_;
  std::vector<Unreadable> unreadable_;
  std::vector<Rot> rotten_;
  std::uint64_t failed_syncs_ = 0;
  bool diverged_ = false;
};

template <typename Keep>
void FileNode::put_write(Content& target, const Change& change, const Keep& keep) {
  const std::uint64_t first_page = change.offset / page_size;
  const std::uint64_t sectors_end = (change.end() + sector_size - 1) / sector_size;
  std::uint64_t sector = change.offset / sector_size;
  while (sector < sectors_end) {
    const std::uint64_t index = sector / sectors_per_page;
    const std::uint64_t page_end = std::min(sectors_end, (index + 1) * sectors_per_page);
    // Runs of kept sectors in this page.
    while (sector < page_end) {
      if (!keep(sector)) {
        ++sector;
        continue;
      }
      const std::uint64_t begin = sector;
      while (sector < page_end && (sector == begin || keep(sector))) ++sector;
      target.put_sectors(index, begin % sectors_per_page, sector - begin,
                         change.pages[static_cast<std::size_t>(index - first_page)]);
    }
  }
}

}  // namespace afterimage::io::sim
