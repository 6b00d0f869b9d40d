// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/terminal.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

namespace afterimage::cli {
namespace {

class ProcessTerminal final : public Terminal {
 public:
  void write(Sink sink, std::string_view text) override {
    std::FILE* file = sink == Sink::out ? stdout : stderr;
    std::fwrite(text.data(), 1, text.size(), file);
    if (std::fflush(file) != 0 && sink == Sink::out) is_sound_ = false;
  }
  [[nodiscard]] bool is_sound() const override { return is_sound_; }
  [[nodiscard]] bool is_terminal(Sink sink) const override {
    return ::isatty(sink == Sink::out ? STDOUT_FILENO : STDERR_FILENO) == 1;
  }
  [[nodiscard]] std::optional<std::string> variable(const std::string& name) const override {
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): there is one thread
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }
  [[nodiscard]] std::string working_folder() const override {
    std::error_code error;
    const auto path = std::filesystem::current_path(error);
    return error ? "/" : path.string();
  }

 private:
  bool is_sound_ = true;
};

}  // namespace

std::size_t Terminal::columns() const {
  const std::string text = variable("COLUMNS").value_or("80");
  std::size_t columns = 80;
  std::from_chars(text.data(), text.data() + text.size(), columns);
  return std::clamp<std::size_t>(columns, 40, 400);
}

bool Terminal::has_colours(Sink sink) const {
  if (!is_terminal(sink) || !variable("NO_COLOR").value_or("").empty()) return false;
  return variable("TERM").value_or("dumb") != "dumb";
}

std::unique_ptr<Terminal> make_process_terminal() { return std::make_unique<ProcessTerminal>(); }

}  // namespace afterimage::cli
