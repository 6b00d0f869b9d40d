// SPDX-License-Identifier: Apache-2.0
// Serves HTTP on one accepted stream: requests one after the other, answers in order, until the client ends, asks to
// close, breaks the rules or lets a deadline pass. At most one request is held in memory.
//
// Deadlines are for whole phases, so that a client that sends a byte a second gains nothing: waiting for a request, its
// header, its body, the handler, sending the answer.
#pragma once

#include <chrono>

#include "io/base/result.h"
#include "io/base/time.h"
#include "io/network.h"
#include "io/scope.h"
#include "io/task.h"
#include "transport/control/caller.h"
#include "transport/control/http_message.h"

namespace afterimage::control {

// What answers requests. Never fails: an error is an answer.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  [[nodiscard]] virtual io::Task<HttpResponse> handle(io::Scope& scope, const HttpRequest& request,
                                                      const Caller& caller) = 0;
};

struct ServeTimes {
  Duration idle = std::chrono::seconds(60);     // until the next request begins
  Duration receive = std::chrono::seconds(15);  // for a header, and again for a body
  Duration handle = std::chrono::minutes(3);    // longer than the longest wait for a job
  Duration send = std::chrono::seconds(30);
};

// Returns when the connection is over; closes the stream. Fine if the client ended it or a deadline did; `cancelled`
// with the scope; protocol or limit_exceeded for what was no HTTP; unreachable for a broken stream. `stream` and
// `handler` outlive it.
[[nodiscard]] io::Task<Status> serve_http(io::Scope& scope, io::Stream& stream, HttpHandler& handler, Caller caller,
                                          ServeTimes times = {});

}  // namespace afterimage::control
