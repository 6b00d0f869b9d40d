// SPDX-License-Identifier: Apache-2.0
// Address: a socket address of the kernel, and how it is shown. Externally serialised.
#pragma once

#include <string>
#include <string_view>

#include <sys/socket.h>

#include "io/base/result.h"

namespace afterimage::io::posix {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
  [[nodiscard]] std::uint16_t port() const;  // 0 for a unix socket
  // "10.0.0.1:41000" (also for an IPv4 peer of a dual-stack socket), "[::1]:8084", "unix".
  [[nodiscard]] std::string text() const;
};

// The address of a unix socket at `path`; invalid_argument if it is longer than the kernel takes (107 bytes).
[[nodiscard]] Result<Address> unix_address(const std::string& path);
// Every IPv6 address, or every IPv4 address, of this host.
[[nodiscard]] Address any_address(int family, std::uint16_t port);
// Of this end, of the other end; size 0 if there is none.
[[nodiscard]] Address local_address(int fd);
[[nodiscard]] Address peer_address(int fd);

}  // namespace afterimage::io::posix
