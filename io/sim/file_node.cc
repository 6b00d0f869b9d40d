// SPDX-License-Identifier: Apache-2.0
#include "io/sim/file_node.h"

#include <algorithm>
#include <utility>

namespace afterimage::io::sim {
namespace {

// Beyond this many, the oldest half reaches the medium, as a kernel's write-back does after a while.
constexpr std::size_t changes_max = 4096;

}  // namespace

std::size_t FileNode::read(std::uint64_t offset, MutableBytes out) const {
  if (offset >= size_) return 0;
  out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset)));
  cache_.read(offset, out);
  return out.size();
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> FileNode::next_data(std::uint64_t from) const {
  auto run = cache_.next_data(from);
  if (!run || run->first >= size_) return std::nullopt;
  run->second = std::min(run->second, size_);
  return run;
}

std::uint64_t FileNode::pages_needed(std::uint64_t offset, std::uint64_t size) const {
  std::uint64_t needed = 0;
  if (size == 0) return 0;
  for (std::uint64_t index = offset / page_size; index <= (offset + size - 1) / page_size; ++index) {
    if (!cache_.page(index)) ++needed;
  }
  return needed;
}

void FileNode::charge() {
  const std::uint64_t now = cache_.pages() > shared_pages_ ? cache_.pages() - shared_pages_ : 0;
  use_.pages += now;
  use_.pages -= charged_;
  charged_ = now;
}

void FileNode::remember(Change change) {
  modified_ = status_changed_ = change.modified;
  changes_.push_back(std::move(change));
  charge();
  if (changes_.size() > changes_max) sync(changes_[changes_max / 2].sequence);
}

void FileNode::write(std::uint64_t sequence, WallTime now, std::uint64_t offset, ByteView data) {
  if (data.empty()) return;
  cache_.write(offset, data);
  Change change{
      .kind = ChangeKind::write, .sequence = sequence, .offset = offset, .size = data.size(), .modified = now};
  const std::uint64_t last = (change.end() - 1) / page_size;
  change.pages.reserve(last - offset / page_size + 1);
  for (std::uint64_t index = offset / page_size; index <= last; ++index) change.pages.push_back(cache_.page(index));
  size_ = std::max(size_, change.end());
  mend(offset, data.size());
  remember(std::move(change));
}

void FileNode::write_lost(std::uint64_t sequence, WallTime now, std::uint64_t offset, ByteView data,
                          std::optional<std::uint64_t> astray) {
  if (data.empty()) return;
  cache_.write(offset, data);
  mend(offset, data.size());
  diverged_ = true;
  if (astray && *astray < durable_size_) {
    medium_.write(*astray,
                  data.first(static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), durable_size_ - *astray))));
  }
  const std::uint64_t before = std::exchange(size_, std::max(size_, offset + data.size()));
  remember({.kind = ChangeKind::resize, .sequence = sequence, .offset = before, .size = size_, .modified = now});
}

void FileNode::zero(std::uint64_t sequence, WallTime now, std::uint64_t offset, std::uint64_t size) {
  if (offset >= size_) return;
  size = std::min(size, size_ - offset);
  cache_.zero(offset, size);
  mend(offset, size);
  // Whole pages become a hole; pages at the ends that keep a part reach the medium as written ones do.
  const std::uint64_t end = offset + size;
  const std::uint64_t middle = std::min(end, (offset + page_size - 1) / page_size * page_size);
  const std::uint64_t middle_end = std::max(middle, end / page_size * page_size);
  remember_page(sequence, now, offset, middle - offset);
  if (middle < middle_end) {
    remember({.kind = ChangeKind::zeros,
              .sequence = sequence,
              .offset = middle,
              .size = middle_end - middle,
              .modified = now});
  }
  remember_page(sequence, now, middle_end, end - middle_end);
}

void FileNode::remember_page(std::uint64_t sequence, WallTime now, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  Change change{.kind = ChangeKind::write, .sequence = sequence, .offset = offset, .size = size, .modified = now};
  change.pages.push_back(cache_.page(offset / page_size));
  remember(std::move(change));
}

void FileNode::resize(std::uint64_t sequence, WallTime now, std::uint64_t size) {
  if (size < size_) {
    cache_.truncate(size);
    mend(size, size_ - size);
  }
  const std::uint64_t before = std::exchange(size_, size);
  remember({.kind = ChangeKind::resize, .sequence = sequence, .offset = before, .size = size, .modified = now});
}

