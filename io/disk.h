// SPDX-License-Identifier: Apache-2.0
// Disk, Directory, File: all that Afterimage does to a file system. Platforms implement them; `sim` may reorder, tear
// and lose whatever this contract leaves open.
//
// Ordering      Operations on one File that overlap in time have no order. Await one before starting what must follow.
//
// Durability    Written bytes are durable after a sync() that began after the write ended. A new, renamed or removed
//               name is durable after the sync() of its Directory. Nothing else is.
//
// Failed sync   is final for the File: every later write_at and sync answers io_failed. It is never retried and
//               believed (ext4 and btrfs answer the second one OK, and the data is gone). Reopen and verify. A
//               Directory whose sync has failed may answer so to its later syncs, too: open it again.
//
// Partial       read_at is short only at the end of the file. write_at is whole or an error, and then any part of it
//               may have been written.
//
// Buffers       belong to the caller, who keeps them until the awaited task has ended.
//
// Cancellation  An operation on a file ends as the kernel ends it; only its start is refused in an interrupted scope.
//
// Thread        The reactor's, but for read_cached.
//
// Errors        the code and errno of the system, with the name of the file in `detail`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/base/bytes.h"
#include "io/base/result.h"
#include "io/base/time.h"
#include "io/base/units.h"
#include "io/scope.h"
#include "io/task.h"

namespace afterimage::io {

// What tells whether a file was changed by somebody else. Two equal facts: nobody wrote in between (as far as the file
// system's time resolution and honesty go).
struct FileFacts {
  ByteCount size;
  ByteCount allocated;  // bytes that take space
  WallTime modified;
  WallTime status_changed;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;  // st_mode
  bool operator==(const FileFacts&) const = default;
};

// A range of a file: [offset, offset + size).
struct FileRange {
  ByteOffset offset;
  ByteCount size;
  [[nodiscard]] ByteOffset end() const { return offset + size; }
};

// Where the data of a range is: from where was asked up to `end`, `data` is all there is, ascending, inside of it.
struct DataMap {
  std::vector<FileRange> data;
  ByteOffset end;
  static constexpr std::size_t pieces_max = 4096;

  // Takes the next piece that was found, cut at `end`. False: there is no more to look for.
  [[nodiscard]] bool add(FileRange found);
};

enum class LockMode : std::uint8_t { shared, exclusive };

class File {
 public:
  virtual ~File() = default;

  // Reads at `offset` until `out` is full or the file ends; the count read.
  [[nodiscard]] virtual Task<Result<std::size_t>> read_at(Scope& scope, ByteOffset offset, MutableBytes out) = 0;
  // What is in memory of the range, without waiting for a device: fills `out` from its start and tells how far; 0 where
  // the platform cannot tell. Knows neither errors nor the end of the file: whoever needs more asks read_at. Thread:
  // any, while the File lives and is open, which is the caller's to see to.
  [[nodiscard]] virtual std::size_t read_cached(ByteOffset offset, MutableBytes out) = 0;
  // Writes all of `data`; the file grows as needed.
  [[nodiscard]] virtual Task<Status> write_at(Scope& scope, ByteOffset offset, ByteView data) = 0;
  // fdatasync: data and size.
  [[nodiscard]] virtual Task<Status> sync(Scope& scope) = 0;
  [[nodiscard]] virtual Task<Status> resize(Scope& scope, ByteCount size) = 0;
  // The range reads as zeros afterwards; its space is given back where the file system can. Inside the size.
  [[nodiscard]] virtual Task<Status> write_zeros(Scope& scope, FileRange range) = 0;
  // The first range of data at or after `from` (SEEK_DATA, SEEK_HOLE): nothing if only holes follow. May report holes
  // as data, never data as a hole.
  [[nodiscard]] virtual Task<Result<std::optional<FileRange>>> next_data(Scope& scope, ByteOffset from) = 0;
  // The same of all data in `range` at once, for files whose data is in many pieces. Where there are more than
  // DataMap::pieces_max the map ends behind the last of these, else at the end of `range`.
  [[nodiscard]] virtual Task<Result<DataMap>> map_data(Scope& scope, FileRange range) = 0;
  [[nodiscard]] virtual Task<Result<FileFacts>> facts(Scope& scope) = 0;
  // Drops clean cached pages of the range where the platform can, so that a following read comes from the device.
  [[nodiscard]] virtual Task<Status> drop_cache(Scope& scope, FileRange range) = 0;
  // An advisory lock (open file description lock) on the whole file, held until the File dies. `busy` if another holds
  // it.
  [[nodiscard]] virtual Status try_lock(LockMode mode) = 0;
  // Closes; the error that close() itself reports. Later operations answer io_failed. The destructor closes silently.
  [[nodiscard]] virtual Status close() = 0;
};

enum class OpenMode : std::uint8_t {
  read,           // an existing file, read only
  write,          // an existing file, read and write
  create,         // a new file, read and write; already_exists if the name is taken
  open_or_create  // read and write
};

enum class EntryKind : std::uint8_t { file, directory, other };
struct DirectoryEntry {
  std::string name;
  EntryKind kind = EntryKind::file;
};

// An open folder. Names are single components: no '/', not "." or ".."; links are not followed.
// New files have mode 0600 and new folders 0700.
class Directory {
 public:
  virtual ~Directory() = default;

