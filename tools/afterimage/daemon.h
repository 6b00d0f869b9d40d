// SPDX-License-Identifier: Apache-2.0
// The daemon of this host as the commands reach it: one request, one connection to its control socket.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "io/platform.h"
#include "io/task.h"
#include "tools/afterimage/terminal.h"
#include "transport/control/http_message.h"

namespace afterimage::cli {

// Where to look for the socket, best first: what was asked for; else /run/afterimage/control.sock, then the one that
// `host init` of this user last named.
struct SocketPlaces {
  std::vector<std::string> paths;
};

// `asked` is --socket; AFTERIMAGE_SOCKET counts as asked for too.
[[nodiscard]] io::Task<SocketPlaces> find_socket(io::Scope& scope, io::Platform platform, const Terminal& terminal,
                                                 std::string asked);

// Remembers the socket of a host that was just made, for this user. Best effort is not good enough: it says what
// failed.
[[nodiscard]] io::Task<Status> remember_socket(io::Scope& scope, io::Platform platform, const Terminal& terminal,
                                               std::string socket);

class Daemon {
 public:
  Daemon(io::Platform platform, SocketPlaces places) : platform_(platform), places_(std::move(places)) {}

  // The document of a 2xx answer; the daemon's own error otherwise. unreachable, with what to do, where no daemon is.
  [[nodiscard]] io::Task<Result<nlohmann::ordered_json>> call(io::Scope& scope, control::HttpRequest request);

 private:
  [[nodiscard]] io::Task<Result<std::unique_ptr<io::Stream>>> connect(io::Scope& scope);

  io::Platform platform_;
  SocketPlaces places_;
};

}  // namespace afterimage::cli
