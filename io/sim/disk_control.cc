// SPDX-License-Identifier: Apache-2.0
#include "io/sim/disk_control.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "io/sim/fault_plan.h"
#include "io/sim/file_system.h"

namespace afterimage::io::sim {
namespace {

constexpr std::uint64_t all_changes = std::numeric_limits<std::uint64_t>::max();

Result<std::shared_ptr<FileNode>> find_file(const FileSystem& file_system, const std::string& path) {
  AFI_TRY(const Entry entry, file_system.find(path));
  if (!entry.file) return std::unexpected(system_error(EISDIR, "open", path + " is a folder"));
  return entry.file;
}

// The folder of `path` and its last name, made on the way.
Result<std::pair<std::shared_ptr<DirectoryNode>, std::string>> place_of(FileSystem& file_system,
                                                                        const std::string& path,
                                                                        Persistence persistence) {
  AFI_TRY(std::vector<std::string> parts, FileSystem::components(path));
  if (parts.empty()) return fail(ErrorCode::invalid_argument, "find a place", "the root has no folder");
  std::string name = std::move(parts.back());
  parts.pop_back();
  std::shared_ptr<DirectoryNode> folder = file_system.root();
  for (std::string& part : parts) {
    Entry entry = folder->find(part);
    if (entry.file) return std::unexpected(system_error(ENOTDIR, "open", path + " leads through a file"));
    if (entry.is_none()) {
      entry.directory = file_system.make_directory();
      folder->set(file_system.next_change(), part, entry);
    }
    if (persistence == Persistence::synced) folder->sync(all_changes);
    folder = entry.directory;
  }
  return std::pair{folder, std::move(name)};
}

Result<std::shared_ptr<FileNode>> open_or_create(FileSystem& file_system, const std::string& path,
                                                 Persistence persistence) {
  AFI_TRY(auto place, place_of(file_system, path, persistence));
  auto& [folder, name] = place;
  Entry entry = folder->find(name);
  if (entry.directory) return std::unexpected(system_error(EISDIR, "open", path + " is a folder"));
  if (entry.is_none()) {
    entry.file = file_system.make_file();
    folder->set(file_system.next_change(), name, entry);
  }
  if (persistence == Persistence::synced) folder->sync(all_changes);
  return entry.file;
}

void add_files_below(const std::string& path, const DirectoryNode& folder, std::vector<FoundFile>& found) {
  for (const auto& [name, inner] : folder.names()) {
    const std::string inner_path = path + "/" + name;
    if (inner.directory) add_files_below(inner_path, *inner.directory, found);
    if (inner.file) found.push_back({.path = inner_path, .size = ByteCount(inner.file->size())});
  }
}

void mark_removed(const Entry& entry) {
  if (!entry.directory) return;
  for (const auto& [name, inner] : entry.directory->names()) mark_removed(inner);
  entry.directory->set_removed();
}

}  // namespace

void DiskControl::add_fault(FaultRule rule) { faults_.add(std::move(rule)); }

void DiskControl::fail_next(OperationKind kind, int error, std::uint64_t count) {
  faults_.add({.match = {.kind = kind}, .count = count, .error = error});
}

void DiskControl::fail_operation_number(std::uint64_t n, int error, std::uint64_t count) {
  faults_.fail_numbers(n, count, error);
}

void DiskControl::set_rates(FaultRates rates) { faults_.set_rates(rates); }
void DiskControl::clear_faults() { faults_.clear(); }
std::uint64_t DiskControl::faults_injected() const { return faults_.injected(); }
void DiskControl::set_capacity(ByteCount capacity) { file_system_.set_capacity(capacity); }
ByteCount DiskControl::used() const { return file_system_.used(); }

Status DiskControl::rot(const std::string& path, ByteOffset offset, std::byte mask) {
  AFI_TRY(const auto file, find_file(file_system_, path));
  if (offset.value() >= file->size()) return fail(ErrorCode::invalid_argument, "rot past the end of a file", path);
  file->rot(offset.value(), mask);
  return {};
}

Status DiskControl::make_unreadable(const std::string& path, FileRange range) {
  AFI_TRY(const auto file, find_file(file_system_, path));
  file->make_unreadable(range.offset.value(), range.size.value());
  return {};
}

bool DiskControl::heal(const std::string& path) {
  const auto file = find_file(file_system_, path);
  return file && (*file)->heal();
}

const std::vector<Misdeed>& DiskControl::misdeeds() const { return faults_.misdeeds(); }

void DiskControl::evict_cache() { file_system_.evict(); }

bool DiskControl::exists(const std::string& path) const { return file_system_.find(path).has_value(); }

Result<ByteCount> DiskControl::size(const std::string& path) const {
  AFI_TRY(const auto file, find_file(file_system_, path));
  return ByteCount(file->size());
}

Result<Bytes> DiskControl::read(const std::string& path) const {
  AFI_TRY(const auto file, find_file(file_system_, path));
  Bytes out(static_cast<std::size_t>(file->size()));
  out.resize(file->read(0, out));
  return out;
}

Result<Bytes> DiskControl::read(const std::string& path, FileRange range) const {
  AFI_TRY(const auto file, find_file(file_system_, path));
  const std::uint64_t offset = std::min(range.offset.value(), file->size());
  Bytes out(static_cast<std::size_t>(std::min(range.size.value(), file->size() - offset)));
  out.resize(file->read(offset, out));
  return out;
}

Result<Snapshot> DiskControl::snapshot(const std::string& path) const {
  AFI_TRY(const auto file, find_file(file_system_, path));
  return file->snapshot();
}

Result<Bytes> DiskControl::read_durable(const std::string& path) const {
  AFI_TRY(const std::vector<std::string> parts, FileSystem::components(path));
  Entry entry{.file = nullptr, .directory = file_system_.root()};
  for (const std::string& part : parts) {
    if (!entry.directory) return std::unexpected(system_error(ENOTDIR, "open", path));
    const auto found = entry.directory->durable_names().find(part);
    if (found == entry.directory->durable_names().end()) return std::unexpected(system_error(ENOENT, "open", path));
    const Entry next = found->second;
    entry = next;
  }
  if (!entry.file) return std::unexpected(system_error(EISDIR, "open", path));
  return entry.file->durable_content();
}

Status DiskControl::write(const std::string& path, ByteOffset offset, ByteView data, Persistence persistence) {
  AFI_TRY(const auto file, open_or_create(file_system_, path, persistence));
  file->write(file_system_.next_change(), file_system_.stamp(), offset.value(), data);
  if (persistence == Persistence::synced) file->sync(all_changes);
  return {};
}

Status DiskControl::resize(const std::string& path, ByteCount size, Persistence persistence) {
  AFI_TRY(const auto file, open_or_create(file_system_, path, persistence));
  file->resize(file_system_.next_change(), file_system_.stamp(), size.value());
  if (persistence == Persistence::synced) file->sync(all_changes);
  return {};
}

Status DiskControl::make_directory(const std::string& path) {
  AFI_TRY(const auto place, place_of(file_system_, path + "/x", Persistence::synced));
  return {};
}

Status DiskControl::remove(const std::string& path) {
  AFI_TRY(const Entry entry, file_system_.find(path));
  AFI_TRY(auto place, place_of(file_system_, path, Persistence::synced));
  mark_removed(entry);
  place.first->set(file_system_.next_change(), place.second, Entry{});
  place.first->sync(all_changes);
  return {};
}

Result<std::vector<std::string>> DiskControl::list(const std::string& path) const {
  AFI_TRY(const Entry entry, file_system_.find(path));
  if (!entry.directory) return std::unexpected(system_error(ENOTDIR, "list", path + " is no folder"));
  std::vector<std::string> names;
  for (const auto& [name, inner] : entry.directory->names()) names.push_back(name);
  return names;
}

Status DiskControl::move(const std::string& from, const std::string& to) {
  AFI_TRY(const Entry entry, file_system_.find(from));
  if (exists(to)) return std::unexpected(system_error(EEXIST, "rename", to + " is there"));
  AFI_TRY(auto source, place_of(file_system_, from, Persistence::synced));
  AFI_TRY(auto target, place_of(file_system_, to, Persistence::synced));
  source.first->set(file_system_.next_change(), source.second, Entry{});
  target.first->set(file_system_.next_change(), target.second, entry);
  source.first->sync(all_changes);
  target.first->sync(all_changes);
  return {};
}

std::vector<FoundFile> DiskControl::files_below(const std::string& path) const {
  std::vector<FoundFile> found;
  const auto entry = file_system_.find(path);
  if (entry && entry->directory) add_files_below(path, *entry->directory, found);
  return found;
}

void DiskControl::sync_all() { file_system_.sync_all(); }

}  // namespace afterimage::io::sim
