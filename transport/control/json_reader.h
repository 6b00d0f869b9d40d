// SPDX-License-Identifier: Apache-2.0
// ObjectReader: takes the members of a JSON object one by one, checked, into a struct. The first thing that is wrong is
// kept and answered by finish(); a member that was not there leaves what it should have set as it was.
//
//   ObjectReader in(value, {.what = "the request", .code = ErrorCode::invalid_argument});
//   in.required("disk", command.disk);
//   in.optional("point", command.point);
//   AFI_TRY_STATUS(in.finish(UnknownMembers::refuse));
//
// Texts have at most json_text_bytes_max bytes and no control characters, so that none becomes a path cut short or a
// forged line of a log: a request is refused for them, an answer is shown without them. Externally serialised; the
// value outlives the reader.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "io/base/identity.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "io/base/units.h"

namespace afterimage::control {

inline constexpr std::size_t json_text_bytes_max = 4096;

// A request with a member that we do not know is refused (a misspelled option must not be ignored); an answer may come
// from a newer daemon.
enum class UnknownMembers : std::uint8_t { refuse, ignore };

// The names of an enum in JSON.
template <typename E>
struct EnumName {
  E value;
  std::string_view name;
};

template <typename E, std::size_t count>
[[nodiscard]] std::string name_in(const EnumName<E> (&names)[count], E value) {
  for (const EnumName<E>& entry : names) {
    if (entry.value == value) return std::string(entry.name);
  }
  return "unknown";
}

class ObjectReader {
 public:
  struct Source {
    const char* what = "the request";              // begins the sentence of an error
    ErrorCode code = ErrorCode::invalid_argument;  // protocol: an answer
  };
  ObjectReader(const nlohmann::ordered_json& value, Source source);

  // Is the member there, and not null?
  [[nodiscard]] bool has(std::string_view name);
  void require(std::string_view name);  // an error if it is not

  void optional(std::string_view name, std::string& out);
  void optional(std::string_view name, std::optional<std::string>& out);
  void optional(std::string_view name, bool& out);
  void optional(std::string_view name, std::uint64_t& out);
  void optional(std::string_view name, int& out);           // not negative
  void optional(std::string_view name, std::int64_t& out);  // of either sign
  void optional(std::string_view name, ByteCount& out);
  void optional(std::string_view name, std::optional<ByteCount>& out);
  void optional(std::string_view name, Sequence& out);
  void optional(std::string_view name, Duration& out);  // seconds, with a fraction
  void optional(std::string_view name, std::optional<Duration>& out);
  void optional(std::string_view name, WallTime& out);  // RFC 3339
  void optional(std::string_view name, std::optional<WallTime>& out);
  void optional(std::string_view name, Digest& out);  // 64 hexadecimal digits
  template <typename Tag>
  void optional(std::string_view name, RandomId<Tag>& out) {
    std::string text;
    optional(name, text);
    if (!has(name)) return;
    if (auto id = RandomId<Tag>::parse(text)) {
      out = *id;
    } else {
      refuse(name, "has to be an id of 32 hexadecimal digits");
    }
  }
  template <typename E, std::size_t count>
  void optional(std::string_view name, const EnumName<E> (&names)[count], E& out) {
    std::string text;
    optional(name, text);
    if (!has(name)) return;
    std::string known;
    for (const EnumName<E>& entry : names) {
      if (entry.name == text) {
        out = entry.value;
        return;
      }
      known += known.empty() ? "" : ", ";
      known += entry.name;
    }
    refuse(name, "has to be one of: " + known);
  }
  // Like optional(...), for a member that must be there.
  template <typename... Out>
  void required(std::string_view name, Out&... out) {
    require(name);
    optional(name, out...);
  }

  // Of the member, if it is there and a list; nullptr otherwise. It outlives the reader.
  [[nodiscard]] const nlohmann::ordered_json* list(std::string_view name, std::size_t items_max);
  // Of the member, if it is there and an object; nullptr otherwise.
  [[nodiscard]] const nlohmann::ordered_json* object(std::string_view name);
  // A text that may have several lines (PEM), of at most `bytes_max`.
  void long_text(std::string_view name, std::size_t bytes_max, std::string& out);

  void refuse(std::string_view name, std::string_view rule);
  // Keeps the error of a part that was read by another function.
  void take(const Status& part);
  template <typename Out, typename T>
  void take_into(Out& out, Result<T> part) {
    if (!part) return take(std::unexpected(std::move(part).error()));
    out = std::move(*part);
  }
  [[nodiscard]] Status finish(UnknownMembers unknown);

 private:
  [[nodiscard]] const nlohmann::ordered_json* find(std::string_view name);

  const nlohmann::ordered_json& value_;
  Source source_;
  std::set<std::string, std::less<>> asked_;
  std::optional<Error> fault_;
};

// Seconds for a number in JSON, to the microsecond.
[[nodiscard]] double seconds_of(Duration duration);
// A number of seconds from JSON or a query; nothing if it is negative, not finite or more than a hundred years.
[[nodiscard]] std::optional<Duration> duration_of(double seconds);

}  // namespace afterimage::control
