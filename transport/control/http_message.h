// SPDX-License-Identifier: Apache-2.0
// One HTTP/1.1 message as the control API uses it: a method, a target and a small body; a status and a small body. What
// a header says beyond that is the codec's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace afterimage::control {

// `other` is a method that HTTP may know and no route has.
enum class Method : std::uint8_t { get, post, remove, other };

// "GET", "POST", "DELETE", "?".
[[nodiscard]] std::string_view name_of(Method method) noexcept;

enum class Connection : std::uint8_t { keep_alive, close };

struct HttpRequest {
  Method method = Method::get;
  std::string target;  // as it stood in the request line: "/v1/jobs/7?wait=2"
  std::string body;    // JSON or empty
  Connection connection = Connection::keep_alive;
};

struct HttpResponse {
  unsigned status = 200;
  std::string body;     // JSON or empty
  std::string allowed;  // methods for the Allow header of a 405: "GET, POST"; empty: none
  Connection connection = Connection::keep_alive;
};

}  // namespace afterimage::control
