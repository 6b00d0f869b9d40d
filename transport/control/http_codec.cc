// SPDX-License-Identifier: Apache-2.0
#include "transport/control/http_codec.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

#include "io/base/limits.h"

namespace afterimage::control {
namespace {

namespace http = boost::beast::http;

// One direction's parser and the bytes that it has not used yet.
template <bool is_request>
class Decoder {
 public:
  using Parser = http::parser<is_request, http::string_body>;
  using Message = typename Parser::value_type;

  explicit Decoder(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) { reset(); }

  void feed(ByteView bytes) { waiting_.append(text_of(bytes)); }

  // Parses what waits. True when a message is whole: take() it.
  [[nodiscard]] boost::beast::error_code advance() {
    boost::beast::error_code error;
    std::size_t used = 0;
    while (!parser_->is_done() && used < waiting_.size()) {
      const std::size_t count =
          parser_->put(boost::asio::buffer(waiting_.data() + used, waiting_.size() - used), error);
      used += count;
      if (error == http::error::need_more) {
        error = {};
        break;
      }
      if (error) return error;
      if (count == 0) break;
    }
    waiting_.erase(0, used);
    // What is not used is a piece of a header, of a chunk's header or of a trailer; or the next message.
    if (!parser_->is_done() && waiting_.size() > limits::http_header_bytes_max) return http::error::header_limit;
    return {};
  }
  [[nodiscard]] bool is_done() const { return parser_->is_done(); }
  [[nodiscard]] bool has_header() const { return parser_->is_header_done(); }
  [[nodiscard]] bool needs_end() const { return parser_->is_header_done() && parser_->need_eof(); }
  [[nodiscard]] bool is_idle() const { return waiting_.empty() && !parser_->got_some(); }

  [[nodiscard]] Message take() {
    Message message = parser_->release();
    reset();
    return message;
  }

 private:
  void reset() {
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(static_cast<std::uint32_t>(limits::http_header_bytes_max));
    parser_->body_limit(body_bytes_max_);
  }

