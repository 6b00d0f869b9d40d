// SPDX-License-Identifier: Apache-2.0
// The exit status of every command: a contract with scripts.
#pragma once

#include "io/base/error.h"

namespace afterimage::cli {

enum class ExitStatus : int {
  done = 0,
  failed = 1,  // also: `image compare` found a difference, a verification found damage
  usage = 2,
  warnings = 3,         // done, with warnings
  not_found = 10,       // no such machine, host, point or job
  busy = 11,            // or locked
  authentication = 12,  // or certificate, or permission
  unreachable = 13,     // the daemon or the peer
  resync_required = 14,
  refused = 15,  // in this state, or for safety: the message names the way out
  cancelled = 130,
};

// A missing or forbidden file (the error carries an errno) is `failed`: 10 and 12 are about machines and hosts.
[[nodiscard]] ExitStatus exit_status_of(const Error& error) noexcept;

}  // namespace afterimage::cli
