// SPDX-License-Identifier: Apache-2.0
#include "tools/config/path.h"

#include <algorithm>

namespace afterimage::tools {

std::string absolute_path(std::string_view path, std::string_view folder) {
  if (path.empty()) return {};
  const std::string whole = path.starts_with('/') ? std::string(path) : std::string(folder) + "/" + std::string(path);
  std::string out;
  std::string_view rest = whole;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    if (!part.empty() && part != ".") {
      out += '/';
      out += part;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out.empty() ? "/" : out;
}

}  // namespace afterimage::tools
