// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimaged/refusal_log.h"

#include "tools/afterimaged/places.h"

namespace afterimage::daemon {

Error too_many_newcomers(const std::string& address) {
  return {.code = ErrorCode::busy,
          .system = 0,
          .what = "take a connection",
          .detail = address + ": too many connections are not authenticated yet, and newer ones go first"};
}

void RefusalLog::refused(const std::string& address, std::string_view door, const Error& why) {
  note(address,
       std::string(door) + ": a connection is refused (" + std::string(name_of(why.code)) + "): " + why.text());
}

void RefusalLog::note(const std::string& address, std::string_view text) {
  const std::string source = source_of(address);
  if (limiter_.admit(source, reactor_.now())) {
    is_leaving_out_ = false;
    return log_.warning(text);
  }
  if (!is_leaving_out_) log_.warning("more connections are refused than are logged here; the last one from " + source);
  is_leaving_out_ = true;
}

}  // namespace afterimage::daemon
