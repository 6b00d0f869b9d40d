// SPDX-License-Identifier: Apache-2.0
#include "io/base/identity.h"

#include <string>

#include <gtest/gtest.h>

namespace afterimage {
namespace {

TEST(Name, OrdinaryNamesAreAccepted) {
  for (const char* name : {"web1", "db-primary_2.example", "Büro", "a b", "....", "x"}) {
    EXPECT_TRUE(check_name("machine", name)) << name;
  }
  EXPECT_TRUE(check_name("machine", std::string(64, 'a')));
}

TEST(Name, NamesThatCouldHurtAreRefused) {
  const std::string bad[] = {
      "",   ".",   "..",       "a/b",          "a\\b", "../x",      std::string("a\0b", 3), "a\nb", "\x7f", " a",
      "a ", "-rf", "\xc0\xaf", "\xed\xa0\x80", "\xff", "a\xc2\x85", std::string(65, 'a')};
  for (const std::string& name : bad) {
    const Status status = check_name("machine", name);
    ASSERT_FALSE(status) << to_hex(view_of(name));
    EXPECT_EQ(status.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(status.error().detail.find("machine"), std::string::npos);
  }
}

TEST(RandomId, TextIsReadBack) {
  MachineId id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<std::byte>(i * 17);
  const auto back = MachineId::parse(id.text());
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, id);
  EXPECT_FALSE(MachineId::parse("00"));
  EXPECT_FALSE(MachineId::parse(std::string(32, 'g')));
}

}  // namespace
}  // namespace afterimage