  std::size_t body_bytes_max_;
  std::optional<Parser> parser_;
  std::string waiting_;
};

HttpFault fault_of(const boost::beast::error_code& error) {
  const auto make = [](unsigned status, ErrorCode code, std::string detail) {
    return HttpFault{.status = status,
                     .error = Error{.code = code, .what = "parse a request", .detail = std::move(detail)}};
  };
  if (error == http::error::header_limit) {
    return make(431, ErrorCode::limit_exceeded, "the header of the request is longer than 16 KiB");
  }
  if (error == http::error::body_limit) {
    return make(413, ErrorCode::limit_exceeded, "the body of the request is longer than 1 MiB");
  }
  if (error == http::error::bad_version) {
    return make(505, ErrorCode::unsupported, "this port speaks HTTP/1.1");
  }
  return make(400, ErrorCode::invalid_argument, "this is no HTTP request: " + error.message());
}

Method method_of(http::verb verb) {
  if (verb == http::verb::get) return Method::get;
  if (verb == http::verb::post) return Method::post;
  if (verb == http::verb::delete_) return Method::remove;
  return Method::other;
}

http::verb verb_of(Method method) {
  switch (method) {
    case Method::get: return http::verb::get;
    case Method::post: return http::verb::post;
    case Method::remove: return http::verb::delete_;
    case Method::other: return http::verb::unknown;
  }
  return http::verb::unknown;
}

// The bytes of a message whose payload is prepared.
template <bool is_request>
std::string serialise(http::message<is_request, http::string_body>& message) {
  std::string out;
  http::serializer<is_request, http::string_body> serializer(message);
  while (!serializer.is_done()) {
    boost::beast::error_code error;
    std::size_t taken = 0;
    serializer.next(error, [&](boost::beast::error_code&, const auto& buffers) {
      for (const boost::asio::const_buffer buffer : boost::beast::buffers_range_ref(buffers)) {
        out.append(static_cast<const char*>(buffer.data()), buffer.size());
        taken += buffer.size();
      }
    });
    if (error || taken == 0) break;
    serializer.consume(taken);
  }
  return out;
}

Connection connection_of(const auto& message) {
  return message.keep_alive() ? Connection::keep_alive : Connection::close;
}

}  // namespace

std::string_view name_of(Method method) noexcept {
  switch (method) {
    case Method::get: return "GET";
    case Method::post: return "POST";
    case Method::remove: return "DELETE";
    case Method::other: return "?";
  }
  return "?";
}

struct RequestDecoder::State : Decoder<true> {
  using Decoder::Decoder;
};

RequestDecoder::RequestDecoder() : state_(std::make_unique<State>(limits::http_body_bytes_max)) {}
RequestDecoder::RequestDecoder(RequestDecoder&&) noexcept = default;
RequestDecoder& RequestDecoder::operator=(RequestDecoder&&) noexcept = default;
RequestDecoder::~RequestDecoder() = default;

void RequestDecoder::feed(ByteView bytes) { state_->feed(bytes); }

std::expected<std::optional<HttpRequest>, HttpFault> RequestDecoder::next() {
  if (const auto error = state_->advance()) return std::unexpected(fault_of(error));
  if (!state_->is_done()) return std::nullopt;
  auto message = state_->take();
  return HttpRequest{.method = method_of(message.method()),
                     .target = std::string(message.target()),
                     .body = std::move(message.body()),
                     .connection = connection_of(message)};
}

HttpStage RequestDecoder::stage() const {
  if (state_->is_idle()) return HttpStage::idle;
  return state_->has_header() ? HttpStage::body : HttpStage::header;
}

struct ResponseDecoder::State : Decoder<false> {
  using Decoder::Decoder;
};

ResponseDecoder::ResponseDecoder() : state_(std::make_unique<State>(limits::http_answer_bytes_max)) {}
ResponseDecoder::ResponseDecoder(ResponseDecoder&&) noexcept = default;
ResponseDecoder& ResponseDecoder::operator=(ResponseDecoder&&) noexcept = default;
ResponseDecoder::~ResponseDecoder() = default;

void ResponseDecoder::feed(ByteView bytes) { state_->feed(bytes); }

Result<std::optional<HttpResponse>> ResponseDecoder::next() {
  if (const auto error = state_->advance()) {
    const bool too_long = error == http::error::header_limit || error == http::error::body_limit;
    return fail(too_long ? ErrorCode::limit_exceeded : ErrorCode::protocol, "parse an answer",
                "the other end does not answer as a daemon of Afterimage: " + error.message());
  }
  if (!state_->is_done()) {
    if (state_->needs_end())
      return fail(ErrorCode::protocol, "parse an answer", "the answer does not say how long it is");
    return std::nullopt;
  }
  auto message = state_->take();
  return HttpResponse{.status = message.result_int(),
                      .body = std::move(message.body()),
                      .allowed = std::string(message[http::field::allow]),
                      .connection = connection_of(message)};
}

std::string encode_request(const HttpRequest& request, std::string_view host) {
  http::request<http::string_body> message(verb_of(request.method), request.target, 11);
  message.set(http::field::host, boost::beast::string_view(host.data(), host.size()));
  message.set(http::field::accept, "application/json");
  if (!request.body.empty()) message.set(http::field::content_type, "application/json");
  message.keep_alive(request.connection == Connection::keep_alive);
  message.body() = request.body;
  message.prepare_payload();
  return serialise(message);
}

std::string encode_response(const HttpResponse& response) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), 11);
  message.set(http::field::content_type, "application/json");
  message.set(http::field::cache_control, "no-store");
  if (!response.allowed.empty()) message.set(http::field::allow, response.allowed);
  message.keep_alive(response.connection == Connection::keep_alive);
  message.body() = response.body;
  message.prepare_payload();
  return serialise(message);
}

}  // namespace afterimage::control
