// SPDX-License-Identifier: Apache-2.0
// What a power cut leaves of a file. See crash_mood.h for the moods.
#include <algorithm>
#include <limits>
#include <utility>

#include "io/sim/file_node.h"

namespace afterimage::io::sim {

class FileNode::Cut {
 public:
  Cut(FileNode& file, const CrashMood& mood, Rng& rng) : file_(file), mood_(mood), rng_(rng) {
    // Size changes are kept up to one of them; later ones are lost, as a journal of metadata would have it.
    sizes_kept_ = mood.kind == CrashMood::Kind::by_change || mood.kind == CrashMood::Kind::by_sector
                      ? rng.below(file.changes_.size() + 1)
                      : file.changes_.size();
  }

  void run() {
    for (std::size_t i = 0; i < file_.changes_.size(); ++i) {
      const Change& change = file_.changes_[i];
      const Share share = share_of(change);
      switch (change.kind) {
        case ChangeKind::write: write(change, share, i < sizes_kept_); break;
        case ChangeKind::zeros:
          if (share != Share::none && change.offset < cut_from_) {
            const std::uint64_t size =
                share == Share::all ? change.size : rng_.below(change.size / sector_size + 1) * sector_size;
            file_.medium_.zero(change.offset, std::min(size, cut_from_ - change.offset));
            any_ = true;
          }
          break;
        case ChangeKind::resize:
          resize(change, mood_.kind == CrashMood::Kind::by_change || mood_.kind == CrashMood::Kind::by_sector
                             ? i < sizes_kept_
                             : share == Share::all);
          break;
      }
    }
    file_.medium_.truncate(file_.durable_size_);
  }
  [[nodiscard]] bool kept_any() const { return any_; }

 private:
  enum class Share : std::uint8_t { none, torn, scattered, all };

  [[nodiscard]] Share share_of(const Change& change) {
    switch (mood_.kind) {
      case CrashMood::Kind::keep_all: return Share::all;
      case CrashMood::Kind::lose_all: return Share::none;
      case CrashMood::Kind::horizon:
        if (change.sequence <= mood_.horizon) return Share::all;
        return change.sequence == mood_.horizon + 1 ? Share::torn : Share::none;
      case CrashMood::Kind::by_change: {
        const std::uint64_t dice = rng_.below(5);
        return dice < 2 ? Share::all : dice < 4 ? Share::none : Share::torn;
      }
      case CrashMood::Kind::by_sector: return Share::scattered;
    }
    return Share::none;
  }

  void write(const Change& change, Share share, bool size_kept) {
    if (share == Share::none) return;
    any_ = true;
    std::uint64_t kept_end = change.end();
    if (share == Share::torn) kept_end = torn_end(change);
    const std::uint64_t sectors_end = std::min((kept_end + sector_size - 1) / sector_size, cut_from_ / sector_size);
    put_write(file_.medium_, change, [&](std::uint64_t sector) {
      return sector < sectors_end && (share != Share::scattered || rng_.one_in(2));
    });
    // An append becomes visible up to where its data was written back.
    if (size_kept && kept_end > file_.durable_size_ && cut_from_ == no_cut) file_.durable_size_ = kept_end;
  }

  // A prefix of whole sectors of the write.
  [[nodiscard]] std::uint64_t torn_end(const Change& change) {
    const std::uint64_t sectors = (change.end() - 1) / sector_size - change.offset / sector_size;
    if (sectors == 0) return change.offset;
    return (change.offset / sector_size + rng_.below(sectors + 1)) * sector_size;
  }

  void resize(const Change& change, bool kept) {
    if (kept) {
      any_ = true;
      if (change.size < file_.durable_size_) file_.medium_.truncate(change.size);
      file_.durable_size_ = change.size;
    } else if (change.size < change.offset) {
      // A shrink that never happened: what was written behind it has no place in the old file.
      cut_from_ = std::min(cut_from_, change.size / sector_size * sector_size);
    }
  }

  static constexpr std::uint64_t no_cut = std::numeric_limits<std::uint64_t>::max();

  FileNode& file_;
  const CrashMood& mood_;
  Rng& rng_;
  std::uint64_t sizes_kept_ = 0;
  std::uint64_t cut_from_ = no_cut;
  bool any_ = false;
};

void FileNode::power_cut(const CrashMood& mood, Rng& rng) {
  if (!changes_.empty()) {
    Cut cut(*this, mood, rng);
    cut.run();
    if (cut.kept_any()) durable_modified_ = modified_;
  }
  changes_.clear();
  cache_ = medium_;
  size_ = durable_size_;
  modified_ = status_changed_ = durable_modified_;
  diverged_ = false;
  failed_syncs_ = 0;
  lock = LockState{};
  charge();
}

}  // namespace afterimage::io::sim
