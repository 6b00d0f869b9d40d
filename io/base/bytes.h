// SPDX-License-Identifier: Apache-2.0
// Bounded little-endian cursors. A reader never runs past its span: it answers `damaged`. A writer appends to a vector.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/result.h"

namespace afterimage {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

static_assert(std::endian::native == std::endian::little || std::endian::native == std::endian::big);

template <std::unsigned_integral T>
[[nodiscard]] constexpr T little_endian(T value) {
  if constexpr (std::endian::native == std::endian::big) return std::byteswap(value);
  return value;
}

// Loads an integer at a place that the caller has bounded.
template <std::unsigned_integral T>
[[nodiscard]] T load(const std::byte* from) {
  T value{};
  std::memcpy(&value, from, sizeof value);
  return little_endian(value);
}
template <std::unsigned_integral T>
void store(std::byte* to, T value) {
  value = little_endian(value);
  std::memcpy(to, &value, sizeof value);
}

[[nodiscard]] inline ByteView view_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Externally serialised. Does not own the bytes.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  template <std::unsigned_integral T>
  [[nodiscard]] Result<T> read() {
    if (rest_.size() < sizeof(T)) return fail(ErrorCode::damaged, "read an integer past the end");
    const T value = load<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  // The next `count` bytes, still owned by whoever owns the whole.
  [[nodiscard]] Result<ByteView> read_bytes(std::size_t count) {
    if (rest_.size() < count) return fail(ErrorCode::damaged, "read bytes past the end");
    const ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  // Fills `out` from the next out.size() bytes.
  [[nodiscard]] Status read_into(MutableBytes out) {
    AFI_TRY(const ByteView taken, read_bytes(out.size()));
    if (!out.empty()) std::memcpy(out.data(), taken.data(), out.size());
    return {};
  }
  // A string with a 16-bit length before it, of at most `bytes_max`.
  [[nodiscard]] Result<std::string> read_text(std::size_t bytes_max);

 private:
  ByteView rest_;
};

// Externally serialised. Appends to a vector it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  template <std::unsigned_integral T>
  void write(T value) {
    const std::size_t at = out_.size();
    out_.resize(at + sizeof(T));
    store(out_.data() + at, value);
  }
  void write_bytes(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void write_zeros(std::size_t count) { out_.resize(out_.size() + count); }
  // A string with a 16-bit length before it. The caller has bounded it (65,535 bytes at most).
  void write_text(std::string_view text);

 private:
  Bytes& out_;
};

// Lower-case hexadecimal, and back (an even number of digits, nothing else).
[[nodiscard]] std::string to_hex(ByteView bytes);
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

}  // namespace afterimage
