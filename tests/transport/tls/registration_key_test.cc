// SPDX-License-Identifier: Apache-2.0
#include "transport/tls/registration_key.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/transport/tls/expect.h"
#include "tests/transport/tls/forge.h"

namespace afterimage::tls {
namespace {

RegistrationKey some_key() {
  RegistrationKey key;
  key.addresses = {{.host = "replica.example", .port = 8083}, {.host = "fd00::7", .port = 18083}};
  key.host = forge::id_of(7);
  key.authority.bytes.fill(std::byte{0xa5});
  key.secret.bytes.fill(std::byte{0x5a});
  key.expires = WallTime{1'800'000'000'000'000'000};
  return key;
}

void expect_same(const RegistrationKey& a, const RegistrationKey& b) {
  EXPECT_EQ(a.addresses, b.addresses);
  EXPECT_EQ(a.host, b.host);
  EXPECT_EQ(a.authority, b.authority);
  EXPECT_EQ(a.secret.bytes, b.secret.bytes);
  EXPECT_EQ(a.expires, b.expires);
}

TEST(RegistrationKey, IsOneLineThatReadsBack) {
  const auto text = encode_registration_key(some_key());
  ASSERT_GOOD(text);
  EXPECT_TRUE(text->starts_with("afi1-"));
  EXPECT_EQ(text->find_first_of(" \n\t=+/"), std::string::npos);
  const auto parsed = parse_registration_key(*text);
  ASSERT_GOOD(parsed);
  expect_same(*parsed, some_key());
}

TEST(RegistrationKey, BlanksAroundItAreIgnored) {
  const auto text = encode_registration_key(some_key());
  ASSERT_GOOD(text);
  const auto parsed = parse_registration_key("  \t" + *text + "\r\n");
  ASSERT_GOOD(parsed);
  expect_same(*parsed, some_key());
}

TEST(RegistrationKey, EveryTruncationIsRefused) {
  const std::string text = *encode_registration_key(some_key());
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_REFUSED(parse_registration_key(text.substr(0, size)), ErrorCode::invalid_argument, "afterimage enrol key");
  }
}

TEST(RegistrationKey, EveryChangedCharacterIsRefused) {
  const std::string text = *encode_registration_key(some_key());
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char other : {'A', 'z', '-', '?', '\0', '\xff'}) {
      if (text[at] == other) continue;
      std::string changed = text;
      changed[at] = other;
      EXPECT_FALSE(parse_registration_key(changed).has_value()) << "at " << at;
    }
  }
}

TEST(RegistrationKey, AKeyOfALaterVersionSaysSo) {
  EXPECT_REFUSED(parse_registration_key("afi2-AAAA"), ErrorCode::unsupported, "later version");
}

TEST(RegistrationKey, BadOnesAreRefused) {
  const std::string good = *encode_registration_key(some_key());
  for (const std::string& bad :
       {std::string(), std::string("afi1-"), std::string("afi1"), std::string("AFI1-") + good.substr(5), good + good,
        good + "A", good + "==", "x" + good, good.substr(0, 20) + " " + good.substr(20), std::string(5000, 'A'),
        "afi1-" + std::string(4000, 'A'), std::string("hello")}) {
    EXPECT_REFUSED(parse_registration_key(bad), ErrorCode::invalid_argument, "registration key");
  }
}

TEST(RegistrationKey, AddressesAreBounded) {
  RegistrationKey key = some_key();
  key.addresses.clear();
  EXPECT_REFUSED(encode_registration_key(key), ErrorCode::invalid_argument, "1 to 8 addresses");
  key.addresses.assign(9, {.host = "a", .port = 1});
  EXPECT_REFUSED(encode_registration_key(key), ErrorCode::invalid_argument, "1 to 8 addresses");
  for (const KeyAddress& bad : {KeyAddress{"", 1}, KeyAddress{"a", 0}, KeyAddress{"a b", 1}, KeyAddress{"a/b", 1},
                                KeyAddress{"-a", 1}, KeyAddress{std::string(254, 'a'), 1}}) {
    key.addresses = {bad};
    EXPECT_REFUSED(encode_registration_key(key), ErrorCode::invalid_argument, "registration key");
  }
}

TEST(JoinSecret, MatchesItsDigestOnly) {
  const auto one = JoinSecret::generate();
  const auto other = JoinSecret::generate();
  ASSERT_GOOD(one);
  ASSERT_GOOD(other);
  EXPECT_TRUE(one->has_digest(one->digest()));
  EXPECT_FALSE(one->has_digest(other->digest()));
  EXPECT_FALSE(one->has_digest(Digest{}));
}

TEST(JoinSecret, ReadsBackFromItsText) {
  const auto secret = JoinSecret::generate();
  ASSERT_GOOD(secret);
  const auto parsed = JoinSecret::parse(secret->text());
  ASSERT_GOOD(parsed);
  EXPECT_EQ(parsed->bytes, secret->bytes);
  EXPECT_REFUSED(JoinSecret::parse(secret->text().substr(2)), ErrorCode::invalid_argument, "64");
  EXPECT_FALSE(JoinSecret::parse(std::string(64, 'g')).has_value());
}

RC_GTEST_PROP(RegistrationKeyLaw, WhatIsEncodedReadsBack, ()) {
  RegistrationKey key = some_key();
  key.addresses.clear();
  const auto count = *rc::gen::inRange<std::size_t>(1, key_addresses_max + 1);
  for (std::size_t i = 0; i < count; ++i) {
    const auto size = *rc::gen::inRange<std::size_t>(1, 254);
    const auto host = *rc::gen::container<std::string>(size, rc::gen::elementOf(std::string("abcXYZ0123456789._:")));
    key.addresses.push_back({.host = host, .port = *rc::gen::inRange<std::uint16_t>(1, 65535)});
  }
  key.expires = WallTime{*rc::gen::inRange<std::int64_t>(0, 9'000'000'000) * 1'000'000'000};
  for (auto& byte : key.secret.bytes) byte = static_cast<std::byte>(*rc::gen::inRange<int>(0, 256));
  const auto text = encode_registration_key(key);
  RC_ASSERT(text.has_value());
  const auto parsed = parse_registration_key(*text);
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed->addresses == key.addresses);
  RC_ASSERT(parsed->secret.bytes == key.secret.bytes);
  RC_ASSERT(parsed->expires == key.expires);
}

}  // namespace
}  // namespace afterimage::tls
