// SPDX-License-Identifier: Apache-2.0
#include "io/base/error.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace afterimage {
namespace {

constexpr std::array<std::string_view, 21> code_names = {
    "internal",          "invalid_argument", "not_found",   "already_exists", "busy",        "refused",
    "permission_denied", "authentication",   "unreachable", "timed_out",      "cancelled",   "io_failed",
    "no_space",          "limit_exceeded",   "damaged",     "end_of_data",    "unsupported", "protocol",
    "resync_required",   "conflict",         "changed"};
static_assert(code_names.size() == static_cast<std::size_t>(ErrorCode::changed) + 1);

ErrorCode code_from_errno(int system) noexcept {
  switch (system) {
    case ENOENT:
    case ENOTDIR: return ErrorCode::not_found;
    case EEXIST: return ErrorCode::already_exists;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::permission_denied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ErrorCode::no_space;
    case EAGAIN:
    case EBUSY:
    case EADDRINUSE: return ErrorCode::busy;
    case ETIMEDOUT: return ErrorCode::timed_out;
    case ECANCELED: return ErrorCode::cancelled;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL: return ErrorCode::unreachable;
    case EINVAL:
    case EISDIR:
    case ENAMETOOLONG: return ErrorCode::invalid_argument;
    case ENOTEMPTY:
    case ELOOP: return ErrorCode::refused;
    case EOPNOTSUPP:
    case ENOSYS:
    case ENOTTY: return ErrorCode::unsupported;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return ErrorCode::limit_exceeded;
    default: return ErrorCode::io_failed;
  }
}

}  // namespace

std::string_view name_of(ErrorCode code) noexcept { return code_names[static_cast<std::size_t>(code)]; }

ErrorCode code_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < code_names.size(); ++i) {
    if (code_names[i] == name) return static_cast<ErrorCode>(i);
  }
  return ErrorCode::internal;
}

std::string Error::text() const {
  std::string line = detail.empty() ? std::string(what) : detail;
  if (line.empty()) line = std::string(name_of(code));
  if (system != 0 && detail.empty()) {
    std::array<char, 128> buffer{};
    line += ": ";
    line += ::strerror_r(system, buffer.data(), buffer.size());
  }
  return line;
}

Error system_error(int system, const char* what, std::string detail) {
  return Error{.code = code_from_errno(system), .system = system, .what = what, .detail = std::move(detail)};
}

}  // namespace afterimage
