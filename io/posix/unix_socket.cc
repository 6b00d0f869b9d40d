// SPDX-License-Identifier: Apache-2.0
#include "io/posix/unix_socket.h"

#include <cerrno>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "io/posix/address.h"
#include "io/posix/file_calls.h"

namespace afterimage::io::posix {
namespace {

constexpr int backlog = 128;
constexpr int turns_waited_max = 100;                         // for the folder's lock,
constexpr timespec turn{.tv_sec = 0, .tv_nsec = 10'000'000};  // one second in all

UniqueFd new_socket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

std::unexpected<Error> fail_busy(const std::string& path) {
  return fail(ErrorCode::busy, "listen on a unix socket", "another program listens on " + path + "; stop it first");
}

// Held until the descriptor is closed. A file system without such locks goes without.
Result<UniqueFd> lock_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return fail_file(errno, "open the folder", folder);
  for (int turns = 0; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++turns) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;
    if (turns == turns_waited_max) {
      return fail(ErrorCode::busy, "lock a folder", "another program holds a lock on the folder " + folder);
    }
    ::nanosleep(&turn, nullptr);
  }
  return fd;
}

// True if nobody listens on the socket at `address` any more.
Result<bool> is_stale(const Address& address, const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return true;
    return fail_file(errno, "look at", path);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(ErrorCode::already_exists, "listen on a unix socket", path + " is there and is no socket; remove it");
  }
  const UniqueFd probe = new_socket();
  if (!probe.is_open()) return fail_file(errno, "probe", path);
  if (::connect(probe.get(), address.get(), address.size) == 0) return false;
  if (errno == ECONNREFUSED || errno == ENOENT) return true;
  if (errno == EAGAIN || errno == EINPROGRESS) return false;  // its queue is full: it lives
  return fail_file(errno, "probe", path);
}

}  // namespace

Result<BoundSocket> listen_at_path(const std::string& path) {
  AFI_TRY(const Address address, unix_address(path));
  AFI_TRY(const UniqueFd lock, lock_folder_of(path));
  UniqueFd fd = new_socket();
  if (!fd.is_open()) return fail_file(errno, "make a socket for", path);
  // The file inherits the mode of the socket: there is no moment at which others could connect.
  if (::fchmod(fd.get(), 0600) != 0) return fail_file(errno, "set the mode of", path);
  if (::bind(fd.get(), address.get(), address.size) != 0) {
    if (errno != EADDRINUSE) return fail_file(errno, "listen on", path);
    AFI_TRY(const bool stale, is_stale(address, path));
    if (!stale) return fail_busy(path);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_file(errno, "remove the stale socket", path);
    if (::bind(fd.get(), address.get(), address.size) != 0) {
      if (errno == EADDRINUSE) return fail_busy(path);
      return fail_file(errno, "listen on", path);
    }
  }
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return fail_file(errno, "look at", path);
  if (::listen(fd.get(), backlog) != 0) return fail_file(errno, "listen on", path);
  return BoundSocket{.fd = std::move(fd), .file = {.device = status.st_dev, .inode = status.st_ino}};
}

}  // namespace afterimage::io::posix
