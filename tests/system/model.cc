// SPDX-License-Identifier: Apache-2.0
#include "tests/system/model.h"

#include <algorithm>
#include <cstring>

#include "io/sim/rng.h"

namespace afterimage::system {
namespace {

constexpr std::uint64_t sector_bytes = 512;
constexpr std::uint64_t size_max = 400'000;

std::string text_of(Sequence sequence) { return "point " + std::to_string(sequence.value()); }

}  // namespace

Model::Model(io::sim::World& world, io::sim::NodeId primary, std::vector<std::string> paths)
    : world_(world), primary_(primary), paths_(std::move(paths)), sectors_since_freeze_(paths_.size()) {
  for (const std::string& path : paths_) {
    const std::uint64_t size = 100'000 + world_.random_below(size_max - 100'000);
    (void)world_.disk(primary_).resize(path, ByteCount(size), io::sim::Persistence::synced);
  }
  for (int i = 0; i < 4; ++i) change_images();
}

Images Model::read_images() const {
  Images images;
  for (const std::string& path : paths_) {
    images.push_back(world_.disk(primary_).snapshot(path).value_or(io::sim::Snapshot{}));
  }
  return images;
}

void Model::write(std::size_t disk) {
  const std::uint64_t size = world_.disk(primary_).size(paths_[disk])->value();
  const std::uint64_t offset = world_.random_below(size);
  const std::uint64_t length = 1 + world_.random_below(std::min<std::uint64_t>(size - offset, 30'000));
  Bytes data(length);
  // Zeros, one repeated byte, or noise: holes, what compresses, and what does not.
  const std::uint64_t style = world_.random_below(4);
  const auto fill = static_cast<std::byte>(1 + world_.random_below(200));
  const std::uint64_t noise = world_.random_below(1U << 30U);
  if (style == 0) {
    std::ranges::fill(data, std::byte{0});
  } else if (style == 1) {
    std::ranges::fill(data, fill);
  } else {
    io::sim::Rng rng(noise);
    for (std::size_t at = 0; at < data.size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t word = little_endian(rng.next());
      std::memcpy(data.data() + at, &word, std::min(sizeof word, data.size() - at));
    }
  }
  (void)world_.disk(primary_).write(paths_[disk], ByteOffset(offset), data, io::sim::Persistence::cached);
  for (std::uint64_t sector = offset / sector_bytes; sector * sector_bytes < offset + length; ++sector) {
    sectors_since_freeze_[disk].insert(sector);
  }
}

void Model::change_images() {
  const std::uint64_t writes = world_.random_below(5);
  for (std::uint64_t i = 0; i < writes; ++i) write(world_.random_below(paths_.size()));
  if (world_.random_below(16) == 0) {
    const std::size_t disk = world_.random_below(paths_.size());
    const std::uint64_t size = 50'000 + world_.random_below(size_max);
    (void)world_.disk(primary_).resize(paths_[disk], ByteCount(size), io::sim::Persistence::cached);
    resized_since_freeze_ = true;
  }
  if (world_.random_below(8) == 0) world_.disk(primary_).sync_all();
}

void Model::note_freeze() {
  freezes_.push_back(read_images());
  for (std::set<std::uint64_t>& sectors : sectors_since_freeze_) sectors.clear();
  resized_since_freeze_ = false;
}

std::string Model::check_not_ahead(const host::PointInfo* newest) {
  if (newest == nullptr || freezes_.empty() || resized_since_freeze_) return {};
  const auto known = known_.find(newest->sequence);
  if (known == known_.end() || known->second.images != freezes_.back()) return {};
  const Images now = read_images();
  for (std::size_t disk = 0; disk < now.size(); ++disk) {
    const io::sim::Snapshot& point = known->second.images[disk];
    if (now[disk].size != point.size) return "the image lost its size, and the replica is ahead of it";
    if (now[disk] == point) continue;
    Bytes here(point.size);
    Bytes there(point.size);
    now[disk].content.read(0, here);
    point.content.read(0, there);
    for (std::size_t at = 0; at < point.size; ++at) {
      if (here[at] != there[at] && !sectors_since_freeze_[disk].contains(at / sector_bytes)) {
        return "the replica is ahead of the primary's disk at byte " + std::to_string(at) + " of " + paths_[disk];
      }
    }
  }
  return {};
}

std::string Model::check_listed(const host::PointInfo& point) {
  const auto acknowledged = acknowledged_.find(point.sequence);
  if (acknowledged != acknowledged_.end() && acknowledged->second != point.digest) {
    return text_of(point.sequence) + " has another digest than was acknowledged";
  }
  if (!point.damage.empty()) return text_of(point.sequence) + " is damaged: " + point.damage;
  return {};
}

std::string Model::check_content(const host::PointInfo& point, const Restored& restored) {
  const auto same = [&](const Images& images) {
    return std::ranges::equal(images, restored,
                              [](const io::sim::Snapshot& a, const Bytes& b) { return a == ByteView(b); });
  };
  const auto known = known_.find(point.sequence);
  if (known != known_.end()) {
    if (known->second.digest != point.digest) return text_of(point.sequence) + " changed its digest";
    return same(known->second.images) ? "" : text_of(point.sequence) + " does not hold what it held";
  }
  const auto freeze = std::ranges::find_if(freezes_, same);
  if (freeze == freezes_.end()) return text_of(point.sequence) + " is not the source at any freeze";
  known_.emplace(point.sequence, Known{.digest = point.digest, .images = *freeze});
  return {};
}

void Model::note_surfaced() {
  Images now = read_images();
  if (freezes_.empty() || freezes_.back() != now) freezes_.push_back(std::move(now));
}

void Model::acknowledge(const host::SyncResult& result) {
  note_surfaced();
  acknowledged_.emplace(result.sequence, result.digest);
  known_.emplace(result.sequence, Known{.digest = result.digest, .images = freezes_.back()});
}

void Model::forget_old_freezes() { freezes_.erase(freezes_.begin(), freezes_.end() - 1); }

}  // namespace afterimage::system
