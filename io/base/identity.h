// SPDX-License-Identifier: Apache-2.0
// Ids and names. A RandomId is what a folder, a wire message and a record are keyed by; a name is a label an operator
// chose. Names never become paths.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/base/bytes.h"
#include "io/base/result.h"

namespace afterimage {

// 128 random bits. All zero means none.
template <typename Tag>
struct RandomId {
  std::array<std::byte, 16> bytes{};

  auto operator<=>(const RandomId&) const = default;
  [[nodiscard]] bool is_none() const { return *this == RandomId{}; }
  [[nodiscard]] std::string text() const { return to_hex(bytes); }  // 32 lower-case hexadecimal digits
  [[nodiscard]] static Result<RandomId> parse(std::string_view text) {
    AFI_TRY(const Bytes raw, from_hex(text));
    if (raw.size() != 16) return fail(ErrorCode::invalid_argument, "an id has 32 hexadecimal digits");
    RandomId id;
    std::memcpy(id.bytes.data(), raw.data(), raw.size());
    return id;
  }
};

using HostId = RandomId<struct HostIdTag>;
using MachineId = RandomId<struct MachineIdTag>;
using DiskId = RandomId<struct DiskIdTag>;
using StoreId = RandomId<struct StoreIdTag>;
using LineageId = RandomId<struct LineageIdTag>;

// SHA-256. All zero means none (the parent of a first point).
struct Digest {
  std::array<std::byte, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  [[nodiscard]] bool is_none() const { return *this == Digest{}; }
  [[nodiscard]] std::string text() const { return to_hex(bytes); }
};

// A name of a machine, disk, host, store or policy: 1 to 64 bytes of UTF-8 without control characters, '/', '\', and
// neither "." nor "..", and no space at its ends. The error's detail says which rule was broken by which `kind` of
// name.
[[nodiscard]] Status check_name(std::string_view kind, std::string_view name);

}  // namespace afterimage
