// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 without a network: bytes to messages and back. Boost.Beast parses and serialises behind this header; nothing
// of it shows. Header, body and whatever waits to be parsed are bounded (limits.h), chunked bodies included.
//
// Use of a decoder: feed() what came from the stream, at most http_step_bytes at a time, then next() until it has no
// message. Bytes after a message belong to the next one. After a fault the stream is of no more use: answer and close.
// Externally serialised.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "io/base/bytes.h"
#include "io/base/result.h"
#include "transport/control/http_message.h"

namespace afterimage::control {

inline constexpr std::size_t http_step_bytes = 16 * 1024;

// Bytes that are no acceptable message, and the status that says so to a client.
struct HttpFault {
  unsigned status = 400;
  Error error;
};

// How far a decoder is in its message.
enum class HttpStage { idle, header, body };

class RequestDecoder {
 public:
  RequestDecoder();
  RequestDecoder(RequestDecoder&&) noexcept;
  RequestDecoder& operator=(RequestDecoder&&) noexcept;
  ~RequestDecoder();

  void feed(ByteView bytes);
  // The next whole request; nothing while it is not all there. 431: header too long, 413: body too long, 400: no HTTP,
  // 505: not HTTP/1.
  [[nodiscard]] std::expected<std::optional<HttpRequest>, HttpFault> next();
  [[nodiscard]] HttpStage stage() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class ResponseDecoder {
 public:
  ResponseDecoder();
  ResponseDecoder(ResponseDecoder&&) noexcept;
  ResponseDecoder& operator=(ResponseDecoder&&) noexcept;
  ~ResponseDecoder();

  void feed(ByteView bytes);
  // The next whole response; nothing while it is not all there. protocol: no HTTP, or a body without a length;
  // limit_exceeded: larger than http_answer_bytes_max.
  [[nodiscard]] Result<std::optional<HttpResponse>> next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::string encode_request(const HttpRequest& request, std::string_view host);
[[nodiscard]] std::string encode_response(const HttpResponse& response);

}  // namespace afterimage::control
