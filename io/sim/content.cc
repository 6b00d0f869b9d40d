// SPDX-License-Identifier: Apache-2.0
#include "io/sim/content.h"

#include <algorithm>
#include <cstring>

namespace afterimage::io::sim {
namespace {

constexpr Page hole{};

const std::byte* bytes_of(const Page* page) { return (page != nullptr ? *page : hole).bytes.data(); }

}  // namespace

const Page* Content::find(std::uint64_t index) const {
  const auto leaf = leaves_.find(index / leaf_pages);
  return leaf == leaves_.end() ? nullptr : leaf->second->pages[index % leaf_pages].get();
}

PageRef Content::page(std::uint64_t index) const {
  const auto leaf = leaves_.find(index / leaf_pages);
  return leaf == leaves_.end() ? PageRef{} : leaf->second->pages[index % leaf_pages];
}

PageRef& Content::slot(std::uint64_t index) {
  LeafRef& leaf = leaves_[index / leaf_pages];
  if (!leaf) {
    leaf = LeafRef(new Leaf);
  } else if (!leaf.is_only()) {
    const LeafRef shared = leaf;
    leaf = LeafRef(new Leaf);
    leaf->used = shared->used;
    leaf->pages = shared->pages;
  }
  return leaf->pages[index % leaf_pages];
}

void Content::put(std::uint64_t index, PageRef page) {
  if (!page && find(index) == nullptr) return;
  PageRef& place = slot(index);
  Leaf& leaf = *leaves_.find(index / leaf_pages)->second;
  if (place && !page) {
    --leaf.used;
    --pages_;
  } else if (!place && page) {
    ++leaf.used;
    ++pages_;
  }
  place = std::move(page);
  if (leaf.used == 0) leaves_.erase(index / leaf_pages);
}

Page& Content::writable(std::uint64_t index) {
  PageRef& place = slot(index);
  if (!place) {
    place = PageRef(new Page);
    place->bytes.fill(std::byte{0});
    ++leaves_.find(index / leaf_pages)->second->used;
    ++pages_;
  } else if (!place.is_only()) {
    const PageRef shared = place;
    place = PageRef(new Page);
    place->bytes = shared->bytes;
  }
  return *place;
}

void Content::read(std::uint64_t offset, MutableBytes out) const {
  while (!out.empty()) {
    const std::uint64_t inside = offset % page_size;
    const std::size_t count = std::min<std::size_t>(out.size(), page_size - inside);
    if (const Page* page = find(offset / page_size)) {
      std::memcpy(out.data(), page->bytes.data() + inside, count);
    } else {
      std::memset(out.data(), 0, count);
    }
    out = out.subspan(count);
    offset += count;
  }
}

void Content::write(std::uint64_t offset, ByteView data) {
  while (!data.empty()) {
    const std::uint64_t inside = offset % page_size;
    const std::size_t count = std::min<std::size_t>(data.size(), page_size - inside);
    if (count == page_size) {
      PageRef fresh(new Page);
      std::memcpy(fresh->bytes.data(), data.data(), count);
      put(offset / page_size, std::move(fresh));
    } else {
      std::memcpy(writable(offset / page_size).bytes.data() + inside, data.data(), count);
    }
    data = data.subspan(count);
    offset += count;
  }
}

void Content::zero(std::uint64_t offset, std::uint64_t size) {
  const std::uint64_t end = offset + size;
  while (offset < end) {
    const std::uint64_t index = offset / page_size;
    const std::uint64_t inside = offset % page_size;
    const std::uint64_t count = std::min(end - offset, page_size - inside);
    if (find(index) != nullptr) {
      if (count == page_size) {
        put(index, PageRef{});
      } else {
        std::memset(writable(index).bytes.data() + inside, 0, count);
      }
      offset += count;
      continue;
    }
    // Over holes in steps of what there is.
    const auto data = next_data(offset);
    offset = data ? std::min(end, std::max(data->first, offset + count)) : end;
  }
}

void Content::truncate(std::uint64_t size) {
  if (leaves_.empty()) return;
  const std::uint64_t end = (leaves_.rbegin()->first + 1) * leaf_pages * page_size;
  if (size < end) zero(size, end - size);
}

void Content::put_sectors(std::uint64_t index, std::uint64_t first, std::uint64_t count, const PageRef& from) {
  if (count == sectors_per_page) {
    put(index, from);
    return;
  }
  if (!from && find(index) == nullptr) return;
  std::byte* to = writable(index).bytes.data() + first * sector_size;
  if (from) {
    std::memcpy(to, from->bytes.data() + first * sector_size, count * sector_size);
  } else {
    std::memset(to, 0, count * sector_size);
  }
}

bool Content::equals(const Content& other, std::uint64_t size) const {
  for (std::uint64_t offset = 0; offset < size; offset += page_size) {
    const Page* const mine = find(offset / page_size);
    const Page* const theirs = other.find(offset / page_size);
    if (mine == theirs) continue;
    const std::size_t count = std::min(size - offset, page_size);
    if (std::memcmp(bytes_of(mine), bytes_of(theirs), count) != 0) return false;
  }
  return true;
}

bool Content::starts_with(ByteView bytes) const {
  for (std::uint64_t index = 0; !bytes.empty(); ++index) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), page_size);
    if (std::memcmp(bytes.data(), bytes_of(find(index)), count) != 0) return false;
    bytes = bytes.subspan(count);
  }
  return true;
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> Content::next_data(std::uint64_t from) const {
  std::optional<std::pair<std::uint64_t, std::uint64_t>> run;
  std::uint64_t index = from / page_size;
  for (auto leaf = leaves_.lower_bound(index / leaf_pages); leaf != leaves_.end(); ++leaf) {
    const std::uint64_t base = leaf->first * leaf_pages;
    for (std::uint64_t i = std::max(index, base); i < base + leaf_pages; ++i) {
      if (leaf->second->pages[i - base]) {
        const std::uint64_t start = std::max(from, i * page_size);
        if (!run) run.emplace(start, start);
        if (run->second != start && run->second != i * page_size) return run;
        run->second = (i + 1) * page_size;
      } else if (run) {
        return run;
      }
    }
  }
  return run;
}

}  // namespace afterimage::io::sim
