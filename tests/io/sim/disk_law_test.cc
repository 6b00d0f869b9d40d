// SPDX-License-Identifier: Apache-2.0
// The contract of io/disk.h as a law over random histories: after a power cut each sector of a file holds what some
// write since its last sync, or that sync, had put there, and nothing else; what was synced and not written again is
// there.
#include <algorithm>
#include <cstring>
#include <set>
#include <vector>

#include "io/sim/rng.h"
#include "tests/io/sim/sim_host.h"

namespace afterimage::io::sim {
namespace {

constexpr std::uint64_t sector = 512;
constexpr std::uint64_t sectors_max = 64;

using SectorBytes = std::vector<std::byte>;

// What a file is, and what it may be after a power cut.
class Model {
 public:
  Model() : now_(sectors_max * sector), legal_(sectors_max) { settle(); }

  void write(std::uint64_t offset, ByteView data) {
    std::memcpy(now_.data() + offset, data.data(), data.size());
    size_ = std::max(size_, offset + data.size());
    note();
  }
  void zero(std::uint64_t offset, std::uint64_t count) {
    if (offset >= size_) return;
    count = std::min(count, size_ - offset);
    std::memset(now_.data() + offset, 0, count);
    note();
  }
  void resize(std::uint64_t size) {
    if (size < size_) std::memset(now_.data() + size, 0, size_ - size);
    size_ = size;
    note();
  }
  void settle() {
    smallest_ = largest_ = size_;
    sizes_ = {size_};
    for (std::uint64_t i = 0; i < sectors_max; ++i) legal_[i] = {sector_of(now_, i)};
  }
  // Empty, or what is wrong.
  [[nodiscard]] std::string judge(const Bytes& found) const {
    if (found.size() < smallest_ || found.size() > largest_)
      return "a size it never had: " + std::to_string(found.size());
    Bytes padded = found;
    padded.resize(sectors_max * sector);
    for (std::uint64_t i = 0; i * sector < found.size(); ++i) {
      const SectorBytes got = sector_of(padded, i);
      const std::uint64_t inside = std::min(sector, found.size() - i * sector);
      const bool legal = std::any_of(legal_[i].begin(), legal_[i].end(), [&](const SectorBytes& each) {
        return std::equal(each.begin(), each.begin() + static_cast<std::ptrdiff_t>(inside), got.begin());
      });
      if (!legal) return "sector " + std::to_string(i) + " holds what was never there";
    }
    return {};
  }
  void adopt(const Bytes& found) {
    std::fill(now_.begin(), now_.end(), std::byte{0});
    std::copy(found.begin(), found.end(), now_.begin());
    size_ = found.size();
    settle();
  }
  [[nodiscard]] Bytes content() const { return {now_.begin(), now_.begin() + static_cast<std::ptrdiff_t>(size_)}; }

 private:
  static SectorBytes sector_of(const Bytes& bytes, std::uint64_t index) {
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(index * sector);
    return {begin, begin + static_cast<std::ptrdiff_t>(sector)};
  }
  void note() {
    smallest_ = std::min(smallest_, size_);
    largest_ = std::max(largest_, size_);
    sizes_.insert(size_);
    for (std::uint64_t i = 0; i < sectors_max; ++i) {
      legal_[i].insert(sector_of(now_, i));
      for (const std::uint64_t end : sizes_) {
        // Beyond a size that was kept there are zeros; a sector that it cuts ends in zeros.
        if (end >= (i + 1) * sector) continue;
        const std::uint64_t kept = end > i * sector ? end - i * sector : 0;
        std::set<SectorBytes> cut;
        for (SectorBytes each : legal_[i]) {
          std::fill(each.begin() + static_cast<std::ptrdiff_t>(kept), each.end(), std::byte{0});
          cut.insert(std::move(each));
        }
        legal_[i].merge(cut);
      }
    }
  }

  Bytes now_;
  std::uint64_t size_ = 0;
  std::set<std::uint64_t> sizes_;  // since the last sync
  std::uint64_t smallest_ = 0;
  std::uint64_t largest_ = 0;
  std::vector<std::set<SectorBytes>> legal_;
};

class History {
 public:
  explicit History(std::uint64_t seed) : world_({.seed = seed}), host_(world_, "host"), rng_(seed ^ 0x5eedU) {
    EXPECT_TRUE(host_.disk().write("/d/f", ByteOffset{}, {}, Persistence::synced));
  }

  // One life of the file between two cuts; empty, or what is wrong.
  std::string live() {
    auto file = host_.open("f", OpenMode::write);
    const std::uint64_t steps = rng_.below(12);
    for (std::uint64_t i = 0; i < steps; ++i) step(*file);
    if (const auto read = host_.disk().read("/d/f"); !read || *read != model_.content())
      return "cache and model differ";
    host_.crash_and_restart(CrashKind::power_cut);
    const auto found = host_.disk().read("/d/f");
    if (!found) return "the file is gone";
    std::string verdict = model_.judge(*found);
    model_.adopt(*found);
    return verdict;
  }

 private:
  void step(File& file) {
    const std::uint64_t offset = rng_.below((sectors_max - 8) * sector);
    const std::uint64_t size = 1 + rng_.below(8 * sector - 1);
    switch (rng_.below(8)) {
      case 0:
        EXPECT_TRUE(host_.sync(file));
        model_.settle();
        break;
      case 1:
        EXPECT_TRUE(run(world_, file.resize(host_.scope(), ByteCount(offset))));
        model_.resize(offset);
        break;
      case 2:
        EXPECT_TRUE(
            run(world_, file.write_zeros(host_.scope(), {.offset = ByteOffset(offset), .size = ByteCount(size)})));
        model_.zero(offset, size);
        break;
      default: {
        const Bytes data(static_cast<std::size_t>(size), static_cast<std::byte>(1 + rng_.below(255)));
        EXPECT_TRUE(host_.write(file, offset, data));
        model_.write(offset, data);
        break;
      }
    }
  }

  World world_;
  SimHost host_;
  Rng rng_;
  Model model_;
};

}  // namespace

TEST(DiskLaw, APowerCutLeavesOnlyWhatTheContractAllows) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    History history(seed);
    for (int life = 0; life < 10; ++life) {
      const std::string wrong = history.live();
      ASSERT_EQ(wrong, "") << "seed " << seed << ", life " << life;
    }
  }
}

}  // namespace afterimage::io::sim
