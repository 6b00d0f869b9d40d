// SPDX-License-Identifier: Apache-2.0
// RefusalLog: connections that were refused, in the log, but not so many that whoever knocks fills a disk with lines.
// Thread: the reactor's.
#pragma once

#include <string>
#include <string_view>

#include "io/base/error.h"
#include "io/reactor.h"
#include "tools/afterimaged/attempt_limiter.h"
#include "tools/afterimaged/log.h"

namespace afterimage::daemon {

// Why a connection had to give way to newer ones before it had proven who it is.
[[nodiscard]] Error too_many_newcomers(const std::string& address);

class RefusalLog {
 public:
  RefusalLog(io::Reactor& reactor, Log& log, AttemptLimits limits = {})
      : reactor_(reactor), log_(log), limiter_(limits) {}
  // A connection, at `door` ("replication", "control"): the kind of refusal and its reason.
  void refused(const std::string& address, std::string_view door, const Error& why);
  // `address` is the peer's, with its port. When lines are left out, one line says so.
  void note(const std::string& address, std::string_view text);

 private:
  io::Reactor& reactor_;
  Log& log_;
  AttemptLimiter limiter_;
  bool is_leaving_out_ = false;
};

}  // namespace afterimage::daemon
