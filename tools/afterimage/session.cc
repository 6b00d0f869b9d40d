// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/session.h"

#include "tools/afterimage/words.h"
#include "tools/config/path.h"
#include "transport/control/json_text.h"

namespace afterimage::cli {

void Session::say(std::string_view text) {
  if (!is_json()) terminal.write(Sink::out, text);
}

void Session::show(const nlohmann::ordered_json& document) {
  if (is_json()) terminal.write(Sink::out, control::print_json(document) + "\n");
}

void Session::warn(std::string_view sentence) {
  terminal.write(Sink::err, "afterimage: warning: " + plain_text(sentence) + "\n");
}

ExitStatus Session::fail(const Error& error) {
  const bool interrupted = error.code == ErrorCode::cancelled && scope.is_interrupted();
  terminal.write(Sink::err, "afterimage: " + (interrupted ? "cancelled" : plain_text(error.text())) + "\n");
  return exit_status_of(error);
}

ExitStatus Session::fail(ErrorCode code, std::string sentence) {
  return fail(Error{.code = code, .what = "", .detail = std::move(sentence)});
}

std::string Session::absolute(std::string_view path) const {
  return tools::absolute_path(path, terminal.working_folder());
}

io::Task<Result<nlohmann::ordered_json>> Session::call(control::Method method, std::string target,
                                                       nlohmann::ordered_json body) {
  auto finding = find_socket(scope, platform, terminal, common.socket);
  SocketPlaces places = co_await finding;
  Daemon daemon(platform, std::move(places));
  control::HttpRequest request{.method = method, .target = std::move(target)};
  if (!body.is_null()) {
    request.body = control::print_json(body);
    const auto said = control::parse_json(request.body, ErrorCode::invalid_argument);
    if (!said || *said != body) {
      co_return afterimage::fail(ErrorCode::invalid_argument, "write the request",
                                 "names and paths have to be UTF-8; rename the file, or reach it by a link");
    }
  }
  AFI_CO_TRY(nlohmann::ordered_json document, daemon.call(scope, std::move(request)));
  co_return document;
}

}  // namespace afterimage::cli
