// SPDX-License-Identifier: Apache-2.0
#include "engine/plan/level_chooser.h"

#include <array>
#include <charconv>

namespace afterimage {
namespace {

struct Step {
  double at_least = 0;  // bytes a second
  format::Compression compression;
};
constexpr double MB = 1e6;
constexpr std::array<Step, 4> steps = {Step{.at_least = 400 * MB, .compression = format::Compression::off()},
                                       Step{.at_least = 200 * MB, .compression = format::Compression::zstd(-5)},
                                       Step{.at_least = 50 * MB, .compression = format::Compression::zstd(1)},
                                       Step{.at_least = 0, .compression = format::Compression::zstd(3)}};
constexpr double margin = 1.25;

}  // namespace

std::string text_of(const format::Compression& compression) {
  return compression.codec == format::Codec::raw ? "off" : "zstd " + std::to_string(compression.level);
}

std::string text_of(const CompressionSetting& setting) {
  if (!setting) return "auto";
  return setting->codec == format::Codec::raw ? "off" : std::to_string(setting->level);
}

Result<CompressionSetting> parse_compression(std::string_view text) {
  if (text == "auto") return CompressionSetting{};
  if (text == "off") return CompressionSetting(format::Compression::off());
  int level = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), level);
  const bool is_level = error == std::errc{} && end == text.data() + text.size() && level != 0 &&
                        level >= format::compression_level_min && level <= format::compression_level_max;
  if (!is_level) {
    return fail(ErrorCode::invalid_argument, "read a compression",
                "has to be auto, off, or a level from -5 to 19 that is not 0");
  }
  return CompressionSetting(format::Compression::zstd(level));
}

std::string LevelChooser::text() const { return (setting_ ? "" : "auto: ") + text_of(current()); }

format::Compression LevelChooser::current() const {
  return setting_ ? *setting_ : steps[static_cast<std::size_t>(step_)].compression;
}

void LevelChooser::sent(ByteCount stored, Duration waited) {
  stored_ += stored;
  waited_ += waited;
  if (stored_.value() < evidence_bytes) return;
  judge();
  stored_ = {};
  waited_ = {};
}

void LevelChooser::judge() {
  const double seconds = std::chrono::duration<double>(waited_).count();
  const auto bytes = static_cast<double>(stored_.value());
  const Step& now = steps[static_cast<std::size_t>(step_)];
  if (step_ > 0 && bytes > steps[static_cast<std::size_t>(step_) - 1].at_least * margin * seconds) {
    --step_;
  } else if (bytes * margin < now.at_least * seconds) {
    ++step_;
  }
}

}  // namespace afterimage
