// SPDX-License-Identifier: Apache-2.0
#include "engine/catalogue/table.h"

#include <algorithm>
#include <bit>

#include "engine/format/digest.h"
#include "io/base/check.h"

namespace afterimage::catalogue {

std::uint64_t check_of_row(std::string_view table, std::span<const Value> row) {
  Bytes canonical;
  ByteWriter writer(canonical);
  writer.write(std::uint64_t{table.size()});
  writer.write_bytes(view_of(table));
  for (const Value& value : row) {
    writer.write(static_cast<std::uint8_t>(value.index()));
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      writer.write(std::bit_cast<std::uint64_t>(*number));
    } else {
      const auto* text = std::get_if<std::string>(&value);
      const ByteView bytes = text != nullptr ? view_of(*text) : ByteView(std::get<Bytes>(value));
      writer.write(std::uint64_t{bytes.size()});
      writer.write_bytes(bytes);
    }
  }
  return format::check_of(canonical);
}

Value value_of(const Digest& digest) { return Bytes(digest.bytes.begin(), digest.bytes.end()); }
Value value_of(std::uint64_t number) { return std::bit_cast<std::int64_t>(number); }

Status read_value(const Value& value, MutableBytes out) {
  const auto* bytes = std::get_if<Bytes>(&value);
  if (bytes == nullptr || bytes->size() != out.size())
    return fail(ErrorCode::damaged, "a value of the catalogue has a wrong length");
  std::ranges::copy(*bytes, out.begin());
  return {};
}

std::uint64_t number_of(const Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  AFI_CHECK(number != nullptr);  // the database checks types against the shape when it reads
  return std::bit_cast<std::uint64_t>(*number);
}

const std::string& text_of_value(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  AFI_CHECK(text != nullptr);
  return *text;
}

}  // namespace afterimage::catalogue
