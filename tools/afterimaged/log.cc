// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/log.h"

#include <cstdlib>
#include <utility>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "io/base/printable.h"

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

}  // namespace

LogForm log_form_of_environment() {
  const char* const journal = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): nothing here sets any
  return journal != nullptr ? LogForm::journal : LogForm::plain;
}

std::unique_ptr<Log> make_stderr_log(tools::LogLevel level, LogForm form) {
  return std::make_unique<StderrLog>(level, form);
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
