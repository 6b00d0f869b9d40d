// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/registration_key.h"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "transport/tls/openssl.h"

namespace afterimage::tls {
namespace {

constexpr std::string_view prefix = "afi1-";
constexpr std::size_t checksum_bytes = 6;
constexpr std::size_t address_bytes_max = 253;
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::int64_t second = 1'000'000'000;

std::unexpected<Error> refuse(const char* why) {
  return fail(ErrorCode::invalid_argument, "read a registration key",
              std::string("this is no whole registration key (") + why +
                  "); copy the line that 'afterimage enrol key' printed, from afi1- to its end");
}

std::string to_base64url(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t held = 0;
  int held_bits = 0;
  for (const std::byte byte : bytes) {
    held = (held << 8) | std::to_integer<std::uint32_t>(byte);
    held_bits += 8;
    while (held_bits >= 6) {
      held_bits -= 6;
      text += alphabet[(held >> held_bits) & 63U];
    }
  }
  if (held_bits > 0) text += alphabet[(held << (6 - held_bits)) & 63U];
  return text;
}

// Strict: no padding, no other characters, unused bits zero, so that a key has one spelling.
Result<Bytes> from_base64url(std::string_view text) {
  Bytes bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t held = 0;
  int held_bits = 0;
  for (const char c : text) {
    const std::size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) return refuse("it has a character that no key has");
    held = (held << 6) | static_cast<std::uint32_t>(digit);
    held_bits += 6;
    if (held_bits < 8) continue;
    held_bits -= 8;
    bytes.push_back(static_cast<std::byte>((held >> held_bits) & 0xffU));
  }
  if (held_bits >= 6 || (held & ((1U << held_bits) - 1)) != 0) return refuse("it is cut short");
  return bytes;
}

Digest checksum_of(ByteView payload) {
  Bytes all;
  ByteWriter writer(all);
  writer.write_bytes(view_of(prefix));
  writer.write_bytes(payload);
  return sha256(all);
}

bool is_address(const KeyAddress& address) {
  const auto is_allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_' || c == ':';
  };
  return address.port != 0 && !address.host.empty() && address.host.size() <= address_bytes_max &&
         address.host.front() != '-' && std::ranges::all_of(address.host, is_allowed);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

Result<RegistrationKey> parse_payload(ByteView payload) {
  ByteReader reader(payload);
  RegistrationKey key;
  AFI_TRY(const auto count, reader.read<std::uint8_t>());
  if (count == 0 || count > key_addresses_max) return refuse("it has no address, or too many");
  for (std::size_t i = 0; i < count; ++i) {
    KeyAddress address;
    AFI_TRY(address.port, reader.read<std::uint16_t>());
    AFI_TRY(const auto size, reader.read<std::uint8_t>());
    AFI_TRY(const ByteView host, reader.read_bytes(size));
    address.host = text_of(host);
    if (!is_address(address)) return refuse("it has an address that is none");
    key.addresses.push_back(std::move(address));
  }
  AFI_TRY_STATUS(reader.read_into(key.host.bytes));
  AFI_TRY_STATUS(reader.read_into(key.authority.bytes));
  AFI_TRY_STATUS(reader.read_into(key.secret.bytes));
  AFI_TRY(const auto seconds, reader.read<std::uint64_t>());
  if (seconds > static_cast<std::uint64_t>(INT64_MAX / second)) return refuse("its expiry is no time");
  key.expires = WallTime{static_cast<std::int64_t>(seconds) * second};
  if (!reader.at_end()) return refuse("it is too long");
  if (key.host.is_none()) return refuse("it names no host");
  return key;
}

}  // namespace

Result<JoinSecret> JoinSecret::generate() {
  JoinSecret secret;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(secret.bytes.data()), static_cast<int>(secret.bytes.size())) != 1) {
    return fail_openssl("draw random bytes");
  }
  return secret;
}

Result<JoinSecret> JoinSecret::parse(std::string_view hex) {
  if (hex.size() != 64) return fail(ErrorCode::invalid_argument, "read a secret", "a secret has 64 hexadecimal digits");
  AFI_TRY(const Bytes raw, from_hex(hex));
  JoinSecret secret;
  std::ranges::copy(raw, secret.bytes.begin());
  return secret;
}

Digest JoinSecret::digest() const { return sha256(bytes); }

bool JoinSecret::has_digest(const Digest& stored) const {
  const Digest own = digest();
  return CRYPTO_memcmp(own.bytes.data(), stored.bytes.data(), own.bytes.size()) == 0;
}

Result<std::string> encode_registration_key(const RegistrationKey& key) {
  constexpr const char* what = "make a registration key";
  if (key.addresses.empty() || key.addresses.size() > key_addresses_max) {
    return fail(ErrorCode::invalid_argument, what, "a registration key has 1 to 8 addresses");
  }
  if (key.host.is_none() || key.expires.nanoseconds < 0) {
    return fail(ErrorCode::invalid_argument, what, "a registration key needs a host id and a time of expiry");
  }
  Bytes payload;
  ByteWriter writer(payload);
  writer.write(static_cast<std::uint8_t>(key.addresses.size()));
  for (const KeyAddress& address : key.addresses) {
    if (!is_address(address)) {
      return fail(ErrorCode::invalid_argument, what,
                  "'" + address.host + "' with this port cannot stand in a registration key");
    }
    writer.write(address.port);
    writer.write(static_cast<std::uint8_t>(address.host.size()));
    writer.write_bytes(view_of(address.host));
  }
  writer.write_bytes(key.host.bytes);
  writer.write_bytes(key.authority.bytes);
  writer.write_bytes(key.secret.bytes);
  writer.write(static_cast<std::uint64_t>(key.expires.nanoseconds / second));
  writer.write_bytes(ByteView(checksum_of(payload).bytes).first(checksum_bytes));
  return std::string(prefix) + to_base64url(payload);
}

Result<RegistrationKey> parse_registration_key(std::string_view text) {
  if (text.size() > key_text_bytes_max) return refuse("it is too long");
  text = trimmed(text);
  if (!text.starts_with(prefix)) {
    const bool is_later =
        text.size() > prefix.size() && text.starts_with("afi") && text[3] >= '2' && text[3] <= '9' && text[4] == '-';
    if (!is_later) return refuse("it does not begin with afi1-");
    return fail(ErrorCode::unsupported, "read a registration key",
                "this registration key is of a later version of Afterimage; update this host first");
  }
  AFI_TRY(const Bytes all, from_base64url(text.substr(prefix.size())));
  if (all.size() <= checksum_bytes) return refuse("it is cut short");
  const ByteView payload = ByteView(all).first(all.size() - checksum_bytes);
  const Digest checksum = checksum_of(payload);
  if (!std::ranges::equal(ByteView(checksum.bytes).first(checksum_bytes), ByteView(all).last(checksum_bytes))) {
    return refuse("its checksum is wrong: a character is missing or changed");
  }
  auto key = parse_payload(payload);
  if (!key && key.error().code == ErrorCode::damaged) return refuse("it is cut short");
  return key;
}

}  // namespace afterimage::tls
