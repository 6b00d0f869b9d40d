// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/log.h"

#include <cstdlib>
#include <utility>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace afterimage::daemon {
namespace {

spdlog::level::level_enum level_of(Severity severity) {
  switch (severity) {
    case Severity::error: return spdlog::level::err;
    case Severity::warning: return spdlog::level::warn;
    case Severity::info: return spdlog::level::info;
    case Severity::debug: return spdlog::level::debug;
  }
  return spdlog::level::err;
}

spdlog::level::level_enum level_of(tools::LogLevel level) {
  switch (level) {
    case tools::LogLevel::error: return spdlog::level::err;
    case tools::LogLevel::warning: return spdlog::level::warn;
    case tools::LogLevel::info: return spdlog::level::info;
    case tools::LogLevel::debug: return spdlog::level::debug;
  }
  return spdlog::level::info;
}

class StderrLog final : public Log {
 public:
  StderrLog(tools::LogLevel level, LogForm form)
      : form_(form), logger_("afterimaged", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_level(level_of(level));
    logger_.flush_on(spdlog::level::debug);
    logger_.set_pattern(form == LogForm::journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %l: %v",
                        spdlog::pattern_time_type::utc);
  }

  void write(Severity severity, std::string_view text) override {
    const std::string line = form_ == LogForm::journal ? journal_line(severity, text) : printable(text);
    logger_.log(level_of(severity), spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  LogForm form_;
  spdlog::logger logger_;
};

// The length of the UTF-8 character that `text` begins with; 0 if it begins with none. Shortest forms only, no
// surrogates.
std::size_t character_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first < 0xF0) {
    const bool is_short = first == 0xE0 && byte(1) < 0xA0;
    const bool is_surrogate = first == 0xED && byte(1) >= 0xA0;
    return follows(1) && follows(2) && !is_short && !is_surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first < 0xF5) {
    const bool is_outside = (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90);
    return follows(1) && follows(2) && follows(3) && !is_outside ? 4 : 0;
  }
  return 0;
}

// C0 and DEL, and the C1 controls (U+0080 to U+009F), which terminals obey too.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  return character.size() == 2 && first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
}

void append_escaped(std::string& out, char byte) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  out += "\\x";
  out += digits[value >> 4U];
  out += digits[value & 0xFU];
}

}  // namespace

LogForm log_form_of_environment() {
  const char* const journal = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): nothing here sets any
  return journal != nullptr ? LogForm::journal : LogForm::plain;
}

std::unique_ptr<Log> make_stderr_log(tools::LogLevel level, LogForm form) {
  return std::make_unique<StderrLog>(level, form);
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character_at(text);
    if (size != 0 && !is_control(text.substr(0, size))) {
      out += text.substr(0, size);
    } else {
      for (const char byte : text.substr(0, size == 0 ? 1 : size)) append_escaped(out, byte);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string journal_line(Severity severity, std::string_view text) {
  const auto priority = [&]() -> const char* {
    switch (severity) {  // sd-daemon(3)
      case Severity::error: return "<3>";
      case Severity::warning: return "<4>";
      case Severity::info: return "<6>";
      case Severity::debug: return "<7>";
    }
    return "<3>";
  };
  return priority() + printable(text);
}

}  // namespace afterimage::daemon
