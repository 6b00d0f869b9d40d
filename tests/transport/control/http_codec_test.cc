// SPDX-License-Identifier: Apache-2.0
// Bytes to messages: in pieces, several at once, too long, and no HTTP at all.
#include "transport/control/http_codec.h"

#include <string>

#include <gtest/gtest.h>

#include "io/base/limits.h"

namespace afterimage::control {
namespace {

constexpr const char* post = "POST /v1/import HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{  }";

std::optional<HttpRequest> only(RequestDecoder& decoder) {
  auto next = decoder.next();
  EXPECT_TRUE(next) << next.error().error.text();
  return next ? std::move(*next) : std::nullopt;
}

TEST(HttpCodec, ARequestIsReadByteByByte) {
  RequestDecoder decoder;
  EXPECT_EQ(decoder.stage(), HttpStage::idle);
  const std::string text = post;
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(only(decoder)) << i;
    decoder.feed(view_of(text).subspan(i, 1));
  }
  const auto request = only(decoder);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, Method::post);
  EXPECT_EQ(request->target, "/v1/import");
  EXPECT_EQ(request->body, "{  }");
  EXPECT_EQ(decoder.stage(), HttpStage::idle);
}

TEST(HttpCodec, TheStageTellsHowFarAMessageIs) {
  RequestDecoder decoder;
  decoder.feed(view_of("POST /v1/import HT"));
  EXPECT_FALSE(only(decoder));
  EXPECT_EQ(decoder.stage(), HttpStage::header);
  decoder.feed(view_of("TP/1.1\r\nContent-Length: 4\r\n\r\n{ "));
  EXPECT_FALSE(only(decoder));
  EXPECT_EQ(decoder.stage(), HttpStage::body);
}

TEST(HttpCodec, RequestsThatCameTogetherAreReadOneAfterTheOther) {
  RequestDecoder decoder;
  decoder.feed(view_of(std::string(post) + "GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n" + post));
  EXPECT_EQ(only(decoder)->method, Method::post);
  const auto second = only(decoder);
  EXPECT_EQ(second->target, "/v1/status");
  EXPECT_EQ(second->connection, Connection::close);
  EXPECT_EQ(only(decoder)->body, "{  }");
  EXPECT_FALSE(only(decoder));
}

TEST(HttpCodec, AChunkedBodyIsPutTogether) {
  RequestDecoder decoder;
  decoder.feed(
      view_of("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n"));
  EXPECT_EQ(only(decoder)->body, "{\"a\":1}");
}

unsigned status_of(const std::string& text) {
  RequestDecoder decoder;
  std::string_view rest = text;
  while (true) {
    auto next = decoder.next();
    if (!next) return next.error().status;
    if (*next) return 200;
    if (rest.empty()) return 0;
    const std::size_t step = std::min(rest.size(), http_step_bytes);
    decoder.feed(view_of(rest.substr(0, step)));
    rest.remove_prefix(step);
  }
}

TEST(HttpCodec, WhatIsTooLongIsRefused) {
  const std::string long_header =
      "GET /x HTTP/1.1\r\nA: " + std::string(limits::http_header_bytes_max, 'a') + "\r\n\r\n";
  EXPECT_EQ(status_of(long_header), 431U);
  EXPECT_EQ(status_of("GET /" + std::string(2 * limits::http_header_bytes_max, 'a')), 431U);
  EXPECT_EQ(status_of("POST /x HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n"), 413U);
  EXPECT_EQ(status_of("POST /x HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n"), 413U);
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'a') + "\r\n";
  std::string chunked = "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 17; ++i) chunked += chunk;
  EXPECT_EQ(status_of(chunked), 413U);
  EXPECT_EQ(status_of("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"), 413U);
}

TEST(HttpCodec, AChunkExtensionOrTrailerWithoutEndIsRefused) {
  const std::string begin = "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(status_of(begin + "1;" + std::string(100'000, 'x')), 431U);
  EXPECT_EQ(status_of(begin + "1\r\na\r\n0\r\nA: " + std::string(100'000, 'x')), 431U);
}

TEST(HttpCodec, WhatIsNoHttpIsRefused) {
  for (const char* text : {
           "\x16\x03\x01\x02\x01",                                                // a TLS client on the plain socket
           "GET\r\n\r\n",                                                         //
           "GET /x\r\n\r\n",                                                      // HTTP/0.9
           "GET /x HTTP/1.1\r\nA b\r\n\r\n",                                      //
           "GET /x HTTP/1.1\r\n: b\r\n\r\n",                                      //
           "POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",                      //
           "POST /x HTTP/1.1\r\nContent-Length: 4x\r\n\r\n",                      //
           "POST /x HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",  // which one is it?
           "POST /x HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
           "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",  //
       }) {
    EXPECT_EQ(status_of(text), 400U) << text;
  }
  EXPECT_EQ(status_of("GET /x HTTP/2.0\r\n\r\n"), 505U);
  EXPECT_EQ(status_of("GET /x HTTP/1.1\n\n"), 505U);
}

TEST(HttpCodec, UnknownMethodsAreReadAndNotTaken) {
  RequestDecoder decoder;
  decoder.feed(view_of("BREW /x HTTP/1.1\r\n\r\nPUT /x HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(only(decoder)->method, Method::other);
  EXPECT_EQ(only(decoder)->method, Method::other);
}

TEST(HttpCodec, AResponseComesBackTheSame) {
  const HttpResponse response{.status = 405, .body = "{}", .allowed = "GET, POST", .connection = Connection::close};
  ResponseDecoder decoder;
  decoder.feed(view_of(encode_response(response)));
  const auto back = decoder.next();
  ASSERT_TRUE(back && *back);
  EXPECT_EQ((*back)->status, 405U);
  EXPECT_EQ((*back)->body, "{}");
  EXPECT_EQ((*back)->allowed, "GET, POST");
  EXPECT_EQ((*back)->connection, Connection::close);
}

TEST(HttpCodec, ARequestComesBackTheSame) {
  const HttpRequest request{.method = Method::remove, .target = "/v1/jobs/7", .body = "{\"dry_run\":true}"};
  RequestDecoder decoder;
  decoder.feed(view_of(encode_request(request, "localhost")));
  const auto back = only(decoder);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->method, Method::remove);
  EXPECT_EQ(back->target, request.target);
  EXPECT_EQ(back->body, request.body);
  EXPECT_EQ(back->connection, Connection::keep_alive);
}

TEST(HttpCodec, AnAnswerWithoutALengthOrOfAnotherProtocolIsRefused) {
  for (const char* text : {"HTTP/1.1 200 OK\r\n\r\nabc", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 banana\r\n\r\n"}) {
    ResponseDecoder decoder;
    decoder.feed(view_of(text));
    const auto next = decoder.next();
    ASSERT_FALSE(next) << text;
    EXPECT_EQ(next.error().code, ErrorCode::protocol);
  }
}

}  // namespace
}  // namespace afterimage::control
