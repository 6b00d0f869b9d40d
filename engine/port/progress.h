// SPDX-License-Identifier: Apache-2.0
// Progress: how far a long piece of work is, told to whoever shows it.
#pragma once

#include <cstdint>

namespace afterimage {

class Progress {
 public:
  virtual ~Progress() = default;
  // `phase` is a literal ("reading", "sending"); done and total in bytes, total 0 where it is not known. Cheap; called
  // often.
  virtual void advance(const char* phase, std::uint64_t done, std::uint64_t total) = 0;
};

}  // namespace afterimage
