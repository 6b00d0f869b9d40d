// SPDX-License-Identifier: Apache-2.0
#include "io/posix/address.h"

#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace afterimage::io::posix {
namespace {

template <typename T>
T as(const Address& address) {
  T value{};
  std::memcpy(&value, &address.storage, sizeof value);
  return value;
}

template <typename T>
Address from(const T& value, std::size_t size) {
  Address address;
  static_assert(sizeof value <= sizeof address.storage);
  std::memcpy(&address.storage, &value, sizeof value);
  address.size = static_cast<socklen_t>(size);
  return address;
}

std::string with_port(const char* host, std::uint16_t port, std::string_view before, std::string_view after) {
  return std::string(before).append(host).append(after).append(":").append(std::to_string(port));
}

}  // namespace

std::uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(as<sockaddr_in>(*this).sin_port);
  if (family() == AF_INET6) return ntohs(as<sockaddr_in6>(*this).sin6_port);
  return 0;
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (family() == AF_INET) {
    const auto four = as<sockaddr_in>(*this);
    return with_port(::inet_ntop(AF_INET, &four.sin_addr, buffer.data(), buffer.size()), port(), "", "");
  }
  if (family() != AF_INET6) return "unix";
  const auto six = as<sockaddr_in6>(*this);
  if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
    const char* four = reinterpret_cast<const char*>(&six.sin6_addr) + 12;
    return with_port(::inet_ntop(AF_INET, four, buffer.data(), buffer.size()), port(), "", "");
  }
  return with_port(::inet_ntop(AF_INET6, &six.sin6_addr, buffer.data(), buffer.size()), port(), "[", "]");
}

Result<Address> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "address a unix socket",
                "the path of a socket has 1 to " + std::to_string(sizeof address.sun_path - 1) +
                    " bytes, this one does not: " + path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return from(address, sizeof address);
}

Address any_address(int family, std::uint16_t port) {
  if (family == AF_INET) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    return from(four, sizeof four);
  }
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  six.sin6_addr = in6addr_any;
  return from(six, sizeof six);
}

Address local_address(int fd) {
  Address address;
  address.size = sizeof address.storage;
  if (::getsockname(fd, address.get(), &address.size) != 0) address.size = 0;
  return address;
}

Address peer_address(int fd) {
  Address address;
  address.size = sizeof address.storage;
  if (::getpeername(fd, address.get(), &address.size) != 0) address.size = 0;
  return address;
}

}  // namespace afterimage::io::posix
