// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/options.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <CLI/CLI.hpp>

#include "io/base/bytes.h"
#include "tools/config/path.h"
#include "tools/config/version.h"

namespace afterimage::daemon {

ExitStatus exit_status_of(const Error& error) noexcept {
  switch (error.code) {
    case ErrorCode::invalid_argument: return ExitStatus::usage;
    case ErrorCode::busy: return ExitStatus::busy;
    case ErrorCode::authentication: return ExitStatus::authentication;
    case ErrorCode::refused:
    case ErrorCode::conflict:
    case ErrorCode::already_exists: return ExitStatus::refused;
    case ErrorCode::cancelled: return ExitStatus::stopped;
    case ErrorCode::internal:
    case ErrorCode::not_found:
    case ErrorCode::permission_denied:
    case ErrorCode::unreachable:
    case ErrorCode::timed_out:
    case ErrorCode::io_failed:
    case ErrorCode::no_space:
    case ErrorCode::limit_exceeded:
    case ErrorCode::damaged:
    case ErrorCode::end_of_data:
    case ErrorCode::unsupported:
    case ErrorCode::protocol:
    case ErrorCode::resync_required:
    case ErrorCode::changed: return ExitStatus::failed;
  }
  return ExitStatus::failed;
}

Result<Options> parse_options(std::vector<std::string> arguments) {
  constexpr const char* what = "read the command line";
  CLI::App app("The daemon of Afterimage: protects machines of this host, keeps replicas of others.", "afterimaged");
  std::string config;
  bool is_check = false;
  bool is_version = false;
  app.add_option("--config", config, "the configuration that 'afterimage host init' wrote")->type_name("FILE");
  app.add_flag("--check-config", is_check, "check the configuration and the keys of this host, then end");
  app.add_flag("--version", is_version, "print the version");
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return Options{.action = Action::print, .config = {}, .text = app.help()};
  } catch (const CLI::ParseError& error) {
    return fail(ErrorCode::invalid_argument, what, std::string(error.what()) + "; see 'afterimaged --help'");
  }
  if (is_version) {
    return Options{
        .action = Action::print, .config = {}, .text = std::string("afterimaged ") + tools::program_version() + "\n"};
  }
  if (config.empty()) {
    return fail(ErrorCode::invalid_argument, what,
                "no configuration; run afterimaged --config DIR/afterimaged.toml (made by 'afterimage host init')");
  }
  std::error_code failure;
  const std::string folder = std::filesystem::current_path(failure).string();
  if (failure && !config.starts_with('/')) {
    return fail(ErrorCode::invalid_argument, what,
                "this folder has no path; name the configuration by an absolute one");
  }
  return Options{.action = is_check ? Action::check_config : Action::run,
                 .config = tools::absolute_path(config, folder),
                 .text = {}};
}

io::Task<Result<tools::Config>> read_config(io::Scope& scope, io::Disk& disk, std::string path) {
  AFI_CO_TRY(const std::unique_ptr<io::File> file, disk.open_file(scope, path, io::OpenMode::read));
  Bytes content(tools::config_bytes_max + 1);
  AFI_CO_TRY(const std::size_t size, file->read_at(scope, ByteOffset(std::uint64_t{0}), content));
  content.resize(size);
  AFI_CO_RESULT(tools::Config config, tools::parse_config(text_of(content), path));
  co_return config;
}

}  // namespace afterimage::daemon
