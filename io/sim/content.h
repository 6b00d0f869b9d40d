// SPDX-License-Identifier: Apache-2.0
// Content: the bytes of a simulated file. Sparse (a hole costs nothing) and shared on copy: copying one of 1 TiB of
// holes and a little data costs what a list of its data costs, and pages part only when one of the copies is written.
// Externally serialised.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "io/base/bytes.h"

namespace afterimage::io::sim {

inline constexpr std::uint64_t page_size = 4096;
inline constexpr std::uint64_t sector_size = 512;  // what a device writes whole or not at all
inline constexpr std::uint64_t sectors_per_page = page_size / sector_size;

// A counted reference within one thread. T has a member `references`, at first 0.
template <typename T>
class Shared {
 public:
  Shared() = default;
  explicit Shared(T* object) : object_(object) {
    if (object_ != nullptr) ++object_->references;
  }
  Shared(const Shared& other) : Shared(other.object_) {}
  Shared(Shared&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Shared& operator=(Shared other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Shared() {
    if (object_ != nullptr && --object_->references == 0) delete object_;
  }
  [[nodiscard]] T* get() const { return object_; }
  T* operator->() const { return object_; }  // NOLINT(clang-analyzer-cplusplus.NewDelete): it does not see the count
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  [[nodiscard]] bool is_only() const { return object_ != nullptr && object_->references == 1; }

 private:
  T* object_ = nullptr;
};

struct Page {
  std::uint32_t references = 0;
  std::array<std::byte, page_size> bytes{};
};
using PageRef = Shared<Page>;  // null: a hole, zeros

class Content {
 public:
  void read(std::uint64_t offset, MutableBytes out) const;  // holes read as zeros
  void write(std::uint64_t offset, ByteView data);
  void zero(std::uint64_t offset, std::uint64_t size);  // whole pages become holes
  void truncate(std::uint64_t size);                    // everything from `size` on reads as zeros

  [[nodiscard]] PageRef page(std::uint64_t index) const;
  void put(std::uint64_t index, PageRef page);
  // Takes the sectors [first, first + count) of one page over from `from` (null: zeros).
  void put_sectors(std::uint64_t index, std::uint64_t first, std::uint64_t count, const PageRef& from);

  // Whether the first `size` bytes are the same; what is shared is not looked at.
  [[nodiscard]] bool equals(const Content& other, std::uint64_t size) const;
  [[nodiscard]] bool starts_with(ByteView bytes) const;

  // The first run of pages with data at or after `from`: [begin, end), page-aligned but for begin = from inside a page.
  [[nodiscard]] std::optional<std::pair<std::uint64_t, std::uint64_t>> next_data(std::uint64_t from) const;
  [[nodiscard]] std::uint64_t pages() const { return pages_; }

 private:
  static constexpr std::uint64_t leaf_pages = 64;
  struct Leaf {
    std::uint32_t references = 0;
    std::uint32_t used = 0;
    std::array<PageRef, leaf_pages> pages;
  };
  using LeafRef = Shared<Leaf>;

  [[nodiscard]] const Page* find(std::uint64_t index) const;
  [[nodiscard]] PageRef& slot(std::uint64_t index);  // of a leaf of our own; the caller keeps the counts
  [[nodiscard]] Page& writable(std::uint64_t index);

  std::map<std::uint64_t, LeafRef> leaves_;  // by page index / leaf_pages
  std::uint64_t pages_ = 0;
};

// The content of a file at a moment; what is written to the file later parts from it.
struct Snapshot {
  Content content;
  std::uint64_t size = 0;
  bool operator==(const Snapshot& other) const { return size == other.size && content.equals(other.content, size); }
  bool operator==(ByteView bytes) const { return size == bytes.size() && content.starts_with(bytes); }
};

}  // namespace afterimage::io::sim
