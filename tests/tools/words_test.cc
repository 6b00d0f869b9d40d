// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/words.h"

#include <gtest/gtest.h>

#include "tools/afterimage/exit_status.h"
#include "tools/afterimage/progress.h"

namespace afterimage::cli {
namespace {

using namespace std::chrono_literals;

TEST(Words, BytesHaveThreeDigitsOfUse) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.00 KiB");
  EXPECT_EQ(bytes_text(1536 * 1024), "1.50 MiB");
  EXPECT_EQ(bytes_text(std::uint64_t{10} << 30), "10.0 GiB");
  EXPECT_EQ(bytes_text(std::uint64_t{812} << 10), "812 KiB");
  EXPECT_EQ(bytes_text((std::uint64_t{1} << 20) - 1), "1.00 MiB");
  EXPECT_EQ(bytes_text(~std::uint64_t{0}), "16.0 EiB");
}

TEST(Words, DurationsHaveTwoUnits) {
  EXPECT_EQ(duration_text(850ms), "850ms");
  EXPECT_EQ(duration_text(1500ms), "1.5s");
  EXPECT_EQ(duration_text(59s), "59s");
  EXPECT_EQ(duration_text(245s), "4m 05s");
  EXPECT_EQ(duration_text(3h + 12min), "3h 12m");
  EXPECT_EQ(duration_text(220h), "9d 4h");
  EXPECT_EQ(duration_text(-5s), "0ms");
}

TEST(Words, TimesAreUtcToTheSecond) {
  EXPECT_EQ(time_text(WallTime{1'767'268'800'250'000'000}), "2026-01-01 12:00:00Z");
  EXPECT_EQ(time_text(WallTime{}), "-");
}

TEST(Words, ATableIsAligned) {
  Table table({{"NAME"}, {"SIZE", Align::right}, {"WHAT"}});
  table.add({"a", "1 B", "x"});
  table.add({"üüü\x1b[2J", "10 GiB", ""});
  EXPECT_EQ(table.text(), "NAME       SIZE  WHAT\na           1 B  x\nüüü [2J  10 GiB\n");
}

TEST(ExitStatus, EachCodeHasItsStatus) {
  const std::pair<ErrorCode, int> table[] = {{ErrorCode::internal, 1},
                                             {ErrorCode::invalid_argument, 2},
                                             {ErrorCode::not_found, 10},
                                             {ErrorCode::already_exists, 15},
                                             {ErrorCode::busy, 11},
                                             {ErrorCode::refused, 15},
                                             {ErrorCode::permission_denied, 12},
                                             {ErrorCode::authentication, 12},
                                             {ErrorCode::unreachable, 13},
                                             {ErrorCode::timed_out, 13},
                                             {ErrorCode::cancelled, 130},
                                             {ErrorCode::io_failed, 1},
                                             {ErrorCode::no_space, 1},
                                             {ErrorCode::limit_exceeded, 1},
                                             {ErrorCode::damaged, 1},
                                             {ErrorCode::end_of_data, 1},
                                             {ErrorCode::unsupported, 1},
                                             {ErrorCode::protocol, 1},
                                             {ErrorCode::resync_required, 14},
                                             {ErrorCode::conflict, 15},
                                             {ErrorCode::changed, 15}};
  static_assert(std::size(table) == static_cast<std::size_t>(ErrorCode::changed) + 1);
  for (const auto& [code, status] : table) {
    EXPECT_EQ(static_cast<int>(exit_status_of(Error{.code = code})), status) << name_of(code);
  }
}

TEST(ExitStatus, AMissingOrForbiddenFileIsAFailureNotAMissingMachine) {
  EXPECT_EQ(exit_status_of(system_error(2, "open")), ExitStatus::failed);
  EXPECT_EQ(exit_status_of(system_error(13, "open")), ExitStatus::failed);
}

MonotonicTime at(Duration since) { return MonotonicTime{} + 100s + since; }

TEST(Progress, ABarComesAfterASecondAndTellsRateAndRest) {
  ProgressText text({.title = "sync web1", .style = ProgressStyle::bar, .columns = 100}, at(0s));
  const std::uint64_t mib = 1024 * 1024;
  EXPECT_EQ(text.update({"reading", 0, 100 * mib}, at(0s)), "");
  EXPECT_EQ(text.update({"reading", 10 * mib, 100 * mib}, at(900ms)), "");
  const std::string bar = text.update({"reading", 50 * mib, 100 * mib}, at(5s));
  EXPECT_NE(bar.find("50%"), std::string::npos) << bar;
  EXPECT_NE(bar.find("50.0 MiB of 100 MiB"), std::string::npos) << bar;
  EXPECT_NE(bar.find("10.0 MiB/s"), std::string::npos) << bar;
  EXPECT_NE(bar.find("5.0s left"), std::string::npos) << bar;
  EXPECT_NE(bar.find("[####"), std::string::npos) << bar;
  EXPECT_NE(text.clear(), "");
  EXPECT_EQ(text.clear(), "");
}

TEST(Progress, ABarIsNeverWiderThanTheTerminal) {
  for (std::size_t columns = 40; columns < 120; ++columns) {
    ProgressText text({.title = "protect a-machine-with-a-name", .style = ProgressStyle::bar, .columns = columns},
                      at(0s));
    (void)text.update({"a phase with a name", 0, 1'000'000'000}, at(0s));
    const std::string bar = text.update({"a phase with a name", 999'999, 1'000'000'000}, at(30s));
    EXPECT_LT(bar.size() - std::string("\r\x1b[K").size(), columns);
  }
}

TEST(Progress, LinesComeEveryFewSeconds) {
  ProgressText text({.title = "sync web1"}, at(0s));
  int lines = 0;
  for (int i = 0; i <= 60; ++i) {
    const std::string line = text.update({"sending", static_cast<std::uint64_t>(i) * 1000, 60'000}, at(i * 1s));
    if (line.empty()) continue;
    ++lines;
    EXPECT_TRUE(line.starts_with("sync web1: sending ")) << line;
    EXPECT_TRUE(line.ends_with("\n"));
  }
  EXPECT_EQ(lines, 12);
}

TEST(Progress, AnUnknownTotalAndAStepBackAreNoTrouble) {
  ProgressText text({.title = "x", .style = ProgressStyle::bar}, at(0s));
  EXPECT_NE(text.update({"reading", 5000, 0}, at(2s)), "");
  EXPECT_NE(text.update({"reading", 10, 0}, at(3s)), "");
  EXPECT_NE(text.update({"sending", 0, 0}, at(3s)), "");
  EXPECT_NE(text.update({"sending", 20, 10}, at(4s)).find("100%"), std::string::npos);
}

TEST(Progress, ASilentOneSaysNothing) {
  ProgressText text({.title = "x", .style = ProgressStyle::silent}, at(0s));
  EXPECT_EQ(text.update({"reading", 5, 10}, at(60s)), "");
}

}  // namespace
}  // namespace afterimage::cli
