// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/progress.h"

#include <algorithm>

#include <fmt/format.h>

#include "tools/afterimage/words.h"

namespace afterimage::cli {

void ProgressText::remember(const ProgressSample& sample, MonotonicTime now) {
  if (sample.phase != phase_ || (!marks_.empty() && sample.bytes_done < marks_.back().bytes)) {
    phase_ = sample.phase;
    marks_.clear();
  }
  marks_.push_back({now, sample.bytes_done});
  while (marks_.size() > 2 && now - marks_[1].when >= rate_window) marks_.pop_front();
}

double ProgressText::rate() const {
  if (marks_.size() < 2) return 0;
  const auto seconds = std::chrono::duration<double>(marks_.back().when - marks_.front().when).count();
  return seconds <= 0 ? 0 : static_cast<double>(marks_.back().bytes - marks_.front().bytes) / seconds;
}

std::string ProgressText::figures(const ProgressSample& sample) const {
  std::string text = bytes_text(sample.bytes_done);
  if (sample.bytes_total != 0) text += " of " + bytes_text(sample.bytes_total);
  const double bytes_a_second = rate();
  if (bytes_a_second < 1) return text;
  text += fmt::format("  {}/s", bytes_text(static_cast<std::uint64_t>(bytes_a_second)));
  if (sample.bytes_total > sample.bytes_done) {
    const double seconds = static_cast<double>(sample.bytes_total - sample.bytes_done) / bytes_a_second;
    constexpr double longest = 3600.0 * 24 * 1000;
    if (seconds < longest)
      text += "  " + duration_text(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000))) + " left";
  }
  return text;
}

std::string ProgressText::bar(const ProgressSample& sample) const {
  const std::string phase = plain_text(sample.phase.empty() ? options_.title : sample.phase);
  if (sample.bytes_total == 0) return fmt::format("{}  {}", phase, figures(sample));
  const double share = std::min(1.0, static_cast<double>(sample.bytes_done) / static_cast<double>(sample.bytes_total));
  const std::string ends = fmt::format("{:3}%  {}", static_cast<int>(share * 100), figures(sample));
  const std::size_t taken = phase.size() + ends.size() + 7;
  if (taken + 8 > options_.columns) return fmt::format("{}  {}", phase, ends);
  const std::size_t places = std::min<std::size_t>(options_.columns - taken, 40);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(places));
  return fmt::format("{}  [{}{}]  {}", phase, std::string(full, '#'), std::string(places - full, '.'), ends);
}

std::string ProgressText::update(const ProgressSample& sample, MonotonicTime now) {
  remember(sample, now);
  switch (options_.style) {
    case ProgressStyle::silent: return {};
    case ProgressStyle::bar:
      if (now - started_ < bar_patience) return {};
      is_drawn_ = true;
      return "\r" + bar(sample).substr(0, options_.columns - 1) + "\x1b[K";
    case ProgressStyle::lines: break;
  }
  const MonotonicTime since = last_line_ == MonotonicTime{} ? started_ : last_line_;
  if (now - since < line_interval) return {};
  last_line_ = now;
  std::string line = options_.title + ": " + (sample.phase.empty() ? "" : sample.phase + " ");
  if (sample.bytes_total != 0) {
    line += fmt::format("{}%, ", static_cast<int>(100.0 * std::min(1.0, static_cast<double>(sample.bytes_done) /
                                                                            static_cast<double>(sample.bytes_total))));
  }
  return plain_text(line + figures(sample)) + "\n";
}

std::string ProgressText::clear() {
  if (!is_drawn_) return {};
  is_drawn_ = false;
  return "\r\x1b[K";
}

}  // namespace afterimage::cli
