// SPDX-License-Identifier: Apache-2.0
#include "io/uring/refusal.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "io/posix/unique_fd.h"

namespace afterimage::io::uring {

std::optional<int> setting_of_kernel() {
  const posix::UniqueFd file(::open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC));
  char digit = 0;
  if (!file.is_open() || ::read(file.get(), &digit, 1) != 1 || digit < '0' || digit > '9') return std::nullopt;
  return digit - '0';
}

std::string reason_of_refusal(int system, std::optional<int> setting) {
  if (system == ENOSYS) return "this kernel has no io_uring, or a filter of system calls (seccomp) hides it";
  if (system == EINVAL) return "the io_uring of this kernel is too old; Linux 6.1 has all that is needed";
  if (system == EPERM || system == EACCES) {
    if (setting == 2) return "it is switched off on this host (sysctl kernel.io_uring_disabled = 2)";
    if (setting == 1) {
      return "only the group kernel.io_uring_group may use it on this host (sysctl kernel.io_uring_disabled = 1)";
    }
    return "a filter of system calls (seccomp, as containers have one) or a security policy forbids it";
  }
  std::array<char, 128> buffer{};
  return ::strerror_r(system, buffer.data(), buffer.size());
}

std::unexpected<Error> refuse(int system, const std::string& reason) {
  return fail(Error{.code = ErrorCode::unsupported,
                    .system = system,
                    .what = "set up io_uring",
                    .detail = "io_uring cannot be used: " + reason});
}

}  // namespace afterimage::io::uring
