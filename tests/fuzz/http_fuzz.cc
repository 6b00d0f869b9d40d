// SPDX-License-Identifier: Apache-2.0
// Any bytes as HTTP, from a client and from a daemon, in pieces whose sizes the bytes choose themselves. What is read
// as a request is written and read again.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "io/base/check.h"
#include "io/base/limits.h"
#include "transport/control/http_codec.h"
#include "transport/control/target.h"

namespace {

using namespace afterimage;
using namespace afterimage::control;

// A message of ours is read as it was.
void write_again(const HttpRequest& request) {
  if (request.method == Method::other || request.body.size() > limits::http_body_bytes_max) return;
  RequestDecoder decoder;
  decoder.feed(view_of(encode_request(request, "localhost")));
  const auto again = decoder.next();
  if (!again) return;  // a target that only a lenient parser takes
  AFI_CHECK(again->has_value());
  AFI_CHECK((*again)->body == request.body && (*again)->method == request.method);
}

template <typename Decoder, typename Take>
void feed_all(ByteView bytes, std::size_t step, Take take) {
  Decoder decoder;
  while (true) {
    auto next = decoder.next();
    if (!next) return;
    if (next->has_value()) {
      take(**next);
      continue;
    }
    if (bytes.empty()) return;
    const std::size_t count = std::min(step, bytes.size());
    decoder.feed(bytes.first(count));
    bytes = bytes.subspan(count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0] % 97;
  const ByteView bytes = std::as_bytes(std::span(data, size)).subspan(1);
  feed_all<RequestDecoder>(bytes, step, [](const HttpRequest& request) {
    AFI_CHECK(request.body.size() <= limits::http_body_bytes_max);
    const auto target = parse_target(request.target);
    if (target) {
      for (const std::string& segment : target->segments) AFI_CHECK(!segment.empty());
    }
    write_again(request);
  });
  feed_all<ResponseDecoder>(bytes, step, [](const HttpResponse& response) {
    AFI_CHECK(response.body.size() <= limits::http_answer_bytes_max);
  });
  return 0;
}
