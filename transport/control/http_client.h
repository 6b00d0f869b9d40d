// SPDX-License-Identifier: Apache-2.0
// HTTP over one stream, as its client: one request at a time. For the CLI and for enrolment.
#pragma once

#include <string>

#include "io/base/result.h"
#include "io/network.h"
#include "io/scope.h"
#include "io/task.h"
#include "transport/control/http_codec.h"
#include "transport/control/http_message.h"

namespace afterimage::control {

// Does not own the stream. After an error the stream is of no more use. Thread: the reactor's.
class HttpClient {
 public:
  // `host` is for the Host header: "localhost", "chi.example".
  HttpClient(io::Stream& stream, std::string host) : stream_(stream), host_(std::move(host)) {}

  // Sends and waits for the answer, whatever its status. The deadline is the scope's. unreachable, protocol,
  // limit_exceeded, timed_out, cancelled.
  [[nodiscard]] io::Task<Result<HttpResponse>> call(io::Scope& scope, HttpRequest request);

 private:
  io::Stream& stream_;
  std::string host_;
  ResponseDecoder decoder_;
};

}  // namespace afterimage::control