  [[nodiscard]] virtual Task<Result<std::unique_ptr<File>>> open_file(Scope& scope, std::string name,
                                                                      OpenMode mode) = 0;
  // Opens a folder, making it if it is not there (its name is durable after sync of this folder).
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Directory>>> make_directory(Scope& scope, std::string name) = 0;
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Directory>>> open_directory(Scope& scope, std::string name) = 0;
  // Sorted by name.
  [[nodiscard]] virtual Task<Result<std::vector<DirectoryEntry>>> list(Scope& scope) = 0;
  [[nodiscard]] virtual Task<Status> remove_file(Scope& scope, std::string name) = 0;
  [[nodiscard]] virtual Task<Status> remove_directory(Scope& scope, std::string name) = 0;  // an empty one
  // Renames inside this folder, replacing `to` in one step.
  [[nodiscard]] virtual Task<Status> replace(Scope& scope, std::string from, std::string to) = 0;
  // Renames inside this folder; already_exists if `to` is taken.
  [[nodiscard]] virtual Task<Status> rename_new(Scope& scope, std::string from, std::string to) = 0;
  // Makes `name` here a copy of `source` that shares its blocks (FICLONE); `unsupported` where the file system cannot.
  [[nodiscard]] virtual Task<Result<std::unique_ptr<File>>> clone_file(Scope& scope, File& source,
                                                                       std::string name) = 0;
  // fsync of the folder: the names in it.
  [[nodiscard]] virtual Task<Status> sync(Scope& scope) = 0;
  // Bytes that this process may still write on the file system.
  [[nodiscard]] virtual Task<Result<ByteCount>> free_space(Scope& scope) = 0;
  [[nodiscard]] virtual std::string path() const = 0;  // for messages and for libraries that want a path
};

// A file system, addressed by absolute paths where people name them (image paths, DIR, --to FILE).
class Disk {
 public:
  virtual ~Disk() = default;
  // The file at `path`; links are followed. `create` makes it with mode 0600.
  [[nodiscard]] virtual Task<Result<std::unique_ptr<File>>> open_file(Scope& scope, std::string path,
                                                                      OpenMode mode) = 0;
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Directory>>> open_directory(Scope& scope, std::string path) = 0;
  // Opens `path`, making the last component and its parents as needed, mode 0700, each durable before it returns.
  [[nodiscard]] virtual Task<Result<std::unique_ptr<Directory>>> make_directory(Scope& scope, std::string path) = 0;
};

// Splits an absolute path into its folder and its last component ("/a/b/c" -> "/a/b", "c"); invalid_argument for a path
// that is relative or has no last component.
struct SplitPath {
  std::string directory;
  std::string name;
};
[[nodiscard]] Result<SplitPath> split_path(std::string_view path);

}  // namespace afterimage::io
