// SPDX-License-Identifier: Apache-2.0
#include "io/posix/connection.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace afterimage::io::posix {
namespace {

// A peer that is gone is noticed after 10 + 4 x 5 seconds of silence, or when sent bytes stay unacknowledged for 30.
constexpr int keepalive_idle_s = 10;
constexpr int keepalive_interval_s = 5;
constexpr int keepalive_probes = 4;
constexpr int unacknowledged_ms_max = 30'000;

std::string reason_of(int system) {
  std::array<char, 128> buffer{};
  return ::strerror_r(system, buffer.data(), buffer.size());
}

Status set_option(int fd, int level, int option, int value) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) {
    return fail(system_error(errno, "set an option of a connection"));
  }
  return {};
}

Status set_tcp_options(int fd) {
  AFI_TRY_STATUS(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1));
  AFI_TRY_STATUS(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
  AFI_TRY_STATUS(set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_s));
  AFI_TRY_STATUS(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_s));
  AFI_TRY_STATUS(set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes));
  return set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_ms_max);
}

std::optional<PeerCredentials> credentials_of(int fd) {
  ucred raw{};
  socklen_t size = sizeof raw;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &raw, &size) != 0) return std::nullopt;
  return PeerCredentials{.user = raw.uid, .group = raw.gid, .process = raw.pid};
}

}  // namespace

Result<UniqueFd> make_socket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return fail(system_error(errno, "make a socket"));
  return fd;
}

int state_of_connection(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  if (error != 0) return error;
  const Address peer = peer_address(fd);
  if (peer.size == 0) return EINPROGRESS;
  // A port of the ephemeral range that nobody listens on can meet itself.
  const Address local = local_address(fd);
  const bool is_itself = local.size == peer.size && std::memcmp(&local.storage, &peer.storage, peer.size) == 0;
  return is_itself ? ECONNREFUSED : 0;
}

Result<std::optional<PeerCredentials>> prepare_connection(int fd) {
  if (local_address(fd).family() == AF_UNIX) return credentials_of(fd);
  AFI_TRY_STATUS(set_tcp_options(fd));
  return std::nullopt;
}

std::string name_of_accepted(const Address& address, int fd) {
  if (address.family() != AF_UNIX) return address.text();
  const auto peer = credentials_of(fd);
  return peer ? "unix:process " + std::to_string(peer->process) : "unix";
}

AcceptFailure judge_accept(int system) {
  switch (system) {
    case EAGAIN: return AcceptFailure::would_block;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return AcceptFailure::exhausted;
    // accept(2): errors of a connection that was waiting, which is gone now.
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ENONET:
    case ETIMEDOUT: return AcceptFailure::that_connection_only;
    default: return AcceptFailure::final;
  }
}

std::unexpected<Error> fail_connect(int system, const std::string& to) {
  const ErrorCode code = system == EACCES || system == EPERM ? ErrorCode::permission_denied : ErrorCode::unreachable;
  return fail(Error{.code = code,
                    .system = system,
                    .what = "connect",
                    .detail = "cannot connect to " + to + ": " + reason_of(system)});
}

std::unexpected<Error> fail_broken(int system, const char* what, const std::string& peer) {
  return fail(Error{.code = ErrorCode::unreachable,
                    .system = system,
                    .what = what,
                    .detail = "the connection to " + peer + " broke: " + reason_of(system)});
}

std::unexpected<Error> fail_closed(const std::string& peer) {
  return fail(ErrorCode::unreachable, "use a closed connection", "the connection to " + peer + " was closed");
}

void remove_socket_file(const std::string& path, const SocketFile& file) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) == 0 && status.st_dev == file.device && status.st_ino == file.inode) {
    ::unlink(path.c_str());
  }
}

}  // namespace afterimage::io::posix
