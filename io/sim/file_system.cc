// SPDX-License-Identifier: Apache-2.0
#include "io/sim/file_system.h"

#include <limits>
#include <utility>

namespace afterimage::io::sim {
namespace {

template <typename Action>
void for_each_file(const DirectoryNode& directory, const Action& action) {
  for (const auto& [name, entry] : directory.names()) {
    if (entry.file) action(*entry.file);
    if (entry.directory) for_each_file(*entry.directory, action);
  }
}

void sync_below(DirectoryNode& directory) {
  directory.sync(std::numeric_limits<std::uint64_t>::max());
  for (const auto& [name, entry] : directory.names()) {
    if (entry.file) entry.file->sync(std::numeric_limits<std::uint64_t>::max());
    if (entry.directory) sync_below(*entry.directory);
  }
}

}  // namespace

FileSystem::FileSystem(std::uint64_t device, ByteCount capacity, CloneSupport clones, const Clock& clock)
    : device_(device), capacity_(capacity), clones_(clones), clock_(clock), root_(std::make_shared<DirectoryNode>(1)) {}

WallTime FileSystem::stamp() {
  const WallTime now = clock_.now();
  const bool jumped_back = now + std::chrono::seconds(1) < last_stamp_;
  last_stamp_ = now > last_stamp_ || jumped_back ? now : last_stamp_ + Duration(1);
  return last_stamp_;
}

Result<std::vector<std::string>> FileSystem::components(std::string_view path) {
  if (!path.starts_with('/')) {
    return fail(ErrorCode::invalid_argument, "read a path", "not an absolute path: " + std::string(path));
  }
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t start = path.find_first_not_of('/');
    if (start == std::string_view::npos) break;
    path.remove_prefix(start);
    const std::size_t end = std::min(path.find('/'), path.size());
    parts.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
    if (parts.back() == "." || parts.back() == "..") {
      return fail(ErrorCode::invalid_argument, "read a path", "the simulated disk has no '.' and '..'");
    }
  }
  return parts;
}

Result<Entry> FileSystem::find(std::string_view path) const {
  AFI_TRY(const std::vector<std::string> parts, components(path));
  Entry entry{.file = nullptr, .directory = root_};
  for (const std::string& part : parts) {
    Entry next = entry.directory ? entry.directory->find(part) : Entry{};
    entry = std::move(next);
    if (entry.is_none()) return std::unexpected(system_error(ENOENT, "open", std::string(path) + ": no such file"));
  }
  return entry;
}

ByteCount FileSystem::free() const {
  const ByteCount taken = used();
  return taken < capacity_ ? capacity_ - taken : ByteCount{};
}

void FileSystem::power_cut(Rng& rng) {
  const CrashMood mood = CrashMood::choose(rng, last_change_);
  root_->power_cut(mood, rng);
}

void FileSystem::kill(Rng& rng) {
  if (rng.one_in(2)) evict();
}

void FileSystem::evict() {
  for_each_file(*root_, [](FileNode& file) { file.evict(); });
}

void FileSystem::sync_all() { sync_below(*root_); }

}  // namespace afterimage::io::sim
