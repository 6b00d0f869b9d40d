// SPDX-License-Identifier: Apache-2.0
#include "io/base/time.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace afterimage {
namespace {

constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;

std::unexpected<Error> bad_time() {
  return fail(ErrorCode::invalid_argument, "parse a time", "not a time: write it as 2026-01-31T12:00:00Z");
}

// A number of exactly `digits` digits at the front of `text`, which is shortened by it.
Result<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return bad_time();
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return bad_time();
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

Result<std::int64_t> take_fraction(std::string_view& text) {
  if (!take_char(text, ".")) return 0;
  std::int64_t value = 0;
  std::int64_t scale = nanoseconds_per_second;
  bool any = false;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (scale > 1) {
      scale /= 10;
      value += (text.front() - '0') * scale;
    }
    any = true;
    text.remove_prefix(1);
  }
  if (!any) return bad_time();
  return value;
}

Result<std::int64_t> take_offset_seconds(std::string_view& text) {
  if (text.empty() || take_char(text, "Zz")) return 0;
  const bool minus = text.front() == '-';
  if (!take_char(text, "+-")) return bad_time();
  AFI_TRY(const int hours, take_number(text, 2));
  if (!take_char(text, ":")) return bad_time();
  AFI_TRY(const int minutes, take_number(text, 2));
  if (hours > 23 || minutes > 59) return bad_time();
  const std::int64_t seconds = hours * std::int64_t{3600} + minutes * std::int64_t{60};
  return minus ? -seconds : seconds;
}

Result<std::int64_t> take_date_days(std::string_view& text) {
  AFI_TRY(const int year, take_number(text, 4));
  if (!take_char(text, "-")) return bad_time();
  AFI_TRY(const int month, take_number(text, 2));
  if (!take_char(text, "-")) return bad_time();
  AFI_TRY(const int day, take_number(text, 2));
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || year > 2200) return bad_time();
  return std::chrono::sys_days(date).time_since_epoch().count();
}

}  // namespace

std::string to_rfc3339(WallTime time) {
  using namespace std::chrono;
  const sys_time<nanoseconds> moment{nanoseconds(time.nanoseconds)};
  const auto day = floor<days>(moment);
  const year_month_day date{day};
  const auto of_day = duration_cast<milliseconds>(moment - day).count();
  std::array<char, 64> text{};
  const int length = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(of_day / 3'600'000),
      static_cast<int>(of_day / 60'000 % 60), static_cast<int>(of_day / 1000 % 60), static_cast<int>(of_day % 1000));
  return {text.data(), static_cast<std::size_t>(length)};
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  AFI_TRY(const std::int64_t days, take_date_days(text));
  if (!take_char(text, "Tt ")) return bad_time();
  AFI_TRY(const int hour, take_number(text, 2));
  if (!take_char(text, ":")) return bad_time();
  AFI_TRY(const int minute, take_number(text, 2));
  int second = 0;
  if (take_char(text, ":")) {
    AFI_TRY(second, take_number(text, 2));
  }
  if (hour > 23 || minute > 59 || second > 59) return bad_time();
  AFI_TRY(const std::int64_t fraction, take_fraction(text));
  AFI_TRY(const std::int64_t offset, take_offset_seconds(text));
  if (!text.empty()) return bad_time();
  const std::int64_t seconds = days * 86'400 + hour * std::int64_t{3600} + minute * std::int64_t{60} + second - offset;
  return WallTime{seconds * nanoseconds_per_second + fraction};
}

Result<Duration> parse_duration(std::string_view text) {
  const auto bad = [] {
    return fail(ErrorCode::invalid_argument, "parse a duration", "not a duration: write it as 30s, 5m, 1h or 7d");
  };
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value <= 0) return bad();
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::int64_t scale = 0;
  if (unit == "ms") scale = nanoseconds_per_second / 1000;
  if (unit == "s") scale = nanoseconds_per_second;
  if (unit == "m") scale = 60 * nanoseconds_per_second;
  if (unit == "h") scale = 3600 * nanoseconds_per_second;
  if (unit == "d") scale = 86'400 * nanoseconds_per_second;
  constexpr std::int64_t hundred_years = 36'525LL * 86'400 * nanoseconds_per_second;
  if (scale == 0 || value > hundred_years / scale) return bad();
  return Duration(value * scale);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto bad = [] {
    return fail(ErrorCode::invalid_argument, "parse a size", "not a size: write it as 4096, 64K, 10G or 1T");
  };
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return bad();
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  unsigned shift = 0;
  if (unit == "K" || unit == "k") {
    shift = 10;
  } else if (unit == "M" || unit == "m") {
    shift = 20;
  } else if (unit == "G" || unit == "g") {
    shift = 30;
  } else if (unit == "T" || unit == "t") {
    shift = 40;
  } else if (!unit.empty()) {
    return bad();
  }
  if (value > (static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) >> shift)) return bad();
  return value << shift;
}

}  // namespace afterimage
