// SPDX-License-Identifier: Apache-2.0
// Any text as a configuration: refused with a sentence, or a configuration that is printed and read the same.
#include "tools/config/config.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace afterimage::tools;
  constexpr std::string_view path = "/etc/afterimage/afterimaged.toml";
  const auto config = parse_config(std::string_view(reinterpret_cast<const char*>(data), size), path);
  if (!config) {
    AFI_CHECK(!config.error().detail.empty());
    return 0;
  }
  const auto again = parse_config(print_config(*config), path);
  AFI_CHECK(again.has_value());
  AFI_CHECK(*again == *config);
  return 0;
}
