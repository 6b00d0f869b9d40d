// SPDX-License-Identifier: Apache-2.0
// Any text as a registration key: refused, or a key that is spelt in exactly one way.
#include "transport/tls/registration_key.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace afterimage::tls;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto key = parse_registration_key(text);
  if (!key) return 0;
  const auto again = encode_registration_key(*key);
  AFI_CHECK(again.has_value());
  AFI_CHECK(text.find(*again) != std::string_view::npos);
  return 0;
}