void FileNode::clone_from(const FileNode& source, std::uint64_t sequence, WallTime now) {
  // A clone first writes the source back, so that what it shares is on the medium; its own size becomes durable with
  // its name or its sync, whichever the engine asks for.
  cache_ = source.cache_;
  shared_pages_ = cache_.pages();
  size_ = source.size_;
  medium_ = Content{};
  Change grow{.kind = ChangeKind::resize, .sequence = sequence, .offset = 0, .size = size_, .modified = now};
  std::uint64_t from = 0;
  while (const auto run = next_data(from)) {
    Change change{.kind = ChangeKind::write, .sequence = sequence, .offset = run->first, .modified = now};
    change.size = run->second - run->first;
    for (std::uint64_t index = run->first / page_size; index * page_size < run->second; ++index) {
      change.pages.push_back(cache_.page(index));
    }
    from = run->second;
    changes_.push_back(std::move(change));
  }
  remember(std::move(grow));
}

void FileNode::carry_over(const Change& change) {
  switch (change.kind) {
    case ChangeKind::write:
      put_write(medium_, change, [](std::uint64_t) { return true; });
      durable_size_ = std::max(durable_size_, change.end());
      break;
    case ChangeKind::zeros: medium_.zero(change.offset, change.size); break;
    case ChangeKind::resize:
      if (change.size < durable_size_) medium_.truncate(change.size);
      durable_size_ = change.size;
      break;
  }
  durable_modified_ = change.modified;
}

void FileNode::sync(std::uint64_t up_to) {
  std::size_t count = 0;
  while (count < changes_.size() && changes_[count].sequence <= up_to) carry_over(changes_[count++]);
  changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(count));
}

void FileNode::fail_sync(std::uint64_t up_to, Rng& rng) {
  std::size_t count = 0;
  for (; count < changes_.size() && changes_[count].sequence <= up_to; ++count) {
    const Change& change = changes_[count];
    if (change.kind == ChangeKind::write) {
      const bool some = rng.one_in(4);
      put_write(medium_, change, [&](std::uint64_t) { return some && rng.one_in(2); });
    }
    diverged_ = true;
  }
  // What got through beyond the durable size belongs to no file.
  medium_.truncate(durable_size_);
  changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(count));
  ++failed_syncs_;
}

void FileNode::evict() {
  if (!diverged_) return;
  cache_ = medium_;
  std::uint64_t size = durable_size_;
  for (const Change& change : changes_) {
    switch (change.kind) {
      case ChangeKind::write:
        put_write(cache_, change, [](std::uint64_t) { return true; });
        size = std::max(size, change.end());
        break;
      case ChangeKind::zeros: cache_.zero(change.offset, change.size); break;
      case ChangeKind::resize:
        if (change.size < size) cache_.truncate(change.size);
        size = change.size;
        break;
    }
  }
  cache_.truncate(size_);  // the inode with its size is still in memory
  diverged_ = false;
  charge();
}

Bytes FileNode::durable_content() const {
  Bytes out(static_cast<std::size_t>(durable_size_));
  medium_.read(0, out);
  return out;
}

void FileNode::flip(std::uint64_t offset, std::byte mask) {
  for (Content* content : {&cache_, &medium_}) {
    std::byte value{};
    content->read(offset, MutableBytes(&value, 1));
    value ^= mask;
    content->write(offset, ByteView(&value, 1));
  }
  charge();
}

void FileNode::rot(std::uint64_t offset, std::byte mask) {
  flip(offset, mask);
  rotten_.push_back({.offset = offset, .mask = mask});
}

bool FileNode::heal() {
  const bool any = !rotten_.empty() || !unreadable_.empty();
  for (const Rot& rot : rotten_) flip(rot.offset, rot.mask);
  rotten_.clear();
  unreadable_.clear();
  return any;
}

void FileNode::make_unreadable(std::uint64_t offset, std::uint64_t size) {
  unreadable_.push_back({.offset = offset, .end = offset + size});
}

bool FileNode::is_readable(std::uint64_t offset, std::uint64_t size) const {
  return std::none_of(unreadable_.begin(), unreadable_.end(),
                      [&](const Unreadable& bad) { return offset < bad.end && bad.offset < offset + size; });
}

void FileNode::mend(std::uint64_t offset, std::uint64_t size) {
  std::erase_if(rotten_, [&](const Rot& rot) { return rot.offset >= offset && rot.offset - offset < size; });
  if (unreadable_.empty()) return;
  std::vector<Unreadable> left;
  for (const Unreadable& bad : unreadable_) {
    if (bad.offset < offset) left.push_back({.offset = bad.offset, .end = std::min(bad.end, offset)});
    if (bad.end > offset + size) left.push_back({.offset = std::max(bad.offset, offset + size), .end = bad.end});
  }
  unreadable_ = std::move(left);
}

}  // namespace afterimage::io::sim
