// SPDX-License-Identifier: Apache-2.0
// WindowBudget: how many bytes of frames a new session may have in flight, so that all sessions together stay within a
// budget of memory: generous to a few, modest to many. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "io/base/limits.h"

namespace afterimage::daemon {

class WindowBudget {
 public:
  static constexpr std::uint64_t budget_bytes = 128 * limits::MiB;
  static constexpr std::uint64_t window_bytes_min = limits::MiB;  // even when the budget is used up
  static_assert(window_bytes_min >= limits::message_bytes_max);

  // A window, promised while it lives; the budget outlives it.
  class Window {
   public:
    explicit Window(WindowBudget& budget) : budget_(budget), bytes_(budget.next()) { budget_.promised_ += bytes_; }
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
    ~Window() { budget_.promised_ -= bytes_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

   private:
    WindowBudget& budget_;
    std::uint64_t bytes_;
  };

 private:
  // A quarter of what is left, within bounds.
  [[nodiscard]] std::uint64_t next() const {
    const std::uint64_t left = budget_bytes - std::min(budget_bytes, promised_);
    return std::clamp(left / 4, window_bytes_min, limits::session_window_bytes);
  }

  std::uint64_t promised_ = 0;
};

}  // namespace afterimage::daemon
