// SPDX-License-Identifier: Apache-2.0
// What a test says of a refusal: its code, and words that its reason must have.
#pragma once

#include <string_view>

#include <gtest/gtest.h>

#include "io/base/error.h"

#define EXPECT_REFUSED(result, wanted_code, words)                                                    \
  do {                                                                                                \
    const auto& refused_result = (result);                                                            \
    ASSERT_FALSE(refused_result.has_value());                                                         \
    EXPECT_EQ(::afterimage::name_of(refused_result.error().code), ::afterimage::name_of(wanted_code)) \
        << refused_result.error().text();                                                             \
    EXPECT_NE(refused_result.error().text().find(words), std::string::npos)                           \
        << "the reason is: " << refused_result.error().text();                                        \
  } while (false)

#define ASSERT_GOOD(result) ASSERT_TRUE((result).has_value()) << (result).error().text()
