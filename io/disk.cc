// SPDX-License-Identifier: Apache-2.0
#include "io/disk.h"

#include <algorithm>

namespace afterimage::io {

bool DataMap::add(FileRange found) {
  if (found.offset >= end) return false;
  found.size = std::min(found.end(), end) - found.offset;
  data.push_back(found);
  if (data.size() == pieces_max) end = found.end();
  return found.end() < end;
}

Result<SplitPath> split_path(std::string_view path) {
  const std::string_view whole = path;
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (path.empty() || path.front() != '/' || path == "/" || path.ends_with("/.") || path.ends_with("/..")) {
    return fail(ErrorCode::invalid_argument, "split a path", "not an absolute path of a file: " + std::string(whole));
  }
  return SplitPath{.directory = std::string(slash == 0 ? path.substr(0, 1) : path.substr(0, slash)),
                   .name = std::string(path.substr(slash + 1))};
}

}  // namespace afterimage::io
