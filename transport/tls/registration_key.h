// SPDX-License-Identifier: Apache-2.0
// The registration key: one printable line by which a primary finds a replica, knows it for the right one, and may join
// it once. Shape: "afi1-" + base64url without padding of
//
//   u8 address count (1..8) | each: u16 port, u8 length, text | host id (16) | authority fingerprint (32) | secret (32)
//   | u64 expiry (seconds since 1970) | checksum: the first 6 bytes of SHA-256 over "afi1-" and all before
//
// Integers are little-endian. The checksum notices slips of copying; it protects nothing: the secret and the
// fingerprint do. Another version has another prefix. The replica keeps the SHA-256 of the secret only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/time.h"

namespace afterimage::tls {

inline constexpr std::size_t key_addresses_max = 8;
inline constexpr std::size_t key_text_bytes_max = 4096;

// Where the replica's control port is reached: a DNS name, an IPv4 or an IPv6 address (without brackets).
struct KeyAddress {
  std::string host;  // 1 to 253 of letters, digits, '.', '-', '_', ':'
  std::uint16_t port = 0;
  bool operator==(const KeyAddress&) const = default;
};

// 256 random bits. Whoever has them may join: shown once, never logged.
struct JoinSecret {
  std::array<std::byte, 32> bytes{};

  [[nodiscard]] static Result<JoinSecret> generate();
  [[nodiscard]] static Result<JoinSecret> parse(std::string_view hex);  // 64 digits
  [[nodiscard]] std::string text() const { return to_hex(bytes); }
  [[nodiscard]] Digest digest() const;  // SHA-256: what the replica stores
  // In constant time: does this secret have that digest?
  [[nodiscard]] bool has_digest(const Digest& stored) const;
};

struct RegistrationKey {
  std::vector<KeyAddress> addresses;
  HostId host;
  Digest authority;  // SHA-256 of the SubjectPublicKeyInfo of the replica's root
  JoinSecret secret;
  WallTime expires;  // whole seconds
};

// invalid_argument if an address or the number of addresses is out of bounds.
[[nodiscard]] Result<std::string> encode_registration_key(const RegistrationKey& key);
// Spaces and line ends around the key are ignored. invalid_argument, with what to do, for anything that is no whole
// key; unsupported for a key of a later version. Says nothing about expiry: the replica's clock decides (and join
// warns).
[[nodiscard]] Result<RegistrationKey> parse_registration_key(std::string_view text);

}  // namespace afterimage::tls
