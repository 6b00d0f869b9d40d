// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error, and the macros that hand an error on.
//
//   AFI_TRY(const Header header, decode(bytes));      in functions: returns the error
//   AFI_TRY_STATUS(check(header));                    the same for a Status
//   AFI_CO_TRY(const ByteCount size, file.size());    in coroutines: awaits a task BY NAME, co_returns the error
//   AFI_CO_TRY_STATUS(file.sync(scope));
//   AFI_CO_RESULT(const Header header, decode(bytes)) in coroutines, for a plain function
//
// The awaiting macros name the task first: g++ 12 destroys temporaries of a co_await operand twice.
#pragma once

#include <expected>
#include <utility>

#include "io/base/error.h"

namespace afterimage {

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, const char* what, std::string detail = {}) {
  return std::unexpected<Error>(Error{.code = code, .system = 0, .what = what, .detail = std::move(detail)});
}

}  // namespace afterimage

#define AFI_CONCAT_INNER(a, b) a##b
#define AFI_CONCAT(a, b) AFI_CONCAT_INNER(a, b)

#define AFI_TRY_AS(result, declaration, ...)                      \
  auto result = (__VA_ARGS__);                                    \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = std::move(*result)
#define AFI_TRY(declaration, ...) AFI_TRY_AS(AFI_CONCAT(afi_result_, __COUNTER__), declaration, __VA_ARGS__)
#define AFI_TRY_STATUS(...)                                                                                  \
  do {                                                                                                       \
    if (auto afi_status = (__VA_ARGS__); !afi_status) return std::unexpected(std::move(afi_status).error()); \
  } while (false)

#define AFI_CO_RESULT_AS(result, declaration, ...)                   \
  auto result = (__VA_ARGS__);                                       \
  if (!result) co_return std::unexpected(std::move(result).error()); \
  declaration = std::move(*result)
#define AFI_CO_RESULT(declaration, ...) AFI_CO_RESULT_AS(AFI_CONCAT(afi_result_, __COUNTER__), declaration, __VA_ARGS__)
#define AFI_CO_STATUS(...)                                                                                      \
  do {                                                                                                          \
    if (auto afi_status = (__VA_ARGS__); !afi_status) co_return std::unexpected(std::move(afi_status).error()); \
  } while (false)

#define AFI_CO_TRY_AS(task, result, declaration, ...)                \
  auto task = (__VA_ARGS__);                                         \
  auto result = co_await task;                                       \
  if (!result) co_return std::unexpected(std::move(result).error()); \
  declaration = std::move(*result)
#define AFI_CO_TRY(declaration, ...) \
  AFI_CO_TRY_AS(AFI_CONCAT(afi_task_, __COUNTER__), AFI_CONCAT(afi_result_, __COUNTER__), declaration, __VA_ARGS__)
#define AFI_CO_TRY_STATUS(...)                                                 \
  do {                                                                         \
    auto afi_task = (__VA_ARGS__);                                             \
    auto afi_status = co_await afi_task;                                       \
    if (!afi_status) co_return std::unexpected(std::move(afi_status).error()); \
  } while (false)
