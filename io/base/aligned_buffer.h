// SPDX-License-Identifier: Apache-2.0
// AlignedBuffer: memory as direct I/O wants it (io/disk.h, write_direct_at). Owns it, keeps it, never initialises it.
// Externally serialised.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "io/base/bytes.h"

namespace afterimage {

class AlignedBuffer {
 public:
  // No disk asks for more. A power of two.
  static constexpr std::size_t alignment = 4096;

  // The first `size` bytes of it; what was in it is lost when it has to grow.
  [[nodiscard]] MutableBytes take(std::size_t size) {
    if (size > capacity_) {
      memory_.reset();  // never both at once
      memory_.reset(new (std::align_val_t(alignment)) std::byte[size]);
      capacity_ = size;
    }
    return {memory_.get(), size};
  }

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept { ::operator delete[](memory, std::align_val_t(alignment)); }
  };

  std::unique_ptr<std::byte[], Free> memory_;
  std::size_t capacity_ = 0;
};

}  // namespace afterimage
