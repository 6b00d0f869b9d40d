// SPDX-License-Identifier: Apache-2.0
#include "io/posix/folder_calls.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <limits>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "io/posix/file.h"

namespace afterimage::io::posix {
namespace {

constexpr mode_t file_mode = 0600;
constexpr mode_t folder_mode = 0700;
constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

Status check_component(const OpenFile& folder, const std::string& name) {
  if (!name.empty() && name.size() <= NAME_MAX && name != "." && name != ".." && name.find('/') == std::string::npos &&
      name.find('\0') == std::string::npos) {
    return {};
  }
  return fail(ErrorCode::invalid_argument, "check a file name", "not a name of a file in " + folder.path + ": " + name);
}

Status check_path(const std::string& path) {
  if (path.starts_with('/') && path.find('\0') == std::string::npos) return {};
  return fail(ErrorCode::invalid_argument, "check a path", "not an absolute path: " + path);
}

std::string path_in(const OpenFile& folder, const std::string& name) {
  return folder.path.ends_with('/') ? folder.path + name : folder.path + "/" + name;
}

// O_NONBLOCK: opening a pipe or a terminal by mistake must not hang; files and block devices ignore it. O_EXCL without
// O_CREAT: a block device that is mounted, or otherwise the kernel's own, is not written to (EBUSY); files ignore it.
int flags_of(OpenMode mode) {
  constexpr int always = O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  switch (mode) {
    case OpenMode::read: return always | O_RDONLY;
    case OpenMode::write: return always | O_RDWR | O_EXCL;
    case OpenMode::create: return always | O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::open_or_create: return always | O_RDWR | O_CREAT;
  }
  return always | O_RDONLY;
}

int open_retrying(const char* path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path, flags, file_mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// openat2, or openat where the kernel or a container's filter has none.
int open_beneath(const OpenFile& folder, const char* name, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.mode = (flags & O_CREAT) != 0 ? file_mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  int fd = -1;
  for (int attempt = 0; attempt < 16; ++attempt) {  // EAGAIN: somebody renames folders above at this moment
    fd = folder.calls.openat2(folder.fd.get(), name, &how);
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) break;
  }
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return fd;
  do {
    fd = ::openat(folder.fd.get(), name, flags | O_NOFOLLOW, file_mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// The folder that holds the last component of `path`, synced. Reading it may be forbidden: then it was not ours to
// change.
Status sync_parent(const SystemCalls& calls, const std::string& path) {
  AFI_TRY(const SplitPath split, split_path(path));
  auto parent = open_folder_by_path(calls, split.directory);
  if (!parent) {
    if (parent.error().code == ErrorCode::permission_denied) return {};
    return std::unexpected(std::move(parent).error());
  }
  return sync_folder(**parent);
}

Result<EntryKind> kind_of(DIR* stream, const dirent& entry) {
  if (entry.d_type == DT_REG) return EntryKind::file;
  if (entry.d_type == DT_DIR) return EntryKind::directory;
  if (entry.d_type != DT_UNKNOWN) return EntryKind::other;
  struct stat status{};
  if (::fstatat(::dirfd(stream), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_file(errno, "look at", entry.d_name);
  }
  if (S_ISREG(status.st_mode)) return EntryKind::file;
  return S_ISDIR(status.st_mode) ? EntryKind::directory : EntryKind::other;
}

struct CloseStream {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

}  // namespace

OpenResult open_file_by_path(const SystemCalls& calls, const std::string& path, OpenMode mode) {
  AFI_TRY_STATUS(check_path(path));
  UniqueFd fd(open_retrying(path.c_str(), flags_of(mode)));
  if (!fd.is_open()) return fail_file(errno, "open", path);
  return adopt_file(calls, std::move(fd), path);
}

OpenResult open_folder_by_path(const SystemCalls& calls, const std::string& path) {
  AFI_TRY_STATUS(check_path(path));
  UniqueFd fd(open_retrying(path.c_str(), folder_flags));
  if (!fd.is_open()) return fail_file(errno, "open the folder", path);
  return std::make_unique<OpenFile>(calls, std::move(fd), path);
}

OpenResult make_folder_by_path(const SystemCalls& calls, const std::string& path) {
  AFI_TRY_STATUS(check_path(path));
  // Up to the deepest folder that is there.
  std::vector<std::string> missing;
  std::string at = path;
  while (at != "/" && ::access(at.c_str(), F_OK) != 0) {
    if (errno != ENOENT) return fail_file(errno, "look at", at);
    missing.push_back(at);
    AFI_TRY(SplitPath split, split_path(at));
    at = std::move(split.directory);
  }
  // It may have been made by a process that died before it could sync its name.
  if (at != "/") AFI_TRY_STATUS(sync_parent(calls, at));
  for (auto folder = missing.rbegin(); folder != missing.rend(); ++folder) {
    if (::mkdir(folder->c_str(), folder_mode) != 0 && errno != EEXIST)
      return fail_file(errno, "make the folder", *folder);
    AFI_TRY_STATUS(sync_parent(calls, *folder));
  }
  return open_folder_by_path(calls, path);
}

OpenResult open_file_in(const OpenFile& folder, const std::string& name, OpenMode mode) {
  AFI_TRY_STATUS(check_component(folder, name));
  std::string path = path_in(folder, name);
  UniqueFd fd(open_beneath(folder, name.c_str(), flags_of(mode)));
  if (!fd.is_open()) return fail_file(errno, "open", path);
  return adopt_file(folder.calls, std::move(fd), std::move(path));
}

OpenResult open_folder_in(const OpenFile& folder, const std::string& name) {
  AFI_TRY_STATUS(check_component(folder, name));
  std::string path = path_in(folder, name);
  UniqueFd fd(open_beneath(folder, name.c_str(), folder_flags));
  if (!fd.is_open()) return fail_file(errno, "open the folder", path);
  return std::make_unique<OpenFile>(folder.calls, std::move(fd), std::move(path));
}

OpenResult make_folder_in(const OpenFile& folder, const std::string& name) {
  AFI_TRY_STATUS(check_component(folder, name));
  if (::mkdirat(folder.fd.get(), name.c_str(), folder_mode) != 0 && errno != EEXIST) {
    return fail_file(errno, "make the folder", path_in(folder, name));
  }
  return open_folder_in(folder, name);
}

OpenResult clone_file_in(const OpenFile& folder, const OpenFile& source, const std::string& name) {
  AFI_TRY(std::unique_ptr<OpenFile> target, open_file_in(folder, name, OpenMode::create));
  if (folder.calls.clone(target->fd.get(), source.fd.get()) == 0) return target;
  int system = errno;
  ::unlinkat(folder.fd.get(), name.c_str(), 0);  // it is ours and empty
  // Another file system, one without shared blocks, or one that cannot for these two files.
  if (system == EXDEV || system == EINVAL || system == ENOTTY || system == ENOSYS) system = EOPNOTSUPP;
  return fail_file(system, "clone", source.path);
}

Result<std::vector<DirectoryEntry>> list_folder(const OpenFile& folder) {
  // A description of its own: the position of a listing belongs to it.
  UniqueFd fd(::openat(folder.fd.get(), ".", folder_flags));
  if (!fd.is_open()) return fail_file(errno, "list", folder.path);
  const std::unique_ptr<DIR, CloseStream> stream(::fdopendir(fd.get()));
  if (!stream) return fail_file(errno, "list", folder.path);
  (void)fd.release();  // the stream's now
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): each call has its own stream
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    auto kind = kind_of(stream.get(), *entry);
    if (!kind && kind.error().code == ErrorCode::not_found) continue;  // removed since
    if (!kind) return std::unexpected(std::move(kind).error());
    entries.push_back(DirectoryEntry{.name = std::move(name), .kind = *kind});
  }
  if (errno != 0) return fail_file(errno, "list", folder.path);
  std::sort(entries.begin(), entries.end(),
            [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

Status remove_file_in(const OpenFile& folder, const std::string& name) {
  AFI_TRY_STATUS(check_component(folder, name));
  if (::unlinkat(folder.fd.get(), name.c_str(), 0) != 0) return fail_file(errno, "remove", path_in(folder, name));
  return {};
}

Status remove_folder_in(const OpenFile& folder, const std::string& name) {
  AFI_TRY_STATUS(check_component(folder, name));
  if (::unlinkat(folder.fd.get(), name.c_str(), AT_REMOVEDIR) != 0) {
    return fail_file(errno, "remove the folder", path_in(folder, name));
  }
  return {};
}

Status replace_in(const OpenFile& folder, const std::string& from, const std::string& to) {
  AFI_TRY_STATUS(check_component(folder, from));
  AFI_TRY_STATUS(check_component(folder, to));
  if (::renameat(folder.fd.get(), from.c_str(), folder.fd.get(), to.c_str()) != 0) {
    return fail_file(errno, "rename", path_in(folder, from));
  }
  return {};
}

Status rename_new_in(const OpenFile& folder, const std::string& from, const std::string& to) {
  AFI_TRY_STATUS(check_component(folder, from));
  AFI_TRY_STATUS(check_component(folder, to));
  const int at = folder.fd.get();
  if (folder.calls.renameat2(at, from.c_str(), at, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EEXIST) return fail_file(errno, "rename to", path_in(folder, to));
  if (errno != EINVAL && errno != ENOSYS) return fail_file(errno, "rename", path_in(folder, from));
  // A file system without it (NFS): a second name is refused just as well, and the first one then goes.
  if (::linkat(at, from.c_str(), at, to.c_str(), 0) != 0) return fail_file(errno, "rename to", path_in(folder, to));
  return remove_file_in(folder, from);
}

Result<ByteCount> free_space_of(const OpenFile& folder) {
  struct statvfs status{};
  while (::fstatvfs(folder.fd.get(), &status) != 0) {
    if (errno != EINTR) return fail_file(errno, "ask for the space of", folder.path);
  }
  // f_bavail: what is kept for root is not ours to use up, even as root.
  const std::uint64_t unit = status.f_frsize;
  if (unit != 0 && status.f_bavail > std::numeric_limits<std::uint64_t>::max() / unit) {
    return ByteCount(std::numeric_limits<std::uint64_t>::max());
  }
  return ByteCount(std::uint64_t{status.f_bavail} * unit);
}

}  // namespace afterimage::io::posix
