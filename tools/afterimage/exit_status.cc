// SPDX-License-Identifier: Apache-2.0
#include "tools/afterimage/exit_status.h"

namespace afterimage::cli {

ExitStatus exit_status_of(const Error& error) noexcept {
  switch (error.code) {
    case ErrorCode::invalid_argument: return ExitStatus::usage;
    case ErrorCode::not_found: return error.system == 0 ? ExitStatus::not_found : ExitStatus::failed;
    case ErrorCode::permission_denied: return error.system == 0 ? ExitStatus::authentication : ExitStatus::failed;
    case ErrorCode::authentication: return ExitStatus::authentication;
    case ErrorCode::busy: return ExitStatus::busy;
    case ErrorCode::already_exists:
    case ErrorCode::refused:
    case ErrorCode::conflict:
    case ErrorCode::changed: return ExitStatus::refused;
    case ErrorCode::unreachable:
    case ErrorCode::timed_out: return ExitStatus::unreachable;
    case ErrorCode::cancelled: return ExitStatus::cancelled;
    case ErrorCode::resync_required: return ExitStatus::resync_required;
    case ErrorCode::internal:
    case ErrorCode::io_failed:
    case ErrorCode::no_space:
    case ErrorCode::limit_exceeded:
    case ErrorCode::damaged:
    case ErrorCode::end_of_data:
    case ErrorCode::unsupported:
    case ErrorCode::protocol: return ExitStatus::failed;
  }
  return ExitStatus::failed;
}

}  // namespace afterimage::cli
