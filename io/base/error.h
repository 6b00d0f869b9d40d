// SPDX-License-Identifier: Apache-2.0
// Error: what went wrong, as a value. A code that callers branch on, the errno of the system where there was one,
// a fixed phrase of the place that failed, and, where an operator will read it, a sentence made on the failure path.
// The code decides the exit status and the HTTP status (tools and control own those tables); the text decides nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace afterimage {

enum class ErrorCode : std::uint8_t {
  internal,           // a library said what it never should; a bug
  invalid_argument,   // a value from the operator or a caller that can never be right
  not_found,          // no such file, machine, point, host, job
  already_exists,     // a target that is there already
  busy,               // somebody else holds it (lock, running job, other session)
  refused,            // right request, wrong state, or unsafe: the text names the state and the way out
  permission_denied,  // authenticated, but not allowed
  authentication,     // certificate, key or identity not accepted
  unreachable,        // the peer or the daemon cannot be reached, or the connection broke
  timed_out,          // a deadline passed
  cancelled,          // the scope was cancelled
  io_failed,          // EIO and kin; for fsync it is final for that handle
  no_space,           // ENOSPC, EDQUOT, quota
  limit_exceeded,     // a bound of limits.h, from outside
  damaged,            // bytes that do not verify
  end_of_data,        // nothing more: a clean end
  unsupported,        // version, feature or platform
  protocol,           // the peer broke the protocol
  resync_required,    // no common base; a compare is needed
  conflict,           // another lineage, parent or owner
  changed,            // the image changed under the reader
};

// The stable name of a code, as JSON and logs show it: "not_found".
[[nodiscard]] std::string_view name_of(ErrorCode code) noexcept;

// The code whose name this is; ErrorCode::internal for an unknown name (a newer peer).
[[nodiscard]] ErrorCode code_of(std::string_view name) noexcept;

struct Error {
  ErrorCode code = ErrorCode::internal;
  int system = 0;           // errno, or 0
  const char* what = "";    // a literal: what was being done, "open", "decode frame header"
  std::string detail = {};  // the sentence an operator reads; empty where the caller will write it

  // One line for people: detail if there is one, else what, and the system's reason.
  [[nodiscard]] std::string text() const;
};

// An Error whose code follows from an errno.
[[nodiscard]] Error system_error(int system, const char* what, std::string detail = {});

}  // namespace afterimage
