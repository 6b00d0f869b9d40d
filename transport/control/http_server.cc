// SPDX-License-Identifier: Apache-2.0
#include "transport/control/http_server.h"

#include <expected>
#include <optional>

#include "transport/control/error_json.h"
#include "transport/control/http_codec.h"

namespace afterimage::control {
namespace {

using io::Scope;
using io::Task;

class Session {
 public:
  Session(io::Stream& stream, HttpHandler& handler, Caller caller, ServeTimes times)
      : stream_(stream), handler_(handler), caller_(std::move(caller)), times_(times) {}

  Task<Status> serve(Scope& scope) {
    while (true) {
      AFI_CO_TRY(const std::optional<HttpRequest> request, receive(scope));
      if (!request) co_return Status{};
      AFI_CO_TRY(HttpResponse response, handle(scope, *request));
      if (request->connection == Connection::close) response.connection = Connection::close;
      AFI_CO_TRY_STATUS(send(scope, response));
      if (response.connection == Connection::close) co_return Status{};
    }
  }

 private:
  // The next request; nothing at a clean end or when the client was idle for too long.
  Task<Result<std::optional<HttpRequest>>> receive(Scope& scope) {
    Scope phase(scope, times_.idle);
    HttpStage stage = HttpStage::idle;
    while (true) {
      auto next = decoder_.next();
      if (!next) {
        auto refusing = refuse(scope, std::move(next.error()));
        auto refused = co_await refusing;
        co_return std::unexpected(std::move(refused));
      }
      if (*next) co_return std::move(*next);
      if (decoder_.stage() != stage) {
        stage = decoder_.stage();
        phase.set_timeout(times_.receive);
      }
      auto reading = stream_.read_some(phase, buffer_);
      const auto count = co_await reading;
      if (!count && count.error().code == ErrorCode::timed_out && !scope.is_interrupted()) {
        if (stage == HttpStage::idle) co_return std::optional<HttpRequest>{};
        auto refusing = refuse(scope, HttpFault{.status = 408, .error = count.error()});
        auto refused = co_await refusing;
        co_return std::unexpected(std::move(refused));
      }
      if (!count) co_return std::unexpected(count.error());
      if (*count == 0) {
        if (stage == HttpStage::idle) co_return std::optional<HttpRequest>{};
        co_return fail(ErrorCode::unreachable, "the client ended in the middle of a request");
      }
      decoder_.feed(ByteView(buffer_).first(*count));
    }
  }

  Task<Result<HttpResponse>> handle(Scope& scope, const HttpRequest& request) {
    Scope phase(scope, times_.handle);
    auto handling = handler_.handle(phase, request, caller_);
    HttpResponse response = co_await handling;
    AFI_CO_STATUS(scope.check());
    co_return response;
  }

  Task<Status> send(Scope& scope, const HttpResponse& response) {
    Scope phase(scope, times_.send);
    const std::string text = encode_response(response);
    AFI_CO_TRY_STATUS(stream_.write(phase, view_of(text)));
    co_return Status{};
  }

  // Tells the client why, as far as it listens; the connection is over.
  Task<Error> refuse(Scope& scope, HttpFault fault) {
    HttpResponse response = error_response(fault.error);
    response.status = fault.status;
    response.connection = Connection::close;
    auto sending = send(scope, response);
    const Status sent = co_await sending;
    if (!sent) co_return sent.error();
    co_return std::move(fault.error);
  }

  io::Stream& stream_;
  HttpHandler& handler_;
  Caller caller_;
  ServeTimes times_;
  RequestDecoder decoder_;
  Bytes buffer_ = Bytes(http_step_bytes);
};

}  // namespace

Task<Status> serve_http(Scope& scope, io::Stream& stream, HttpHandler& handler, Caller caller, ServeTimes times) {
  Session connection(stream, handler, std::move(caller), times);
  auto serving = connection.serve(scope);
  Status status = co_await serving;
  if (status) {
    // A clean end, so that the client reads the whole last answer before it sees the stream close.
    Scope goodbye(scope, times.send);
    auto ending = stream.shutdown_write(goodbye);
    const Status ended = co_await ending;
    if (!ended && ended.error().code == ErrorCode::cancelled) status = ended;
  }
  stream.close();
  co_return status;
}

}  // namespace afterimage::control
