// SPDX-License-Identifier: Apache-2.0
#include "io/base/printable.h"

#include <gtest/gtest.h>

namespace afterimage {
namespace {

TEST(Printable, AnotherHostsNameCannotForgeALineOrColourATerminal) {
  EXPECT_EQ(printable("web\n<3>all is well\x1b[31m\x7f"), "web\\x0a<3>all is well\\x1b[31m\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");
}

TEST(Printable, NamesOfAllLanguagesStayAsTheyAre) { EXPECT_EQ(printable("Zürich 東京 😀"), "Zürich 東京 😀"); }

TEST(Printable, WhatIsNoUtf8IsShownAsBytes) {
  EXPECT_EQ(printable("a\xff\xc3"), "a\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // an overlong slash
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
}

TEST(Printable, EachControlIsReplacedAndNothingElse) {
  EXPECT_EQ(without_controls("a\nb\x1b[31m\xc2\x9b"
                             "31m\x7f\xff",
                             '?'),
            "a?b?[31m?31m??");
  EXPECT_EQ(without_controls("Zürich 東京 😀", '?'), "Zürich 東京 😀");
  EXPECT_TRUE(has_controls("\xc2\x85"));
  EXPECT_FALSE(has_controls("Zürich"));
}

}  // namespace
}  // namespace afterimage
