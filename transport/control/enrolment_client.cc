// SPDX-License-Identifier: Apache-2.0
#include "transport/control/enrolment_client.h"

#include <nlohmann/json.hpp>

#include "transport/control/command_json.h"
#include "transport/control/error_json.h"
#include "transport/control/http_client.h"
#include "transport/control/json_text.h"
#include "transport/control/target.h"

namespace afterimage::control {

io::Task<Result<tls::EnrolmentAnswer>> post_enrolment(io::Scope& scope, io::Stream& stream, std::string host,
                                                      tls::EnrolmentRequest request) {
  HttpClient client(stream, std::move(host));
  HttpRequest message{.method = Method::post,
                      .target = make_target({"v1", "enrol"}),
                      .body = print_json(json_of(request)),
                      .connection = Connection::close};
  AFI_CO_TRY(const HttpResponse response, client.call(scope, std::move(message)));
  if (response.status != 200) co_return std::unexpected(error_of(response));
  AFI_CO_RESULT(const nlohmann::ordered_json document, parse_json(response.body, ErrorCode::protocol));
  AFI_CO_RESULT(tls::EnrolmentAnswer answer, enrolment_answer_from(document));
  co_return answer;
}

}  // namespace afterimage::control
