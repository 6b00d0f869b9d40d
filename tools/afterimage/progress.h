// SPDX-License-Identifier: Apache-2.0
// The progress of a job as text: a bar that redraws itself on a terminal, plain lines now and then elsewhere. Pure:
// time and figures in, what to write out.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "io/base/time.h"

namespace afterimage::cli {

inline constexpr Duration bar_patience = std::chrono::seconds(1);   // what ends sooner needs no bar
inline constexpr Duration line_interval = std::chrono::seconds(5);  // between plain lines
inline constexpr Duration rate_window = std::chrono::seconds(10);   // the rate is that of the last seconds

struct ProgressSample {
  std::string phase;  // "reading"
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;  // 0 = not known
};

enum class ProgressStyle : std::uint8_t { bar, lines, silent };

class ProgressText {
 public:
  struct Options {
    std::string title;  // "protect web1"
    ProgressStyle style = ProgressStyle::lines;
    std::size_t columns = 80;
  };
  ProgressText(Options options, MonotonicTime started) : options_(std::move(options)), started_(started) {}

  // What to write now; often nothing.
  [[nodiscard]] std::string update(const ProgressSample& sample, MonotonicTime now);
  // Takes a bar away, so that something else can be written.
  [[nodiscard]] std::string clear();

 private:
  struct Mark {
    MonotonicTime when;
    std::uint64_t bytes = 0;
  };
  void remember(const ProgressSample& sample, MonotonicTime now);
  [[nodiscard]] double rate() const;  // bytes a second; 0 = not known yet
  [[nodiscard]] std::string figures(const ProgressSample& sample) const;
  [[nodiscard]] std::string bar(const ProgressSample& sample) const;

  Options options_;
  MonotonicTime started_;
  MonotonicTime last_line_{};
  std::string phase_;
  std::deque<Mark> marks_;
  bool is_drawn_ = false;
};

}  // namespace afterimage::cli
