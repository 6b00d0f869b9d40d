// SPDX-License-Identifier: Apache-2.0
// AFI_CHECK: a programmer's error. It is on in release, prints where and what, and aborts.
// Bytes from a disk, a peer or an operator never reach it unvalidated: those are a Result.
#pragma once

namespace afterimage {

[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace afterimage

#define AFI_CHECK(condition)                                      \
  do {                                                            \
    if (!(condition)) [[unlikely]] {                              \
      ::afterimage::check_failed(#condition, __FILE__, __LINE__); \
    }                                                             \
  } while (false)
