// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/daemon.h"

#include <nlohmann/json.hpp>

#include "io/durable_file.h"
#include "tools/config/config.h"
#include "tools/config/path.h"
#include "transport/control/error_json.h"
#include "transport/control/http_client.h"
#include "transport/control/json_text.h"

namespace afterimage::cli {

using io::Scope;
using io::Task;

namespace {

constexpr const char* system_socket = "/run/afterimage/control.sock";
constexpr const char* remembered_name = "socket";

// Where this user's settings lie; empty where there is no such place.
std::string settings_folder(const Terminal& terminal) {
  if (const auto folder = terminal.variable("XDG_CONFIG_HOME"); folder && folder->starts_with('/')) {
    return *folder + "/afterimage";
  }
  if (const auto home = terminal.variable("HOME"); home && home->starts_with('/')) return *home + "/.config/afterimage";
  return {};
}

Task<Result<std::string>> remembered_socket(Scope& scope, io::Platform platform, std::string folder) {
  AFI_CO_TRY(const auto directory, platform.disk.open_directory(scope, folder));
  AFI_CO_TRY(const Bytes content, io::read_file(scope, *directory, remembered_name, tools::path_bytes_max));
  std::string path(text_of(content));
  while (path.ends_with('\n')) path.pop_back();
  if (!path.starts_with('/')) co_return fail(ErrorCode::damaged, "read the remembered socket");
  co_return path;
}

bool nobody_there(const Error& error) {
  return error.code == ErrorCode::not_found || error.code == ErrorCode::unreachable;
}

}  // namespace

Task<SocketPlaces> find_socket(Scope& scope, io::Platform platform, const Terminal& terminal, std::string asked) {
  if (asked.empty()) asked = terminal.variable("AFTERIMAGE_SOCKET").value_or("");
  SocketPlaces places;
  if (!asked.empty()) {
    places.paths = {tools::absolute_path(asked, terminal.working_folder())};
    co_return places;
  }
  places.paths = {system_socket};
  const std::string folder = settings_folder(terminal);
  if (folder.empty()) co_return places;
  auto reading = remembered_socket(scope, platform, folder);
  auto remembered = co_await reading;
  if (remembered) places.paths.push_back(std::move(*remembered));
  co_return places;
}

Task<Status> remember_socket(Scope& scope, io::Platform platform, const Terminal& terminal, std::string socket) {
  const std::string folder = settings_folder(terminal);
  if (folder.empty())
    co_return fail(ErrorCode::not_found, "remember the socket", "neither XDG_CONFIG_HOME nor HOME is set");
  AFI_CO_TRY(const auto directory, platform.disk.make_directory(scope, folder));
  socket += "\n";
  AFI_CO_TRY_STATUS(io::replace_file(scope, *directory, remembered_name, view_of(socket)));
  co_return Status{};
}

Task<Result<std::unique_ptr<io::Stream>>> Daemon::connect(Scope& scope) {
  std::string tried;
  for (const std::string& path : places_.paths) {
    auto connecting = platform_.network.connect(scope, io::Endpoint{.host = {}, .unix_path = path});
    auto stream = co_await connecting;
    if (stream) co_return std::move(*stream);
    const Error& error = stream.error();
    if (error.code == ErrorCode::cancelled) co_return std::unexpected(error);
    if (error.code == ErrorCode::permission_denied) {
      co_return fail(ErrorCode::permission_denied, "connect to the daemon",
                     "the socket " + path + " lets only root and the daemon's user in; run the command as one of them");
    }
    if (!nobody_there(error)) {
      co_return fail(ErrorCode::unreachable, "connect to the daemon",
                     "cannot reach the daemon at " + path + ": " + error.text());
    }
    tried += (tried.empty() ? "" : " and ") + path;
  }
  co_return fail(ErrorCode::unreachable, "connect to the daemon",
                 "no daemon answers at " + tried +
                     "; start it (afterimaged --config DIR/afterimaged.toml), or name its socket with --socket");
}

Task<Result<nlohmann::ordered_json>> Daemon::call(Scope& scope, control::HttpRequest request) {
  AFI_CO_TRY(const auto stream, connect(scope));
  request.connection = control::Connection::close;
  control::HttpClient client(*stream, "localhost");
  auto calling = client.call(scope, std::move(request));
  auto response = co_await calling;
  stream->close();
  if (!response) {
    Error error = response.error();
    if (error.code == ErrorCode::unreachable) error.detail = "the daemon went away before it answered; see its log";
    co_return std::unexpected(std::move(error));
  }
  if (response->status >= 300 || response->status < 200) co_return std::unexpected(control::error_of(*response));
  AFI_CO_RESULT(nlohmann::ordered_json document, control::parse_json(response->body, ErrorCode::protocol));
  co_return document;
}

}  // namespace afterimage::cli
